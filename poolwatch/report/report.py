"""What a replay found -> one HTML page that needs nothing else. Touches that file.

Each section is a function of its own that gives HTML, or "" where it has no matter.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.alerts.alerts import SEVERITIES
from models.alerts.cases import stands
from models.minutes import HOUR_MS
from models.scoring.advice import Advice
from models.wire.sightings import ENTITY_KINDS
from models.yardstick.truth import Entity
from poolwatch.evaluation.detection_page import two
from poolwatch.evaluation.evidence import ScoreFile
from poolwatch.report.cases import case_list
from poolwatch.report.charts import legend, stacked_bars
from poolwatch.report.labels import against_labels
from poolwatch.report.parts import SHOWN, alert_list, moment, safe, table
from streams.files.atomic import atomic_path

#: Bars of the alerts' chart at most, and times written under them.
MOST_BARS, MOST_TIMES = 72, 7


@dataclass(frozen=True, slots=True)
class Side:
    """What one model found: its alerts (last versions), and its score rows where they were kept."""

    name: str
    alerts: Sequence[Mapping[str, Any]]
    scores: Path | None = None

    def standing(self) -> Side:
        """With the alerts that still count alone."""
        return replace(self, alerts=[alert for alert in self.alerts if stands(alert)])


def write_report(
    out: str,
    summary: Mapping[str, Any],
    now: Side,
    figures: Mapping[str, Any] | None = None,
    candidate: Side | None = None,
    known: Mapping[str, Advice] | None = None,
) -> None:
    """Write the page, of the alerts that still count. PoolwatchError where it cannot be written.

    summary  of the replay, as `--json` prints it
    figures  poolwatch.evaluation.measure's, where there are labels
    known    what to do about the rules that fired
    """
    now = now.standing()
    highest = ScoreFile(now.scores).highest() if now.scores else {}
    sections = [
        _over_time(now.alerts),
        _distribution(highest),
        against_labels(figures) if figures else "",
        _compared(now, highest, candidate.standing()) if candidate else "",
        case_list(now.alerts, known or {}),
    ]
    style = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>poolwatch: replay</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body><main>{_head(summary, now)}"
        + "".join(f"<section>{s}</section>" for s in sections if s)
        + "</main></body></html>\n"
    )
    with atomic_path(out) as partial:
        Path(partial).write_text(page, encoding="utf-8")


def _head(summary: Mapping[str, Any], now: Side) -> str:
    cases = {a.get("case") or a["alert_id"] for a in now.alerts}
    entities = {(a["entity_kind"], a["entity_id"]) for a in now.alerts}
    tiles = [
        (f"{summary.get('events', 0):,}", "events"),
        (f"{summary.get('entities', 0):,}", "entities"),
        (f"{len(now.alerts):,}", "alerts"),
        (f"{len(entities):,}", "entities alerted on"),
        (f"{len(cases):,}", "cases"),
    ]
    span = ""
    if summary.get("from") and summary.get("until"):
        span = f"{moment(summary['from'])} – {moment(summary['until'])} UTC. "
    versions = f"Model {safe(summary.get('model', '?'))}, rules {safe(summary.get('rule_set', '?'))}."
    shown = "".join(f"<div><b>{n}</b>{text}</div>" for n, text in tiles)
    notes = "".join(f"<p>{safe(note)}.</p>" for note in summary.get("notes", ()))
    return (
        f'<h1>What the replay found</h1><p class="quiet">{span}{versions}</p><div class="tiles">{shown}</div>'
        + notes
    )


def _over_time(alerts: Sequence[Mapping[str, Any]]) -> str:
    if not alerts:
        return "<h2>Alerts over time</h2><p>No alerts: nothing crossed a line.</p>"
    first = min(a["time"] for a in alerts) // HOUR_MS
    last = max(a["time"] for a in alerts) // HOUR_MS
    wide = math.ceil((last - first + 1) / MOST_BARS)  # hours in a bar
    bars = (last - first) // wide + 1
    counts = {s: [0] * bars for s in SEVERITIES}
    for alert in alerts:
        counts[alert["severity"]][(alert["time"] // HOUR_MS - first) // wide] += 1
    labels = [moment((first + i * wide) * HOUR_MS)[5:] for i in range(bars)]
    chart = stacked_bars("Alerts over time", labels, counts, every=math.ceil(bars / MOST_TIMES))
    unit = "hour" if wide == 1 else f"{wide} hours"
    return f"<h2>Alerts over time</h2>{chart}{legend(SEVERITIES)}<p class='quiet'>One bar: {unit}, UTC.</p>"


def _distribution(highest: Mapping[Entity, float], bins: int = 40) -> str:
    if not highest:
        return ""
    counts = {kind: [0] * bins for kind in ENTITY_KINDS}
    for (kind, _), score in highest.items():
        if kind in counts:
            counts[kind][min(bins - 1, int(score * bins))] += 1
    labels = [f"{i / bins:g}" for i in range(bins)]
    chart = stacked_bars("Highest scores", labels, counts, every=4, logarithmic=True)
    return (
        f"<h2>Highest score of each entity</h2>{chart}{legend(ENTITY_KINDS)}"
        "<p class='quiet'>0 to 1, higher = more anomalous; bar heights are logarithmic.</p>"
    )


def _compared(now: Side, highest: Mapping[Entity, float], candidate: Side) -> str:
    """Alerts gained and lost, by entity, and the entities whose highest score moves most."""
    ours, theirs = ({(a["entity_kind"], a["entity_id"]): a for a in s.alerts} for s in (now, candidate))
    gained = [theirs[e] for e in theirs if e not in ours]
    lost = [ours[e] for e in ours if e not in theirs]
    parts = [
        f"<h2>With {safe(candidate.name)} instead of {safe(now.name)}</h2>",
        f"<p>{len(ours.keys() & theirs.keys()):,} entities alerted on by both, "
        f'<span class="bad">{len(gained):,} gained</span>, <span class="good">{len(lost):,} lost</span>.</p>',
    ]
    severities = [Counter(a["severity"] for a in side.alerts) for side in (now, candidate)]
    rows = [[s, *(f"{c[s]:,}" for c in severities)] for s in reversed(SEVERITIES)]
    parts.append(table(["alerts", safe(now.name), safe(candidate.name)], rows, (1, 2)))
    parts += [alert_list("Gained", gained), alert_list("Lost", lost)]
    if candidate.scores and highest:
        parts.append(_movers(highest, ScoreFile(candidate.scores).highest()))
    return "".join(parts)


def _movers(before: Mapping[Entity, float], after: Mapping[Entity, float]) -> str:
    moves = {e: after.get(e, 0.0) - before.get(e, 0.0) for e in {*before, *after}}
    most = sorted(moves, key=lambda e: (-abs(moves[e]), e))[:SHOWN]
    rows = [
        [
            f"{safe(e[0])} <b>{safe(e[1])}</b>",
            two(before.get(e, 0.0)),
            two(after.get(e, 0.0)),
            f"{moves[e]:+.2f}",
        ]
        for e in most
        if abs(moves[e]) >= 0.005
    ]
    if not rows:
        return "<h2>Moved</h2><p>No entity's highest score moves by .005 or more.</p>"
    return "<h2>Entities that move most</h2>" + table(["entity", "score", "then", "move"], rows, (1, 2, 3))
