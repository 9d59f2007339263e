"""Memory of one worker's state: 5,000 developers, as many origins, 100,000 sellers, 1,000,000 live pairs.

python -m benchmarks.memory [PAIRS]

A day of events (each names one order and one customer) passes through fold and detect, partitioned as they
are live, all in one process. Of the pairs (entity, seller) half are developers', half are origins'; each
(developer, seller) has a key of its own, used twice in the day. Counted is the whole process: Python, numba,
Arrow, the model and the state. Exit code 1: above the target.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
from numba import njit

from models.decode.decode import Decoder
from models.minutes import DAY_MS
from models.operations import Operations
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from models.windows.arena import ENTITY, TAIL, after, at, first_place
from models.wire.sightings import ENTITY_KINDS
from poolwatch.replay.pipeline import Pipeline

PAIRS, ENTITIES, SELLERS, PARTITIONS = 1_000_000, 5_000, 100_000, 8
TARGET_MB = 1_500
START_MS = 1_699_920_000_000
BATCH = 16_384
MB = 1 << 20


def couples(draw: np.random.Generator, pairs: int, meetings: int) -> np.ndarray:
    """Number of the couple (developer, seller) of each event: `pairs` couples, met `meetings` times each."""
    return draw.permutation(np.repeat(np.arange(pairs, dtype=np.int32), meetings))


def table(couple: np.ndarray, first: int, total: int) -> pa.Table:
    """Events first, first + 1, ... out of `total` in a day."""
    developer, seller = couple % ENTITIES, (couple // ENTITIES * 7_919 + couple % ENTITIES * 31) % SELLERS
    number = np.arange(first, first + len(couple))

    def texts(form: str, numbers: np.ndarray) -> pa.Array:
        return pa.array([form.format(n) for n in numbers.tolist()])

    names = {
        "event_id": texts("{:012x}", number),
        "time": pa.array(START_MS + number * (DAY_MS - 120_000) // total),
        "developer_id": texts("amzn1.developer.{:05d}", developer),
        "seller_id": texts("A{:013d}", seller),
        "key_id": texts("key-{:016d}", couple),
        "operation": pa.array(np.where(number % 5, "getOrder", "confirmShipment")),
        "status": pa.array(np.full(len(number), 200)),
        "records": pa.array(np.ones(len(number), np.int64)),
        "bytes": pa.array(np.full(len(number), 900)),
        "source_ip": texts("10.0.{0}", developer),
        "tls_fingerprint": texts("{:032x}", developer),
        "pii": pa.array([["name", "address"]] * len(number)),
        "orders": pa.array([[f"ord-{n:09d}"] for n in couple.tolist()]),
        "customers": pa.array([[f"cus-{n:09d}"] for n in couple.tolist()]),
    }
    return pa.table(names)


def resident() -> int:
    """Bytes of this process."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    return int(psutil.Process().memory_info().rss)


def main() -> int:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    operations, rules, model = Operations.load(), RuleSet.load(), Model.load()
    draw = np.random.default_rng(5)
    warm = Pipeline(PARTITIONS, operations, rules, [model])
    warm.step(Decoder(operations).table(table(couples(draw, 4_096, 2), 0, 8_192), 0)[0])
    warm.finish()
    del warm
    met, begun = couples(draw, pairs // 2, 2), time.process_time()
    decoder, pipeline = Decoder(operations), Pipeline(PARTITIONS, operations, rules, [model])
    before = resident()
    for first in range(0, len(met), BATCH):
        some = table(met[first : first + BATCH], first, len(met))
        pipeline.step(decoder.table(some, first)[0])
    del some
    took, whole = time.process_time() - begun, resident()
    _print(pipeline, _parts(pipeline), len(met), took)
    print(f"{(whole - before) / MB:10,.0f} MB grown by the state")
    print(f"{whole / MB:10,.0f} MB resident in all, target {TARGET_MB:,}")
    return int(whole > TARGET_MB * MB)


def _parts(pipeline: Pipeline) -> dict[str, int]:
    """Bytes held, by part, all partitions together."""
    parts: dict[str, int] = {}
    for detect in pipeline.detects[0]:
        for name, size in detect.held_bytes.items():
            parts[f"detect {name}"] = parts.get(f"detect {name}", 0) + size
    for fold in pipeline.folds:
        for part in fold.tables():
            parts[f"fold {part.name}"] = parts.get(f"fold {part.name}", 0) + part.held_bytes
    return parts


def _print(pipeline: Pipeline, parts: dict[str, int], events: int, took: float) -> None:
    states = [detect._state for detect in pipeline.detects[0]]
    orders = sum(len(fold.tables()[0]) for fold in pipeline.folds)
    kinds = np.concatenate([s.pairs.table.rows["kind"][s.pairs.table.rows["key"] != 0] for s in states])
    names = sum(len(detect._names) for detect in pipeline.detects[0])
    entities = sum(detect.entities for detect in pipeline.detects[0])
    used = sum(s.arena.used_bytes for s in states)
    minutes = sum(int(_cells(s.arena.table, len(s.entities.table.rows)).sum()) for s in states)
    print(f"{events:,} events in a day; {took:.0f} s of processor time")
    print(
        f"{entities:,} entities, {np.bincount(kinds)[0]:,} (entity, seller) pairs, {len(kinds):,} pairs in "
        f"all with keys and counterparts, {minutes:,} entity-minutes, {orders:,} orders, {names:,} names"
    )
    entity_bytes = sum(parts[f"detect {name}"] for name in ("entities", "sketches", "evidence"))
    for what, size, count in (
        ("pair", parts["detect pairs"] + parts["fold pairs"], len(kinds)),
        ("origin or developer", entity_bytes, entities),
        ("entity-minute", used, minutes),
        ("remembered order", parts["fold orders"], orders),
        ("name", parts["detect names"], names),
    ):
        print(f"{size / count:10,.0f} bytes a {what}")
    _print_kinds(states, (parts["detect pairs"] + parts["fold pairs"]) / len(kinds), used / minutes)
    for name, size in sorted(parts.items(), key=lambda item: -item[1]):
        if size > MB:
            print(f"{size / MB:10,.0f} MB {name}")
    print(f"{sum(parts.values()) / MB:10,.0f} MB reserved in tables, not all of it touched")


def _print_kinds(states: list[Any], pair: float, minute: float) -> None:
    """What an entity of each kind takes, by the rows that are its own; `pair`, `minute`: bytes of one."""
    for kind, name in enumerate(ENTITY_KINDS):
        own = pairs = minutes = count = 0
        for state in states:
            entities = state.entities.table.rows
            mine = (entities["key"] != 0) & (entities["kind"] == kind)
            count += int(mine.sum())
            beside = sum(array.nbytes for array in state._of_entities)
            own += int(mine.sum()) * (entities.itemsize + beside // len(entities))
            own += sum(_sketch_bytes(state, int(first)) for first in entities["sketches"][mine])
            evidence = state.evidence.table.rows
            own += int(mine[evidence["entity"][evidence["key"] != 0]].sum()) * evidence.itemsize
            members = state.pairs.table.rows
            pairs += int(mine[members["entity"][members["key"] != 0]].sum())
            minutes += int(_cells(state.arena.table, len(entities))[mine].sum())
        whole = (own + pairs * pair + minutes * minute) / count
        print(
            f"{own / count:10,.0f} bytes of its own has one {name} of {count:,}; {whole:,.0f} with its "
            f"{pairs / count:,.0f} pairs and {minutes / count:,.0f} minutes"
        )


def _sketch_bytes(state: Any, row: int) -> int:
    """Of the customers of an entity's hours, newest first."""
    hours, registers, size = state.sketches.table.rows, state.registers.table.rows, 0
    while row >= 0:
        size += hours.itemsize + (registers.itemsize if hours["registers"][row] >= 0 else 0)
        row = int(hours["next"][row])
    return size


@njit
def _cells(table: Any, entities: int) -> Any:
    """Cells that an arena keeps, int64[entities]."""
    count = np.zeros(entities, np.int64)
    place = first_place(table, table.meta[TAIL])
    while place < table.meta[0]:
        count[table.words[at(table, place) + ENTITY]] += 1
        place = after(table, place)
    return count


if __name__ == "__main__":
    sys.exit(main())
