"""What a replay found -> one HTML page that needs nothing else. Touches that file.

Each section is a function of its own that gives HTML, or "" where it has no matter.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from models.alerts import SEVERITIES
from models.sightings import ENTITY_KINDS
from models.truth import Entity
from poolwatch.charts import legend, stacked_bars
from poolwatch.detection_page import hours, percent, two
from poolwatch.evidence import ScoreFile
from streams.atomic import atomic_path, told

SHOWN = 25
MOST_BARS = 72
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Side:
    """What one model found: its alerts (last versions), and its score rows where they were kept."""

    name: str
    alerts: Sequence[Mapping[str, Any]]
    scores: Path | None = None


def write_report(
    out: str,
    summary: Mapping[str, Any],
    now: Side,
    figures: Mapping[str, Any] | None = None,
    candidate: Side | None = None,
) -> None:
    """Write the page. PoolwatchError where it cannot be written.

    summary  of the replay, as `--json` prints it
    figures  poolwatch.evaluate.measure's, where there are labels
    """
    highest = ScoreFile(now.scores).highest() if now.scores else {}
    sections = [
        _over_time(now.alerts),
        _distribution(highest),
        _measured(figures) if figures else "",
        _compared(now, highest, candidate) if candidate else "",
        _top(now.alerts),
    ]
    style = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>poolwatch: replay</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body><main>{_head(summary, now, highest)}"
        + "".join(f"<section>{s}</section>" for s in sections if s)
        + "</main></body></html>\n"
    )
    with told(out), atomic_path(out) as partial:
        Path(partial).write_text(page, encoding="utf-8")


def moment(ms: float) -> str:
    """A time as people read it, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """HTML table of cells that are HTML already; `numbers` are the columns set to the right."""
    right = set(numbers)
    cell = ['class="n"' if i in right else 'class="id"' if i == 0 else "" for i in range(len(head))]
    top = "".join(f"<th {c}>{h}</th>" for c, h in zip(cell, head, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td {c}>{x}</td>" for c, x in zip(cell, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def named(alert: Mapping[str, Any]) -> str:
    """An alert's entity, safe to show."""
    return f"{escape(str(alert['entity_kind']))} <b>{escape(str(alert['entity_id']))}</b>"


def _head(summary: Mapping[str, Any], now: Side, highest: Mapping[Entity, float]) -> str:
    cases = {a.get("case") or a["alert_id"] for a in now.alerts}
    entities = {(a["entity_kind"], a["entity_id"]) for a in now.alerts}
    tiles = [
        (f"{summary.get('events', 0):,}", "events"),
        (f"{len(highest) or summary.get('entities', 0):,}", "entities"),
        (f"{len(now.alerts):,}", "alerts"),
        (f"{len(entities):,}", "entities alerted on"),
        (f"{len(cases):,}", "cases"),
    ]
    span = ""
    if summary.get("from") and summary.get("until"):
        span = f"{moment(summary['from'])} – {moment(summary['until'])} UTC. "
    versions = (
        f"Model {escape(str(summary.get('model', '?')))}, rules {escape(str(summary.get('rule_set', '?')))}."
    )
    shown = "".join(f"<div><b>{n}</b>{escape(text)}</div>" for n, text in tiles)
    return (
        f'<h1>What the replay found</h1><p class="quiet">{span}{versions}</p><div class="tiles">{shown}</div>'
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
    chart = stacked_bars("Alerts over time", labels, counts, every=max(1, bars // 8))
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


def _top(alerts: Sequence[Mapping[str, Any]]) -> str:
    best: dict[Entity, Mapping[str, Any]] = {}
    for alert in sorted(alerts, key=lambda a: -float(a["score"])):
        best.setdefault((alert["entity_kind"], alert["entity_id"]), alert)
    if not best:
        return ""
    head = ["entity", "severity", "score", "since", "sellers", "keys", "customers", "why"]
    rows = [_alert_row(alert) for alert in list(best.values())[:SHOWN]]
    rest = f"<p class='quiet'>And {len(best) - SHOWN:,} more.</p>" if len(best) > SHOWN else ""
    return f"<h2>Entities with the highest alerts</h2>{table(head, rows, (2, 4, 5, 6))}{rest}"


def _alert_row(alert: Mapping[str, Any]) -> list[str]:
    severity = escape(str(alert["severity"]))
    customers, borrowed = alert.get("customers"), alert.get("keys_borrowed")
    reasons = "".join(f"<li>{escape(str(r.get('text', '')))}</li>" for r in (alert.get("reasons") or [])[:3])
    rules = ", ".join(map(str, alert.get("rules") or []))
    return [
        named(alert),
        f'<span class="badge {severity}">{severity}</span>',
        two(float(alert["score"])),
        moment(alert["time"]),
        f"{alert.get('sellers', 0):,}",
        f"{alert.get('keys', 0):,}" + (f" ({borrowed:,} borrowed)" if borrowed else ""),
        f"{customers['estimate']:,.0f}" if customers else "–",
        f"<ul>{reasons}</ul><span class='quiet'>{escape(rules)}</span>",
    ]


def _measured(figures: Mapping[str, Any]) -> str:
    def form(value: Any, how: Any = two) -> str:
        return how(value) if isinstance(value, (int, float)) and math.isfinite(value) else "–"

    parts = ["<h2>Against the labels</h2>"]
    alerts = figures.get("alerts")
    if alerts:
        delay = form(alerts.get("median_hours"), hours)
        share = form(alerts.get("share_before"), percent)
        precise, false = form(alerts["precision"], percent), form(alerts["false_a_day"])
        parts.append(
            f"<p>{alerts.get('found', 0)} of {alerts['parties']} poolers found, median delay {delay} h, "
            f"{share} of the customers that they took exposed before; {precise} of the alerted entities "
            f"are a pooler's, {false} false entities a day.</p>"
        )
    columns = ("entities", "abusive", "average_precision", "precision_at_20", "recall_at_0.1_a_day")
    columns += ("recall_at_1_a_day", "best_precision", "best_recall")
    head = [
        "ranked",
        "entities",
        "abusive",
        "average precision",
        "precision at 20",
        "recall at .1 false a day",
    ]
    head += ["at 1 a day", "best precision*", "and recall*"]
    rows = [
        [kind, *(f"{ours[c]:,}" if c in columns[:2] else form(ours[c]) for c in columns)]
        for kind, ours in figures.get("methods", {}).get("poolwatch", {}).items()
        if "average_precision" in ours
    ]
    if rows:
        parts += [
            table(head, rows, range(1, 9)),
            "<p class='quiet'>* at the line of the highest F1, in hindsight.</p>",
        ]
    return "".join(parts) + (_poolers(alerts["detections"], form) + _false(alerts["false"]) if alerts else "")


def _poolers(found: Sequence[Mapping[str, Any]], form: Any) -> str:
    rows = [
        [
            escape(str(d["party"])),
            escape(str(d["scenario"])),
            f'<span class="good">after {hours(d["delay_ms"] / HOUR_MS)} h</span>'
            if d["found"]
            else '<span class="bad">missed</span>',
            form(d["share_before"], percent),
            escape(str(d["first_by"])),
        ]
        for d in sorted(found, key=lambda d: (d["found"], -d["delay_ms"]))
    ]
    return (
        "<h2>Poolers</h2>" + table(["party", "scenario", "found", "taken before", "by"], rows, (3,))
        if rows
        else ""
    )


def _false(false: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            named(f),
            escape(str(f["population"])),
            escape(", ".join(map(str, f["rules"] or []))),
            moment(f["time"]),
        ]
        for f in false[:SHOWN]
    ]
    if not rows:
        return ""
    return f"<h2>Flagged by mistake ({len(false):,})</h2>" + table(
        ["entity", "population", "rules", "since"], rows
    )


def _compared(now: Side, highest: Mapping[Entity, float], candidate: Side) -> str:
    """Alerts gained and lost, by entity, and the entities whose highest score moves most."""
    ours, theirs = ({(a["entity_kind"], a["entity_id"]): a for a in s.alerts} for s in (now, candidate))
    gained = [theirs[e] for e in theirs if e not in ours]
    lost = [ours[e] for e in ours if e not in theirs]
    parts = [
        f"<h2>With {escape(candidate.name)} instead of {escape(now.name)}</h2>",
        f"<p>{len(ours.keys() & theirs.keys()):,} entities alerted on by both, "
        f'<span class="bad">{len(gained):,} gained</span>, <span class="good">{len(lost):,} lost</span>.</p>',
    ]
    severities = [Counter(a["severity"] for a in side.alerts) for side in (now, candidate)]
    rows = [[s, *(f"{c[s]:,}" for c in severities)] for s in reversed(SEVERITIES)]
    parts.append(table(["alerts", escape(now.name), escape(candidate.name)], rows, (1, 2)))
    for title, alerts in (("Gained", gained), ("Lost", lost)):
        if alerts:
            head = ["entity", "severity", "score", "since", "sellers", "keys", "customers", "why"]
            parts.append(
                f"<h2>{title}</h2>" + table(head, [_alert_row(a) for a in alerts[:SHOWN]], (2, 4, 5, 6))
            )
    if candidate.scores and highest:
        parts.append(_movers(highest, ScoreFile(candidate.scores).highest()))
    return "".join(parts)


def _movers(before: Mapping[Entity, float], after: Mapping[Entity, float]) -> str:
    moves = {e: after.get(e, 0.0) - before.get(e, 0.0) for e in {*before, *after}}
    most = sorted(moves, key=lambda e: (-abs(moves[e]), e))[:SHOWN]
    rows = [
        [
            f"{escape(e[0])} <b>{escape(e[1])}</b>",
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
