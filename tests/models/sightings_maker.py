"""Made-up sightings: who met whom in which minute, as messages of a source."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from models.minutes import MINUTE_MS
from models.wire.sightings import CUSTOMER, ROW, SUM_NAMES, Sightings

DAY_0 = 20_000 * 1_440  # a minute that begins a UTC day


@dataclass(frozen=True)
class Touch:
    """What one source saw of (entity, seller, key, other) in a minute."""

    minute: int
    entity: int
    seller: int
    key: int
    other: int = 1
    kind: int = 0
    sums: tuple[tuple[str, int], ...] = (("calls", 1),)
    customers: tuple[int, ...] = ()


def name(letter: str, number: int) -> tuple[int, str]:
    """Hash and text of an id."""
    text = f"{letter}{number}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big"), text


def row_of(touch: Touch, offset: int) -> tuple[np.ndarray, dict[int, str]]:
    row = np.zeros(1, ROW)
    names = {}
    letters = ("d", "o") if touch.kind == 0 else ("o", "d")
    ids = (
        ("entity", letters[0], touch.entity),
        ("seller", "s", touch.seller),
        ("key", "k", touch.key),
        ("other", letters[1], touch.other),
    )
    for field, letter, number in ids:
        value, text = name(letter, number)
        row[field] = value
        names[value] = text
    row["minute"], row["kind"] = touch.minute, touch.kind
    row["first_offset"] = row["last_offset"] = offset
    for column, value in touch.sums:
        assert column in SUM_NAMES
        row[column] = value
    return row, names


def message(
    touches: list[Touch], *, source: int = 0, chunk: int = 0, watermark_minute: int = 0, idle: bool = False
) -> Sightings:
    """One message with the totals of its touches; the same (entity, ..., minute) must not come twice."""
    rows, names, customers = [], {}, []
    for offset, touch in enumerate(touches):
        row, named = row_of(touch, offset)
        rows.append(row)
        names |= named
        customers += [(offset, name("c", c)[0]) for c in touch.customers]
    return Sightings(
        source,
        chunk,
        watermark_minute * MINUTE_MS,
        idle,
        np.concatenate(rows) if rows else np.empty(0, ROW),
        np.array(customers, CUSTOMER),
        names,
    )
