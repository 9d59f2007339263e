"""CPU per event of all stages, on one core: `python -m benchmarks.fold_cost [EVENTS ROUNDS]`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from models.decode.decode import Decoder
from models.detect.detect import Detect
from models.events import Events
from models.fold.fold import Fold, split_at_chunks
from models.operations import Operations
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from models.wire.codec import decode, encode
from models.wire.routing import route
from models.wire.sightings import Sightings

BATCH = 500
PARTITIONS = 8
IDS = 4
LEDGER = "same with ledger"


def made(count: int, orders: int = 2, customers: int = 2, seed: int = 1) -> list[dict[str, Any]]:
    """Events, with so many ids each (two of both: some 450 bytes); 300 developers, 2,000 sellers."""
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
                "customers": [f"cust-{order + n}" for n in range(customers)],
                "orders": [f"order-{order + n}" for n in range(orders)],
                "source_ip": f"10.{s % 300 % 256}.0.{s % 4}",
                "user_agent": "Tool/1.2 (linux; x86_64)",
                "tls_fingerprint": f"t13d1516h2_8daaf6152771_{s % 300:012d}",
                "marketplace": "US",
            }
        )
    return out


class Costs:
    """The least CPU time of each stage over all rounds: the machine does other things too."""

    def __init__(self, events: int) -> None:
        self.least: dict[str, float] = {}
        self._events = events

    def timed(self, stage: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = work()
        took = (time.process_time() - start) / self._events * 1e6
        self.least[stage] = min(took, self.least.get(stage, took))
        return result

    def __str__(self) -> str:
        return "\n".join(f"{stage:18} {cost:6.2f} us/event" for stage, cost in self.least.items())


def one_round(records: list[dict[str, Any]], values: list[bytes], costs: Costs, last: bool) -> None:
    """All stages once, each on what the one before it gave; detect hears each message as it comes."""
    count, operations, timed = len(records), Operations.load(), costs.timed
    decoder, fold = Decoder(operations), Fold(0, operations)

    def decode_batch(a: int) -> Events:
        return decoder.records(values[a : a + BATCH], range(a, min(a + BATCH, count)))[0]

    batches = timed("decode JSON", lambda: [decode_batch(a) for a in range(0, count, BATCH)])
    told = timed("fold", lambda: [fold.step(p).sightings for b in batches for p in split_at_chunks(b)])
    parts = timed("route", lambda: [p for s in told for p in enumerate(route(s, PARTITIONS))])
    parts = [(to, part) for to, part in parts if len(part.rows)]
    raw = timed("encode", lambda: [encode(part) for _, part in parts])
    heard = timed("decode sightings", lambda: [decode(r) for r in raw])
    detects = [Detect(1, RuleSet.load(), Model.load()) for _ in range(PARTITIONS)]

    def each(work: Callable[[Detect, Sightings], Any], on: list[Detect] | None = None) -> None:
        for (to, _), sightings in zip(parts, heard, strict=True):
            work((on or detects)[to], sightings)

    timed("detect add", lambda: each(lambda detect, sightings: detect.add(sightings)))
    keeping = [Detect(1, RuleSet.load(), Model.load(), ledger=True) for _ in range(PARTITIONS)]
    timed(LEDGER, lambda: each(lambda detect, sightings: detect.add(sightings), keeping))
    timed("detect preview", lambda: [detect.preview() for detect in detects])
    closed = timed("detect close", lambda: [detect.close() for detect in detects])
    if last:
        size = sum(map(len, raw))
        print(f"{size / count:.0f} bytes/event of sightings in {len(raw):,} messages")
        judged = sum(len(kinds) for c in closed for kinds, _ in c.judged)
        print(f"{judged:,} entity-minutes closed, {costs.least['detect close'] * count / judged:.1f} us each")
        held, pages = fold.counts(), fold.changed()
        print(f"{held['bytes'] / count:.0f} bytes/event of state in {len(pages):,} pages; {held}")
        for rows in fold.tables():
            each_row = rows.held_bytes / max(1, len(rows))
            print(f"{rows.name:8} {each_row:6.0f} bytes a row, index and reserve included")


def main(count: int, rounds: int) -> None:
    """Print one line a stage: the best of all rounds but the first, in which code is compiled or loaded."""
    records = made(count)
    values = [json.dumps(r).encode() for r in records]
    size = sum(map(len, values)) / count
    print(f"{count:,} events of {size:.0f} bytes, batches of {BATCH}, best of {rounds}")
    one_round(records, values, Costs(count), False)
    costs = Costs(count)
    for n in range(rounds):
        one_round(records, values, costs, n == rounds - 1)
    print(costs)
    print_ids(count, rounds)


def print_ids(count: int, rounds: int) -> None:
    """What an id costs: all stages with IDS of one sort in each event, above all stages with none.

    In turns, so that what else the machine does falls on all three alike.
    """
    sorts = {"": (0, 0), "order": (IDS, 0), "customer": (0, IDS)}
    events = {sort: made(count, *ids) for sort, ids in sorts.items()}
    values = {sort: [json.dumps(r).encode() for r in records] for sort, records in events.items()}
    costs = {sort: Costs(count) for sort in sorts}
    for _ in range(rounds):
        for sort in sorts:
            one_round(events[sort], values[sort], costs[sort], False)
    none, *more = (sum(c for stage, c in each.least.items() if stage != LEDGER) for each in costs.values())
    print(f"{none:.2f} us/event in all without ids, without a ledger")
    for sort, cost in zip(list(sorts)[1:], more, strict=True):
        print(f"{(cost - none) / IDS:.2f} us a further {sort} id")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:])) if len(sys.argv) > 2 else main(20_000, 8)
