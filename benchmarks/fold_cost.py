"""CPU per event of decode, fold and codec, on one core: `python -m benchmarks.fold_cost [EVENTS]`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from models.decode import Decoder
from models.events import Events
from models.fold import Fold, split_at_chunks
from models.operations import Operations
from models.sightings_codec import decode, encode, route

BATCH = 500
PARTITIONS = 8


def made(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Events of some 450 bytes, two orders and two customers each; 300 developers, 2,000 sellers."""
    rng = np.random.default_rng(seed)
    seller = rng.integers(0, 2000, count)
    out = []
    for i in range(count):
        s = int(seller[i])
        acts = i % 5 == 0
        order = int(rng.integers(0, 10**9))
        out.append(
            {
                "event_id": f"ev-{i:012d}-abcdef",
                "time": 1_700_000_000_000 + i * 10,
                "developer_id": f"developer-{s % 300}",
                "seller_id": f"seller-{s}",
                "key_id": f"key-{s}-{i % 2}",
                "operation": "confirmShipment" if acts else "getOrders",
                "status": 200,
                "records": 0 if acts else 2,
                "bytes": 2048,
                "pii": [] if acts else ["name", "address"],
                "customers": [f"cust-{order + n}" for n in range(2)],
                "orders": [f"order-{order + n}" for n in range(2)],
                "source_ip": f"10.{s % 300 % 256}.0.{s % 4}",
                "user_agent": "Tool/1.2 (linux; x86_64)",
                "tls_fingerprint": f"t13d1516h2_8daaf6152771_{s % 300:012d}",
                "marketplace": "US",
            }
        )
    return out


def rounds(records: list[dict[str, Any]], shown: bool) -> None:
    """All stages once, each on what the one before it gave."""
    count, values, operations = len(records), [json.dumps(r).encode() for r in records], Operations.load()
    table = pa.Table.from_pylist(records)
    decoder, fold = Decoder(operations), Fold(0, operations)

    def timed(what: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = work()
        if shown:
            print(f"{what:16} {(time.process_time() - start) / count * 1e6:6.2f} us/event")
        return result

    def decode_batch(a: int) -> Events:
        return decoder.records(values[a : a + BATCH], range(a, min(a + BATCH, count)))[0]

    batches = timed("decode JSON", lambda: [decode_batch(a) for a in range(0, count, BATCH)])
    timed("decode Arrow", lambda: decoder.table(table, 0))
    told = timed("fold", lambda: [fold.step(p).sightings for b in batches for p in split_at_chunks(b)])
    parts = timed("route", lambda: [p for s in told for p in route(s, PARTITIONS).values()])
    raw = timed("encode", lambda: [encode(p) for p in parts])
    timed("decode sightings", lambda: [decode(r) for r in raw])
    pages, held = timed("snapshot, whole", fold.changed), fold.counts()
    if shown:
        print(f"{sum(map(len, raw)) / count:.0f} bytes/event of sightings in {len(raw):,} messages")
        print(f"{held['bytes'] / count:.0f} bytes/event of state in {len(pages):,} pages; {held}")
        for rows in fold.tables():
            each = rows.bytes / max(1, len(rows))
            print(f"{rows.name:8} {each:6.0f} bytes a row, index and reserve included")


def main(count: int) -> None:
    """Print one line a stage; the second of two rounds, so that nothing is compiled in it."""
    records = made(count)
    print(
        f"{count:,} events of {np.mean([len(json.dumps(r)) for r in records]):.0f} bytes, batches of {BATCH}"
    )
    for shown in (False, True):
        rounds(records, shown)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
