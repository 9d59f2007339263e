"""A tiny history through every compiled function: `python -m models.warm`. Touches numba's cache only.

What is compiled is kept beside the sources (or in NUMBA_CACHE_DIR), so this costs its time once. numba looks
at the file of the outermost function alone, not at the files of its parts: `drop_stale` removes what is older
than the newest source. A literal and a number are types of their own to numba, and so are a read-only and a
writable array: each is compiled beside the other, so callers give np.int64(0), and arrays of one kind.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from models.decode.decode import Decoder
from models.detect.detect import Detect
from models.fold.fold import Fold
from models.minutes import DAY_MS
from models.operations import Operations
from models.scoring.features import FEATURES
from models.scoring.judge import judge
from models.scoring.model import Model
from models.scoring.reasons import reasons
from models.scoring.rules import RuleSet
from models.windows.arena import Arena
from models.wire.codec import decode, encode
from models.wire.routing import route
from models.wire.sightings import ENTITY_KINDS

START_MS = 1_700_006_400_000


def drop_stale() -> int:
    """Remove compiled code that is older than the newest source of this room; how many files went."""
    sources = list(Path(__file__).parent.rglob("*.py"))
    newest = max(source.stat().st_mtime for source in sources)
    folders = {source.parent for source in sources}
    places = [folder / "__pycache__" for folder in folders]
    if kept_in := os.environ.get("NUMBA_CACHE_DIR"):
        places += (place for folder in folders for place in Path(kept_in).glob(f"{folder.name}_*"))
    stale = [kept for place in places for kept in place.glob("*.nb[ci]") if kept.stat().st_mtime < newest]
    for kept in stale:
        kept.unlink(missing_ok=True)
    return len(stale)


def _history() -> list[dict[str, Any]]:
    """A pooler with eight names in one place reads what a shop's own tool ships, for two days."""
    events = []
    for n in range(400):
        pooler = n % 2 == 1
        events.append(
            {
                "event_id": f"e{n}",
                "time": START_MS + n * DAY_MS // 200,
                "developer_id": f"pooler-{n % 16}" if pooler else "tool",
                "seller_id": f"shop-{n % 20}",
                "key_id": f"key-{n % 20}-{n % 2}",
                "operation": "getOrders" if pooler or n % 4 else "confirmShipment",
                "status": 429 if n % 50 == 49 else 200,
                "records": 2,
                "bytes": 100,
                "pii": ["name", "address"],
                "orders": [f"o{n // 8}", f"o{n // 8 + 1}"],
                "customers": [f"c{n}"],
                "source_ip": "198.51.100.9" if pooler else "203.0.113.7",
                "tls_fingerprint": f"t{n % 2}",
            }
        )
    return events


def warm() -> int:
    """Compile, or load, everything but training; how many alerts the history gave."""
    history, operations = _history(), Operations.load()
    decoder, shipped, model = Decoder(operations), RuleSet.load(), Model.load()
    # Lines that all exceed: alerts are told too.
    rules = replace(shipped, rules=tuple(replace(r, lines=(-1.0,) * len(r.lines)) for r in shipped.rules))
    decoder.table(pa.Table.from_pylist(history), 0)
    fold, detect = Fold(0, operations), Detect(1, rules, model, scores=True, ledger=True)
    alerts, half = 0, len(history) // 2
    for first in (0, half):
        part = history[first : first + half]
        values = [json.dumps(event).encode() for event in part]
        events, _ = decoder.records(values, range(first, first + half))
        told = fold.step(events).sightings
        for message in route(told, 2):
            detect.add(decode(encode(message)))
        alerts += len(detect.preview()) + len(detect.close().alerts)
    detect.add(fold.finish().sightings)
    alerts += len(detect.finish().alerts)
    for state in (fold, detect):
        state.restore({name: page for name, page in state.changed().items() if page is not None})
    Arena().reserve(10_000)
    matrix = np.ones((1, len(FEATURES)))
    for kind in range(len(ENTITY_KINDS)):
        judge(np.array([kind], np.uint8), matrix, rules, model)
        reasons(kind, matrix[0], rules, model)
    return alerts


def main() -> None:
    """One line before: the first time takes a while."""
    drop_stale()
    print("compiling (about 30 s, once)", flush=True)
    warm()


if __name__ == "__main__":
    main()
