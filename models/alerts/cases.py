"""Alerts -> the case of each party as one thing. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from models.alerts.alerts import SEVERITIES, worst

Alert = Mapping[str, Any]


@dataclass(slots=True)
class Case:
    """The alerts of one party, strongest first, and what they list together.

    developers  alerted on: they stand behind the calls
    complete    no alert lists less than it counts
    customers   at least so many distinct ones in one alert's window; None where events carry none
    links       why alerts belong here
    """

    case: str
    alerts: list[Alert]
    severity: str
    score: float
    first_seen: int
    last_seen: int
    developers: set[str] = field(default_factory=set)
    origins: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    sellers: set[str] = field(default_factory=set)
    complete: bool = True
    customers: int | None = None
    links: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """What it holds, in one line."""
        least = "" if self.complete else "at least "
        parts = [
            *(
                counted(len(names), name)
                for name, names in (("developer", self.developers), ("origin", self.origins))
            ),
            f"{least}{counted(len(self.keys), 'key')}",
            counted(len(self.sellers), "seller"),
        ]
        if self.customers is not None:
            parts.append(f"at least {counted(self.customers, 'customer')}")
        return ", ".join(part for part in parts if not part.startswith("0 "))


def counted(number: int, name: str) -> str:
    """A number with its noun."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def stands(alert: Alert) -> bool:
    """Whether an alert still counts: no other stands for it, and it was not withdrawn."""
    return not alert.get("superseded_by") and not alert.get("withdrawn")


def cases(alerts: Iterable[Alert]) -> list[Case]:
    """Cases of the alerts that stand, by severity and score, highest first; then by name."""
    parties: defaultdict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        if stands(alert):
            parties[alert["case"]].append(alert)
    made = (_case(name, members) for name, members in parties.items())
    return sorted(made, key=lambda c: (-SEVERITIES.index(c.severity), -c.score, c.case))


def _case(name: str, alerts: list[Alert]) -> Case:
    alerts = sorted(alerts, key=lambda a: (-a["score"], a["time"], a["alert_id"]))
    case = Case(
        case=name,
        alerts=alerts,
        severity=worst(a["severity"] for a in alerts),
        score=alerts[0]["score"],
        first_seen=min(a["first_seen"] for a in alerts),
        last_seen=max(a["last_seen"] for a in alerts),
        developers={a["entity_id"] for a in alerts if a["entity_kind"] == "developer"},
        links=list(dict.fromkeys(chain.from_iterable(a.get("links", ()) for a in alerts))),
    )
    for alert in alerts:
        case.origins |= {alert["entity_id"]} if alert["entity_kind"] == "origin" else {*alert["origin_ids"]}
        case.keys |= {*alert["key_ids"]}
        case.sellers |= {*alert["seller_ids"]}
        case.complete &= alert["keys"] == len(alert["key_ids"]) and alert["sellers"] == len(
            alert["seller_ids"]
        )
        if alert["customers"] is not None:
            case.customers = max(case.customers or 0, alert["customers"]["low"])
    return case
