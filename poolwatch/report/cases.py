"""Cases -> the section of a replay's page that tells them, each with its alerts. Pure: values -> HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import chain
from typing import Any

from models.alerts.alerts import SEVERITIES
from models.alerts.cases import Case, cases, counted
from models.scoring.advice import Advice, first
from poolwatch.report.parts import SHOWN, block, moment, safe

#: Alerts of a case that are shown at once; the rest are folded.
OPEN_ALERTS = 3


def case_list(alerts: Iterable[Mapping[str, Any]], known: Mapping[str, Advice]) -> str:
    """A heading and a block for each case, the severest first, SHOWN at most; "" where there is none."""
    found = cases(alerts)
    if not found:
        return ""
    rest = (
        f"<p class='quiet'>And {counted(len(found) - SHOWN, 'more case')}.</p>" if len(found) > SHOWN else ""
    )
    intro = (
        "<p class='quiet'>A case is one party: the developers and origins that the evidence says it is.</p>"
    )
    return f"<h2>Cases</h2>{intro}" + "".join(_case(case, known) for case in found[:SHOWN]) + rest


def _case(case: Case, known: Mapping[str, Advice]) -> str:
    severity = safe(case.severity)
    alerts = sorted(case.alerts, key=_mildness)  # stable: by score within
    advice = first(dict.fromkeys(chain.from_iterable(alert.get("rules") or () for alert in alerts)), known)
    todo = f"<p><b>First:</b> {escape(advice.do)}</p>" if advice else ""
    badge = f'<span class="badge {severity}">{severity}</span>'
    return (
        f'<article class="case"><h3>{badge} <b>{case.summary()}</b></h3>'
        f"<p class='quiet'>{counted(len(alerts), 'alert')}, {moment(case.first_seen)} to "
        f"{moment(case.last_seen)} UTC; case {safe(case.case)}</p>{todo}{_alerts(alerts)}</article>"
    )


def _mildness(alert: Mapping[str, Any]) -> int:
    return -SEVERITIES.index(alert["severity"])


def _alerts(alerts: Sequence[Mapping[str, Any]]) -> str:
    rest = "".join(block(alert, 4) for alert in alerts[OPEN_ALERTS:])
    folded = f"<summary>{counted(len(alerts) - OPEN_ALERTS, 'more alert')}</summary>{rest}"
    return "".join(block(alert, 4) for alert in alerts[:OPEN_ALERTS]) + (
        f"<details>{folded}</details>" if rest else ""
    )
