"""Cost of detect: us per row, bytes per pair. python -m benchmarks.detect_cost [MINUTES ENTITIES]"""

from __future__ import annotations

import sys
import time

import numpy as np

from models.detect.detect import Detect
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from models.wire.sightings import ROW, Sightings

DAY_0 = 20_000 * 1_440


def sightings(draw: np.random.Generator, minute: int, entities: int, pairs_each: int, rows: int) -> Sightings:
    """Rows of one minute: entities and their sellers at random, one key for each seller."""
    out = np.zeros(rows, ROW)
    entity = draw.integers(1, entities + 1, rows).astype(np.uint64)
    seller = entity * np.uint64(10_000) + draw.integers(0, pairs_each, rows).astype(np.uint64)
    out["entity"], out["seller"], out["key"] = entity, seller, seller + np.uint64(1 << 40)
    out["other"], out["minute"], out["kind"] = entity % np.uint64(7), minute, entity % np.uint64(2)
    for column in ("calls", "records", "pii_records", "pii_calls", "pii_name", "orders_taken", "bytes"):
        out[column] = 1
    return Sightings(0, minute, minute * 60_000, False, out)


def main() -> None:
    minutes, entities = (int(a) for a in (sys.argv[1:] or ("60", "1000")))
    draw = np.random.default_rng(1)
    rows, pairs_each = 20_000, 100
    detect = Detect(1, RuleSet.load(), Model.load())
    adding = closing = 0.0
    for minute in range(DAY_0, DAY_0 + minutes):
        message = sightings(draw, minute, entities, pairs_each, rows)
        start = time.perf_counter()
        detect.add(message)
        middle = time.perf_counter()
        detect.close()
        if minute > DAY_0 + 2:  # the first minutes compile
            adding += middle - start
            closing += time.perf_counter() - middle
    told = rows * (minutes - 3)
    print(f"add {1e6 * adding / told:.2f} us a row, close {1e6 * closing / told:.2f} us a row")
    held = detect.held_bytes
    pairs = len(detect._state.pairs)
    cells = entities * min(minutes, 1_440)
    print(f"{pairs} pairs: {held['pairs'] / pairs:.0f} bytes a pair")
    print(f"{cells} entity-minutes: {detect._state.arena.used_bytes / cells:.0f} bytes each")
    print(f"{entities} entities; reserved in all {sum(held.values()) >> 20} MB")


if __name__ == "__main__":
    main()
