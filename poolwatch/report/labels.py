"""Figures of detection against labels -> a section of a replay's page. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from models.minutes import HOUR_MS
from poolwatch.evaluation.detection_page import hours, percent, two
from poolwatch.report.parts import SHOWN, moment, named, safe, table

#: Figures of a ranking and their headings.
RANKING = {
    "entities": "entities",
    "abusive": "abusive",
    "average_precision": "average precision",
    "precision_at_20": "precision at 20",
    "recall_at_0.1_a_day": "recall at .1 false a day",
    "recall_at_1_a_day": "recall at 1 false a day",
    "best_precision": "best precision*",
    "best_recall": "recall there*",
}


def against_labels(figures: Mapping[str, Any]) -> str:
    """The section: how well the labels' poolers were ranked and found, and who was flagged by mistake.

    figures  poolwatch.evaluation.measure's
    """
    ranked = _ranked(figures.get("methods", {}).get("poolwatch", {}))
    alerts = figures.get("alerts")
    if not alerts:
        return f"<h2>Against the labels</h2>{ranked}"
    return (
        f"<h2>Against the labels</h2>{_found(alerts)}{ranked}"
        f"{_poolers(alerts['detections'])}{_mistakes(alerts['false'])}"
    )


def _form(value: Any, form: Callable[[float], str]) -> str:
    return form(value) if isinstance(value, (int, float)) and math.isfinite(value) else "–"


def _found(alerts: Mapping[str, Any]) -> str:
    return (
        f"<p>{alerts.get('found', 0)} of {alerts['parties']} poolers found, "
        f"median delay {_form(alerts.get('median_hours'), hours)} h, "
        f"{_form(alerts.get('share_before'), percent)} of the customers that they took exposed before; "
        f"{_form(alerts['precision'], percent)} of the alerted entities are a pooler's, "
        f"{_form(alerts['false_a_day'], two)} false entities a day.</p>"
    )


def _ranked(rankings: Mapping[str, Any]) -> str:
    told = {kind: figures for kind, figures in rankings.items() if "average_precision" in figures}
    if not told:
        return ""
    rows = [
        [title, *(_figure(figures[name]) for figures in told.values())] for name, title in RANKING.items()
    ]
    note = "<p class='quiet'>* at the line of the highest F1, in hindsight.</p>"
    return table(["", *told], rows, range(1, 1 + len(told))) + note


def _figure(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else _form(value, two)


def _poolers(found: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            safe(d["party"]),
            safe(d["scenario"]),
            _delay(d),
            _form(d["share_before"], percent),
            safe(d["first_by"]),
        ]
        for d in sorted(found, key=lambda d: (d["found"], -d["delay_ms"]))
    ]
    head = ["party", "scenario", "found", "taken before", "by"]
    return f"<h2>Poolers</h2>{table(head, rows, (3,))}" if rows else ""


def _delay(detection: Mapping[str, Any]) -> str:
    if not detection["found"]:
        return '<span class="bad">missed</span>'
    return f'<span class="good">after {hours(detection["delay_ms"] / HOUR_MS)} h</span>'


def _mistakes(false: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            named(f),
            safe(f["population"]),
            safe(", ".join(map(str, f["rules"] or []))),
            moment(f["time"]),
        ]
        for f in false[:SHOWN]
    ]
    head = ["entity", "population", "rules", "since"]
    return f"<h2>Flagged by mistake ({len(false):,})</h2>{table(head, rows)}" if rows else ""
