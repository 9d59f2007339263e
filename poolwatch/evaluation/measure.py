"""Files of events, labels, scores, alerts -> figures of poolwatch and its plain rivals. Reads files only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import ConfigError
from models.minutes import HOUR_MS
from models.operations import Operations
from models.wire.sightings import ENTITY_KINDS
from models.yardstick.ranking import FALSE_RATES, rank_all, ranking_figures
from models.yardstick.truth import Truth
from models.yardstick.yardstick import Take, alert_figures, detection_figures, detections
from poolwatch.evaluation.evidence import ScoreFile, read_alerts, read_labels, read_take
from poolwatch.evaluation.exposure import EventPass
from poolwatch.evaluation.key_rows import key_figures, read_keys
from poolwatch.evaluation.rivals import all_rivals
from simulators import poolers
from streams.inputs.adapters import Adapter

POOLWATCH = "poolwatch"


@dataclass(frozen=True, slots=True)
class Given:
    """Files to measure. Without `events` there are no rivals, and what was taken is known from `take` alone.

    events: a file, or the inputs of a replay, which `adapter` reads.
    alerts: a file, or the alerts themselves.
    keys: what `replay --keys` made.
    from_ms, until_ms: score rows and alerts outside do not count (a warm-up, say).
    span_ms: first and last event time, where neither events nor scores tell.
    """

    labels: Path
    events: Path | Sequence[str] | None = None
    scores: Path | None = None
    alerts: Path | Sequence[Mapping[str, Any]] | None = None
    take: Path | None = None
    keys: Path | None = None
    operations: Path | None = None
    from_ms: int | None = None
    until_ms: int | None = None
    span_ms: tuple[int, int] | None = None
    adapter: Adapter | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Truth, span and take of one set of files."""

    truth: Truth
    days: float
    take: Take


def measure(given: Given, rivals: bool = True, seed: int = 0) -> dict[str, Any]:
    """All figures of one set of files, NaN = not measurable. PoolwatchError, ConfigError: one line."""
    case = case_of(given)
    figures: dict[str, Any] = {
        "days": case.days,
        "poolers": len(case.truth.parties),
        "customers_taken": sum(len(times) for times in case.take.values()),
        "methods": {},
    }
    methods = figures["methods"]
    if given.scores:
        methods[POOLWATCH] = _method(
            case, ScoreFile(given.scores, given.from_ms, given.until_ms), ENTITY_KINDS
        )
    if given.alerts is not None:
        alerts = read_alerts(given.alerts) if isinstance(given.alerts, Path) else given.alerts
        expected = {name: manner.expect for name, manner in poolers.registry().items()}
        figures["alerts"] = alert_figures(case.truth, _within(alerts, given), case.take, case.days, expected)
    if given.keys:
        figures["keys"] = key_figures(read_keys(given.keys, case.truth))
    if isinstance(given.events, Path) and rivals:
        for rival in all_rivals(given.events, Operations.load(given.operations), seed):
            if rival.rows is None:
                methods[rival.name] = {"skipped": rival.skipped}
            else:
                rows = ScoreFile(rival.rows, given.from_ms, given.until_ms)
                methods[rival.name] = _method(case, rows, rival.kinds)
    return figures


def case_of(given: Given) -> Case:
    """Truth with poolers' own addresses, span in days, and what was taken."""
    truth = read_labels(given.labels)
    take = read_take(given.take) if given.take else {}
    if given.events:
        seen = EventPass(truth).read(given.events, given.adapter)
        first, last = seen.first_ms, seen.last_ms
        take = take or seen.take()
        truth = truth.with_labels(seen.own_addresses())
    elif given.span_ms or given.scores:
        first, last = given.span_ms or ScoreFile(given.scores).span_ms() or (0, 0)
    else:
        raise ConfigError("the span is unknown: give --events or --scores")
    first, last = max(first, given.from_ms or first), min(last, given.until_ms or last)
    hours = last // HOUR_MS + 1 - first // HOUR_MS  # whole hours: nobody's last call ends a span on the dot
    return Case(truth, hours / 24, take)


def _within(alerts: Iterable[Mapping[str, Any]], given: Given) -> list[Mapping[str, Any]]:
    low, high = given.from_ms or -math.inf, given.until_ms or math.inf
    return [a for a in alerts if a.get("last_seen", a["time"]) > low and a["time"] <= high]


def _method(case: Case, scores: ScoreFile, kinds: Sequence[str]) -> dict[str, Any]:
    """Ranking figures per kind and over parties; delay and exposure at the lines of the false rates."""
    rankings = rank_all(case.truth, scores.highest(), kinds)
    figures: dict[str, Any] = {name: ranking_figures(r, case.days) for name, r in rankings.items()}
    for rate in FALSE_RATES:
        line = figures["parties"][f"line_at_{rate:g}_a_day"]
        found = detections(case.truth, scores.signs(case.truth, line, kinds), case.take)
        figures[f"at_{rate:g}_a_day"] = detection_figures(found)
    return figures


def for_json(value: Any) -> Any:
    """The same without what JSON has no word for: NaN becomes None."""
    if isinstance(value, Mapping):
        return {str(k): for_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [for_json(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
