"""What worker and stages hold -> Prometheus gauges, looked at every few seconds. Decides nothing."""

from __future__ import annotations

import asyncio
import functools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from models.actors.actors import Actors
from models.detect.closed import Closed
from models.detect.detect import Detect
from models.dtypes import F64, U8
from models.fold.fold import Fold
from models.minutes import MINUTE_MS
from models.scoring.features import FEATURES
from models.wire.sightings import ENTITY_KINDS, Sightings
from streams.agents.stage import Slot
from streams.telemetry import metrics

LOOK_S = 5.0
#: Open minutes whose last sighting is remembered; more than a day's backlog is not timed.
MINUTES_MOST = 2_000


class Held(NamedTuple):
    """What a stage's states hold, by table."""

    sizes: Counter[str]
    rows: Counter[str]


NOTHING = Held(Counter(), Counter())


def look(
    stage: str, slots: Mapping[int, Slot[Any]], end_of: Callable[[int], int | None], before: Held = NOTHING
) -> Held:
    """Set the gauges of one stage; what they tell now.

    end_of  partition -> offset after the newest record, None = unknown
    before  what they told last: a table that is gone with its partition is told as empty
    """
    sizes, rows = (Counter(dict.fromkeys(tables, 0)) for tables in before)
    for slot in list(slots.values()):
        partition, state = str(slot.partition), slot.state
        end = end_of(slot.partition)
        if end is not None:
            metrics.LAG.labels(stage, partition).set(max(0, end - slot.position))
        time_ms = state.watermark_ms if isinstance(state, Fold) else state.closed_to_ms
        if time_ms > 0:
            metrics.WATERMARK_DELAY.labels(stage, partition).set(max(0.0, time.time() - time_ms / 1000))
        _add(state, sizes, rows)
    for table, value in sizes.items():
        metrics.STATE_BYTES.labels(f"{stage}.{table}").set(value)
    for table, value in rows.items():
        metrics.STATE_ROWS.labels(f"{stage}.{table}").set(value)
    if stage == "detect":
        metrics.ENTITIES.set(rows["entities"])
        each = [set(slot.state.off) for slot in slots.values() if isinstance(slot.state, Detect)]
        off = set.intersection(*each) if each else set()
        for feature in (f.name for f in FEATURES if f.needs):
            metrics.FEATURE_OFF.labels(feature).set(feature in off)
    return Held(sizes, rows)


def _add(state: Fold | Detect | Actors, sizes: Counter[str], rows: Counter[str]) -> None:
    if isinstance(state, Fold):
        counts = state.counts()
        sizes["tables"] += counts["bytes"]
        rows.update({k.removesuffix("_rows"): v for k, v in counts.items() if k.endswith("_rows")})
        return
    if isinstance(state, Actors):
        rows["suspects"] += len(state)
        return
    sizes.update(state.held_bytes)
    rows.update({"entities": state.entities, "alerts": state.open_alerts})


async def look_forever(
    stages: Callable[[], Mapping[str, Mapping[int, Slot[Any]]]], end_of: Callable[[str, int], int | None]
) -> None:
    """Look at every stage again and again. stages(): stage -> its slots now; end_of(stage, partition)."""
    told: dict[str, Held] = {}
    while True:
        for name, slots in stages().items():
            told[name] = look(name, slots, functools.partial(end_of, name), told.get(name, NOTHING))
        await asyncio.sleep(LOOK_S)


class CloseClock:
    """Times from a minute's last sighting to its close, in one sightings partition."""

    def __init__(self) -> None:
        self._written_s: dict[int, float] = {}

    def saw(self, message: Sightings, at_s: float) -> None:
        """A message came, written at `at_s` (seconds, wall clock)."""
        if len(self._written_s) < MINUTES_MOST and len(message.rows):
            self._written_s.update(dict.fromkeys(np.unique(message.rows["minute"]).tolist(), at_s))

    def closed(self, closed: Closed, closed_to_ms: int) -> None:
        """Minutes were closed: count them, their scores, and how long they waited."""
        now = time.time()
        done = [minute for minute in self._written_s if (minute + 1) * MINUTE_MS <= closed_to_ms]
        if done:
            metrics.LATENCY.observe([max(0.0, now - self._written_s.pop(m)) for m in done], "fold_to_close")
        metrics.MINUTES.inc(closed.minutes)
        for kinds, scores in closed.judged:
            count_scores(kinds, scores)


def count_scores(kinds: U8, scores: F64) -> None:
    """Count judged entity-minutes: kinds uint8[n] (ENTITY_KINDS), scores float64[n]."""
    metrics.ROWS_SCORED.inc(len(scores))
    for kind, name in enumerate(ENTITY_KINDS):
        if (kinds == kind).any():
            metrics.SCORE_ROWS.observe(scores[kinds == kind], name)
