"""What sections of a replay's page are made of: times, tables, alerts. Pure: values -> HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from models.alerts.cases import counted
from poolwatch.evaluation.detection_page import two
from poolwatch.words import plain

#: Alerts, mistakes and moves that a section shows at most; reasons of an alert.
SHOWN, REASONS = 25, 3


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


def safe(text: object) -> str:
    """What a caller may have chosen, as HTML that shows it: no markup, and nothing unseen."""
    return escape(plain(str(text)))


def named(alert: Mapping[str, Any]) -> str:
    """An alert's entity."""
    return f"{safe(alert['entity_kind'])} <b>{safe(alert['entity_id'])}</b>"


def alert_list(title: str, alerts: Sequence[Mapping[str, Any]]) -> str:
    """A heading and a block for each alert, SHOWN at most; "" where there is none."""
    if not alerts:
        return ""
    rest = f"<p class='quiet'>And {len(alerts) - SHOWN:,} more.</p>" if len(alerts) > SHOWN else ""
    return f"<h2>{title}</h2>" + "".join(block(alert, 3) for alert in alerts[:SHOWN]) + rest


def block(alert: Mapping[str, Any], level: int) -> str:
    """One alert under a heading of a level: what it is about, what is at stake, why."""
    severity = safe(alert["severity"])
    reasons = (alert.get("reasons") or [])[:REASONS]
    listed = "".join(f"<li>{safe(reason.get('text', ''))}</li>" for reason in reasons)
    rules = safe(", ".join(map(str, alert.get("rules") or [])))
    return (
        f'<article><h{level}><span class="badge {severity}">{severity}</span> {named(alert)}</h{level}>'
        f"<p>Score {two(float(alert['score']))}, since {moment(alert['time'])}: {_at_stake(alert)}.</p>"
        f"<ul>{listed}</ul><p class='quiet'>{rules}</p></article>"
    )


def _at_stake(alert: Mapping[str, Any]) -> str:
    borrowed, customers = alert.get("keys_borrowed"), alert.get("customers")
    told = f"{counted(alert.get('sellers', 0), 'seller')}, {counted(alert.get('keys', 0), 'key')}"
    told += f" ({borrowed:,} borrowed)" if borrowed else ""
    return told + (f", about {counted(round(customers['estimate']), 'customer')}" if customers else "")
