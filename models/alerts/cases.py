"""Alerts -> the case of each party as one thing. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from models.alerts.alerts import SEVERITIES, worst

Alert = Mapping[str, Any]


class Total(NamedTuple):
    """How many distinct ones several alerts tell of; not `exact`: at least so many."""

    number: int = 0
    exact: bool = True

    def of(self, name: str) -> str:
        """In words, with its noun."""
        return f"{'' if self.exact else 'at least '}{counted(self.number, name)}"


@dataclass(slots=True)
class Case:
    """The alerts of one party, strongest first, and what they hold together.

    developers  alerted on: they stand behind the calls
    customers   at least so many distinct ones in one alert's window; None where events carry none
    links       why alerts belong here
    """

    case: str
    alerts: list[Alert]
    severity: str
    score: float
    first_seen: int
    last_seen: int
    developers: Total
    origins: Total
    keys: Total
    sellers: Total
    customers: int | None
    links: list[str]

    def summary(self) -> str:
        """What it holds, in one line."""
        totals = {
            "developer": self.developers,
            "origin": self.origins,
            "key": self.keys,
            "seller": self.sellers,
            "customer": Total(self.customers or 0, exact=False),
        }
        return ", ".join(total.of(name) for name, total in totals.items() if total.number)


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
    exposed = [a["customers"]["low"] for a in alerts if a["customers"] is not None]
    return Case(
        case=name,
        alerts=alerts,
        severity=worst(a["severity"] for a in alerts),
        score=alerts[0]["score"],
        first_seen=min(a["first_seen"] for a in alerts),
        last_seen=max(a["last_seen"] for a in alerts),
        developers=Total(len({a["entity_id"] for a in alerts if a["entity_kind"] == "developer"})),
        origins=_total(alerts, "origins", "origin_ids"),
        keys=_total(alerts, "keys", "key_ids"),
        sellers=_total(alerts, "sellers", "seller_ids"),
        customers=max(exposed, default=None),
        links=list(dict.fromkeys(chain.from_iterable(a.get("links", ()) for a in alerts))),
    )


def _total(alerts: Sequence[Alert], count: str, ids: str) -> Total:
    """Distinct `ids` of all. An alert lists so many at most; what it counts holds whatever it lists."""
    listed = {one for alert in alerts for one in alert[ids]}
    most = max(alert[count] for alert in alerts)
    whole = all(alert[count] == len(alert[ids]) for alert in alerts)
    return Total(max(len(listed), most), exact=whole or len(alerts) == 1)
