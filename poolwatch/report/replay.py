"""A replay, its figures against labels, its HTML report. Touches the report's file, and scores meanwhile."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import ConfigError
from models.scoring.advice import advice
from models.scoring.rules import RuleSet
from poolwatch.evaluation.evidence import read_labels
from poolwatch.evaluation.measure import Given, for_json, measure
from poolwatch.report.report import Side, write_report
from streams.inputs.adapters import Adapter
from streams.inputs.forms import adapter

if TYPE_CHECKING:
    from poolwatch.replay.replay import Replayed, Request

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
    "cases",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Beside the replay's own output; None = not asked for. labels: a file to read; report: one to write."""

    labels: str | None = None
    report: str | None = None


def replay_and_judge(request: Request, wanted: Wanted) -> Replayed:
    """Replay; with labels the summary has `labels`, their figures. Scores nobody asked for go again."""
    from poolwatch.replay.replay import replay  # heavy: the compiled parts come with it

    if not (wanted.labels or wanted.report):
        return replay(request)
    if wanted.labels:
        read_labels(Path(wanted.labels))  # a bad file is told before the replay, not after
    if wanted.report and not Path(wanted.report).absolute().parent.is_dir():
        raise ConfigError(f"{wanted.report}: no such folder; make it first")
    with tempfile.TemporaryDirectory(prefix="poolwatch-replay-") as scratch:
        scores = request.scores or f"{scratch}/scores.parquet"
        others = f"{scratch}/candidate.parquet" if request.candidate else None
        replayed = replay(replace(request, scores=scores, candidate_scores=others))
        figures = None
        if wanted.labels:
            span = (replayed.summary["from"], replayed.summary["until"])
            form = adapter(request.form, request.mapping)
            figures = against_labels(wanted.labels, replayed.alerts, scores, request.inputs, span, form)
            replayed.summary["labels"] = for_json(short(figures))
        if wanted.report:
            now, then = Side("this model", replayed.alerts, Path(scores)), None
            if others and replayed.candidate is not None:
                then = Side("the candidate", replayed.candidate, Path(others))
            known = advice(RuleSet.load(request.settings.rules).rules)
            write_report(wanted.report, replayed.summary, now, figures, then, known)
    return replayed


def against_labels(
    labels: str,
    alerts: Sequence[Mapping[str, Any]],
    scores: str | None,
    inputs: Sequence[str],
    span_ms: tuple[int, int],
    form: Adapter | None = None,
) -> dict[str, Any]:
    """`poolwatch.evaluation.measure` of a replay. ConfigError, PoolwatchError: one clear line.

    inputs  customers exposed are known where they are files, which are read once more; form: their adapter
    """
    files = not any(name == "-" or name.startswith("kafka://") for name in inputs)
    given = Given(
        labels=Path(labels),
        events=inputs if files and span_ms[1] else None,
        adapter=form,
        scores=Path(scores) if scores else None,
        alerts=alerts,
        span_ms=span_ms,
    )
    return measure(given, rivals=False)


def short(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that fit a summary: of the alerts, who was missed and who flagged by mistake; and the
    rankings where scores were kept."""
    of = figures["alerts"]
    alerts = {name: of[name] for name in SHORT if name in of}
    alerts["missed"] = [
        {name: d[name] for name in ("party", "scenario")} for d in of["detections"] if not d["found"]
    ]
    alerts["false"] = dict(Counter(f["population"] for f in of["false"]).most_common())
    ranked = figures["methods"].get("poolwatch")
    return {**alerts, "ranked": ranked} if ranked else alerts
