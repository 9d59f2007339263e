"""A Parquet of events -> score rows of the plain rivals that poolwatch is measured against. Reads only.

Each rival gives a table like poolwatch's own score rows (time, entity_kind, entity_id, score), so that one
yardstick measures all. They see the same events, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from models.dtypes import F64, I64
from models.minutes import HOUR_MS
from models.operations import Operations
from poolwatch.evaluation.cube import SUMS, Cube, build_cube, summed

DAY_HOURS = 24


@dataclass(frozen=True, slots=True)
class Rival:
    """A plain method. rows: its score rows, or None with the reason in `skipped`."""

    name: str
    kinds: tuple[str, ...]
    rows: pa.Table | None
    skipped: str = ""


def score_rows(kind: str, names: list[str], entity: I64, time_ms: I64, score: F64) -> pa.Table:
    """Score rows of one kind; entity int64[rows] points into names."""
    return pa.table(
        {
            "time": time_ms,
            "entity_kind": pa.array([kind]).take(pa.array(np.zeros(len(entity), np.int8))),
            "entity_id": pa.array(names, pa.string()).take(pa.array(entity)),
            "score": score.astype(np.float64),
        }
    )


def distinct_sellers_24h(cube: Cube, kind: str) -> pa.Table:
    """Exact distinct sellers over each trailing 24 h, at hourly steps; a row where the number changes."""
    c = cube.by(kind)
    active = np.unique(np.stack([c["entity"], c["seller"], c["hour"]]), axis=1)
    entity, seller, hour = active
    # A pair active in hour h counts in the windows that end with hours h to h + 23, but once in each:
    # so only until its next active hour.
    same = (entity[1:] == entity[:-1]) & (seller[1:] == seller[:-1])
    until = hour + DAY_HOURS
    until[:-1][same] = np.minimum(until[:-1][same], hour[1:][same])
    steps = np.stack([np.tile(entity, 2), np.concatenate([hour, until])])
    places, inverse = np.unique(steps, axis=1, return_inverse=True)
    change = np.bincount(inverse.ravel(), np.repeat([1.0, -1.0], len(entity)), places.shape[1])
    # An entity's changes add up to nothing, so the next one starts at 0.
    level = np.cumsum(change, dtype=np.float64)
    return score_rows(kind, cube.names(kind), places[0], (places[1] + 1) * HOUR_MS, level)


def hourly_counts(cube: Cube) -> tuple[I64, I64, F64]:
    """Developer, hour, and float64[rows, 6]: calls, records, sellers, keys, bytes, personal-data records."""
    c = cube.by("developer")
    table = pa.table({name: c[name] for name in ("entity", "hour", "seller", "key", *SUMS)})
    hourly = table.group_by(["entity", "hour"]).aggregate(
        [
            ("calls", "sum"),
            ("records", "sum"),
            ("seller", "count_distinct"),
            ("key", "count_distinct"),
            ("bytes", "sum"),
            ("pii_records", "sum"),
        ]
    )
    # The order of rows decides what the forest samples; grouping in threads leaves it to chance.
    hourly = hourly.sort_by([("entity", "ascending"), ("hour", "ascending")])
    entity, hour, *counts = (hourly[n].to_numpy() for n in ["entity", "hour", *hourly.column_names[2:]])
    return entity, hour, np.column_stack(counts).astype(np.float64)


def isolation_forest(cube: Cube, seed: int = 0) -> pa.Table:
    """scikit-learn's IsolationForest on hourly counts, fitted on the same span."""
    from sklearn.ensemble import IsolationForest

    entity, hour, counts = hourly_counts(cube)
    score = -IsolationForest(random_state=seed).fit(counts).score_samples(counts)
    return score_rows("developer", cube.developers, entity, (hour + 1) * HOUR_MS, score)


def ecod(cube: Cube) -> pa.Table:
    """PyOD's ECOD on hourly counts. ImportError without PyOD."""
    from pyod.models.ecod import ECOD

    entity, hour, counts = hourly_counts(cube)
    model = ECOD()
    model.fit(counts)
    return score_rows("developer", cube.developers, entity, (hour + 1) * HOUR_MS, model.decision_scores_)


def expert_sql(cube: Cube, kind: str) -> pa.Table:
    """What an expert would query each day: share of personal-data reads without writes x sellers so read and
    never written for x (1 + sellers new to the entity). A row per entity and UTC day, at the day's end.
    """
    c = cube.by(kind)
    table = pa.table({"entity": c["entity"], "seller": c["seller"], "day": c["hour"] // DAY_HOURS})
    for name in ("pii_calls", "writes"):
        table = table.append_column(name, pa.array(c[name]))
    pairs = summed(table, ("entity", "seller", "day"))
    first = pairs.group_by(["entity", "seller"]).aggregate([("day", "min")])
    pairs = pairs.join(first, ["entity", "seller"])
    entity, day, first_day, reads, writes = (
        pairs[n].to_numpy().astype(np.int64) for n in ("entity", "day", "day_min", "pii_calls", "writes")
    )
    start = day.min() if len(day) else 0
    days = pa.table(
        {
            "entity": entity,
            "day": day,
            "unwritten": ((reads > 0) & (writes == 0)).astype(np.int64),
            # On the first day of the events every seller would be new.
            "fresh": ((first_day == day) & (day > start)).astype(np.int64),
            "reads": reads,
            "writes": writes,
        }
    )
    daily = days.group_by(["entity", "day"]).aggregate(
        [(n, "sum") for n in ("unwritten", "fresh", "reads", "writes")]
    )
    e, d, unwritten, fresh, reads, writes = (daily[n].to_numpy() for n in daily.column_names)
    without = 1 - np.minimum(1, writes / np.maximum(reads, 1))
    score = without * unwritten * (1.0 + fresh)
    return score_rows(kind, cube.names(kind), e, (d + 1) * DAY_HOURS * HOUR_MS, score)


def all_rivals(path: Path, operations: Operations, seed: int = 0) -> list[Rival]:
    """Every rival on these events. One that lacks its package is there with the reason."""
    cube = build_cube(path, operations)
    both = ("developer", "origin")
    makers: list[tuple[str, tuple[str, ...], Callable[[], pa.Table]]] = [
        ("distinct sellers per developer, 24 h", both[:1], lambda: distinct_sellers_24h(cube, "developer")),
        ("distinct sellers per address, 24 h", both[1:], lambda: distinct_sellers_24h(cube, "origin")),
        ("isolation forest, hourly counts", both[:1], lambda: isolation_forest(cube, seed)),
        ("ECOD, hourly counts", both[:1], lambda: ecod(cube)),
        ("expert SQL per developer, daily", both[:1], lambda: expert_sql(cube, "developer")),
        ("expert SQL per address, daily", both[1:], lambda: expert_sql(cube, "origin")),
    ]
    rivals = []
    for name, kinds, make in makers:
        try:
            rivals.append(Rival(name, kinds, make()))
        except ImportError as error:
            rivals.append(Rival(name, kinds, None, f"skipped: {error.name} is not installed"))
    return rivals
