"""Usage events for tests: small timelines, written as keyword arguments."""

from __future__ import annotations

import json
from typing import Any

from models.decode.decode import Decoder
from models.events import Events
from models.fold.fold import Fold, split_at_chunks
from models.fold.state import FoldLimits
from models.hashing import hash_text
from models.operations import Operations
from models.wire.sightings import ENTITY_KINDS, SUM_NAMES

START_MS = 1_700_006_400_000  # a UTC midnight
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def event(number: int, at: int, **other: Any) -> dict[str, Any]:
    """A call of the shop's own tool; `at` in ms after START_MS."""
    return {
        "event_id": f"e{number}",
        "time": START_MS + at,
        "developer_id": "tool",
        "seller_id": "shop",
        "key_id": "key",
        "operation": "getOrders",
        "status": 200,
        "source_ip": "203.0.113.7",
        "tls_fingerprint": "t-tool",
        **other,
    }


def read(number: int, at: int, orders: list[str], **other: Any) -> dict[str, Any]:
    """An identifying read of `orders`."""
    return event(number, at, orders=orders, records=len(orders), pii=["name", "address"], **other)


def deed(number: int, at: int, orders: list[str], **other: Any) -> dict[str, Any]:
    return event(number, at, operation="confirmShipment", orders=orders, **other)


POOLER: dict[str, Any] = {
    "developer_id": "pooler",
    "source_ip": "198.51.100.9",
    "tls_fingerprint": "t-pool",
    "key_id": "key2",
}


def decoded(records: list[dict[str, Any]], first_offset: int = 0) -> Events:
    values = [json.dumps(r).encode() for r in records]
    events, rejected = Decoder(Operations.load()).records(
        values, range(first_offset, first_offset + len(values))
    )
    assert not rejected
    return events


Totals = dict[tuple[Any, ...], dict[str, int]]


def sums(parts: list[Any]) -> Totals:
    """{(source, chunk, kind, entity, seller, key, other, minute): sums}; later messages win."""
    out: Totals = {}
    for folded in parts:
        s = folded.sightings
        for row in s.rows:
            key = (
                s.source,
                s.chunk,
                *(int(row[c]) for c in ("kind", "entity", "seller", "key", "other", "minute")),
            )
            out[key] = {name: int(row[name]) for name in (*SUM_NAMES, "first_offset", "last_offset")}
    return out


def folded(records: list[dict[str, Any]], limits: FoldLimits | None = None) -> tuple[Fold, list[Any]]:
    """A partition's whole history through a new Fold, its end included."""
    fold = Fold(0, Operations.load(), limits)
    parts = [fold.step(part) for part in split_at_chunks(decoded(records))]
    return fold, [*parts, fold.finish()]


def total(parts: list[Any], name: str, entity: str, kind: str = "developer") -> int:
    """Sum over all rows of one entity."""
    wanted = (ENTITY_KINDS.index(kind), hash_text(entity))
    return sum(row[name] for key, row in sums(parts).items() if (key[2], key[3]) == wanted)
