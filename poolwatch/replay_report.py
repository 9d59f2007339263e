"""What a replay left -> its figures against labels, and its HTML report. Touches the report's file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from poolwatch.measure import Given, measure
from poolwatch.report import Side, write_report

#: What of the figures a summary on standard output has room for.
SHORT = (
    "parties",
    "found",
    "recall",
    "precision",
    "false_entities",
    "false_a_day",
    "median_hours",
    "customers_before",
    "share_before",
)


def against_labels(
    labels: str,
    alerts: Sequence[Mapping[str, Any]],
    scores: str | None,
    inputs: Sequence[str],
    span_ms: tuple[int, int],
) -> dict[str, Any]:
    """`poolwatch.measure.measure` of a replay. ConfigError, PoolwatchError: one clear line.

    inputs  customers exposed are known where the input is one Parquet or .jsonl file (or folder of Parquet)
    """
    source = Path(inputs[0]) if len(inputs) == 1 else None
    known = source if source and (source.suffix in (".parquet", ".jsonl") or source.is_dir()) else None
    if known and known.is_dir() and not any(known.rglob("*.parquet")):
        known = None
    given = Given(
        labels=Path(labels),
        events=known,
        scores=Path(scores) if scores else None,
        alerts=alerts,
        span_ms=span_ms,
    )
    return measure(given, rivals=False)


def short(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that fit a summary: of the alerts, and the rankings where scores were kept."""
    alerts = {name: figures["alerts"][name] for name in SHORT if name in figures["alerts"]}
    return {**alerts, **figures["methods"].get("poolwatch", {})}


def report(
    out: str,
    summary: Mapping[str, Any],
    alerts: Sequence[Mapping[str, Any]],
    scores: str | None,
    figures: Mapping[str, Any] | None = None,
    candidate: tuple[Sequence[Mapping[str, Any]], str | None] | None = None,
) -> None:
    """Write the HTML report. candidate: the other model's alerts, and its score file where kept."""
    now = Side("this model", alerts, Path(scores) if scores else None)
    then = None
    if candidate:
        then = Side("the candidate", candidate[0], Path(candidate[1]) if candidate[1] else None)
    write_report(out, summary, now, figures, then)
