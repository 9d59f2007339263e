"""What a demo knows of itself: figures, alerts, what was planted. The demo updates it, live.py draws it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.alerts.cases import stands

#: Rates kept for the small curve.
RATES = 14


@dataclass(slots=True)
class Planted:
    """One party that the simulator made to be found.

    entities  (entity_kind, entity_id) that it acts as, or acts from
    """

    party: str
    what: str
    entities: frozenset[tuple[str, str]]
    start_ms: int
    found: Mapping[str, Any] | None = None  # the first alert on it

    def is_in(self, alert: Mapping[str, Any]) -> bool:
        """Whether an alert is about this party."""
        return (alert["entity_kind"], alert["entity_id"]) in self.entities

    @property
    def delay_ms(self) -> int | None:
        """Event time from its first call to the alert."""
        return None if self.found is None else self.found["time"] - self.start_ms


@dataclass(slots=True)
class DemoState:
    """Everything that is shown. The demo sets the fields and calls `take` and `rate`.

    where    name -> address of what runs: page, broker, Redis
    done     0..1 of the present phase; None where it has no end
    victims  entities whose keys a planted party uses: an alert on one of them is no mistake
    """

    where: dict[str, str] = field(default_factory=dict)
    phase: str = "starting"
    done: float | None = None
    begun_s: float = field(default_factory=time.monotonic)
    ended_s: float | None = None
    seconds: float | None = None
    events: int = 0
    lag: int = 0
    developers: int = 0
    origins: int = 0
    entities: int = 0  # that the worker watches, of both kinds
    event_time_ms: int | None = None
    watermark_ms: int | None = None
    planted: list[Planted] = field(default_factory=list)
    victims: frozenset[tuple[str, str]] = frozenset()
    alerts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    rates: deque[float] = field(default_factory=lambda: deque(maxlen=RATES))

    @property
    def elapsed_s(self) -> float:
        """Wall clock since the beginning."""
        return (time.monotonic() if self.ended_s is None else self.ended_s) - self.begun_s

    def rate(self, events_per_s: float) -> None:
        """Note the present rate."""
        self.rates.append(events_per_s)

    def measured(self, text: str, now_ms: float) -> None:
        """Take lag, entities and watermark from what a worker's /metrics said at `now_ms` (wall clock)."""
        found: dict[str, list[float]] = {}
        for line in text.splitlines():
            name, _, value = line.rpartition(" ")
            if name.startswith("poolwatch_watermark") and 'stage="detect"' not in name:
                continue
            if name.startswith("poolwatch_"):
                found.setdefault(name.partition("{")[0], []).append(float(value))
        self.lag = int(sum(found.get("poolwatch_lag_records", ())))
        self.entities = int(sum(found.get("poolwatch_entities", ())))
        if delays := found.get("poolwatch_watermark_delay_seconds"):
            self.watermark_ms = int(now_ms - 1000 * max(delays))

    def take(self, alert: Mapping[str, Any]) -> bool:
        """Note an alert version; whether it is the first of its alert."""
        held = self.alerts.get(alert["alert_id"])
        if held is not None and held["version"] >= alert["version"]:
            return False
        self.alerts[alert["alert_id"]] = alert
        for party in self.planted:
            if party.is_in(alert) and (party.found is None or alert["time"] < party.found["time"]):
                party.found = alert
        return held is None

    def others(self) -> list[Mapping[str, Any]]:
        """Alerts on entities that no planted party acts as: false alarms, unless they are victims."""
        return [one for one in self.standing() if not self._expected(one)]

    def standing(self) -> list[Mapping[str, Any]]:
        """Alerts that still count."""
        return [one for one in self.alerts.values() if stands(one)]

    def _expected(self, alert: Mapping[str, Any]) -> bool:
        known = (alert["entity_kind"], alert["entity_id"]) in self.victims
        return known or any(party.is_in(alert) for party in self.planted)


def planted(labels: Iterable[Mapping[str, Any]]) -> tuple[list[Planted], frozenset[tuple[str, str]]]:
    """Labels (contract) -> the planted parties, and the victims' entities."""
    entities: dict[str, set[tuple[str, str]]] = {}
    starts: dict[str, int] = {}
    victims: set[tuple[str, str]] = set()
    for label in labels:
        who = (label["entity_kind"], label["entity_id"])
        if label["label"] == "victim":
            victims.add(who)
        if label["label"] == "aggregator":
            entities.setdefault(label["party"], set()).add(who)
            starts[label["party"]] = min(starts.get(label["party"], label["start"]), label["start"])
    parties = [Planted(p, _what(found), frozenset(found), starts[p]) for p, found in sorted(entities.items())]
    return parties, frozenset(victims)


def _what(entities: set[tuple[str, str]]) -> str:
    developers = sum(kind == "developer" for kind, _ in entities)
    if developers:
        return (
            "one developer with many sellers' keys"
            if developers == 1
            else f"{developers} developers, one party"
        )
    return "behind sellers' own keys, from its own machines"
