"""Crossings of a line -> alerts: versions, quiet periods, counts. Pure: touches its own book only."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from models.alerts.alerts import SEVERITIES, Alert, alert_id_of, case_of, worst
from models.memory.pages import Pages
from models.minutes import MINUTE_MS

#: Unless severity rises, an open alert is told again no sooner than this after it was last told.
AGAIN_MINUTES = 5
#: Actors hear of an open alert once in each of these.
LINK_MINUTES = 60


class Crossing(msgspec.Struct):
    """An entity over a line at the close of a minute.

    quiet_minutes  dedup period: the longest of its rules
    certain        a threshold that may fire early is among the rules
    """

    kind: str
    id: str
    minute: int
    score: float
    severity: str
    rules: list[str]
    quiet_minutes: int
    certain: bool


class _Open(msgspec.Struct):
    alert: Alert
    first_version: int
    minute: int  # last over the line
    filled: int  # minute with which it was last filled
    sent: int  # minute as of which it was last told
    quiet_minutes: int
    waiting: bool = False
    linked: int = -1  # minute in which it was last told to actors


class _Kept(msgspec.Struct):
    entry: _Open | None
    early: Alert | None
    suspected: int = -1


Fill = Callable[[Alert], None]


class AlertBook:
    """Open alerts of one sightings partition."""

    def __init__(self, model: str, rule_set: str, rule_order: tuple[str, ...]) -> None:
        self._model, self._rule_set = model, rule_set
        self._order = {rule: place for place, rule in enumerate(rule_order)}
        self._open: dict[tuple[str, str], _Open] = {}
        self._early: dict[tuple[str, str], Alert] = {}
        self._suspected: dict[tuple[str, str], int] = {}  # minute in which actors last heard of it
        self._dirty: set[tuple[str, str]] = set()

    def __len__(self) -> int:
        return len(self._open)

    def early(self, crossing: Crossing, fill: Fill) -> Alert | None:
        """Version 1, before the minute closes; None where an alert is open or was told early already."""
        key = (crossing.kind, crossing.id)
        if key in self._early or self._standing(key, crossing.minute):
            return None
        alert = self._new(crossing, 1)
        fill(alert)
        self._early[key] = alert
        self._dirty.add(key)
        return msgspec.structs.replace(alert)

    def crossed(self, crossing: Crossing, fill: Fill) -> list[Alert]:
        """What to tell of an entity that is over a line at the close of a minute; minutes come in order."""
        key = (crossing.kind, crossing.id)
        self._dirty.add(key)
        entry = self._standing(key, crossing.minute)
        if entry is None:
            return self._begin(key, crossing, fill)
        return self._go_on(key, entry, crossing, fill)

    def _begin(self, key: tuple[str, str], crossing: Crossing, fill: Fill) -> list[Alert]:
        """The first version of an alert; before it the last of an older one that is still to be told."""
        # Told early or not, the close gives version 2 where it might have been.
        first_version = 2 if crossing.certain else 1
        old = self._open.get(key)
        last_of_old = [old.alert] if old and old.waiting else []
        alert, minute = self._new(crossing, first_version), crossing.minute
        entry = _Open(alert, first_version, minute, minute, minute, crossing.quiet_minutes)
        self._open[key] = entry
        fill(alert)
        return [*last_of_old, *self._supersede(key, entry), msgspec.structs.replace(alert)]

    def _go_on(self, key: tuple[str, str], entry: _Open, crossing: Crossing, fill: Fill) -> list[Alert]:
        """A further version of an open alert, where severity rose or the last one is old enough."""
        alert = entry.alert
        rose = SEVERITIES.index(crossing.severity) > SEVERITIES.index(alert.severity)
        alert.count += 1
        alert.version = entry.first_version + alert.count - 1
        alert.last_seen = (crossing.minute + 1) * MINUTE_MS
        alert.severity = worst((alert.severity, crossing.severity))
        alert.score = max(alert.score, crossing.score)
        alert.rules = self._sorted({*alert.rules, *crossing.rules})
        entry.minute = crossing.minute
        entry.quiet_minutes = max(entry.quiet_minutes, crossing.quiet_minutes)
        entry.waiting = True
        out = self._supersede(key, entry)
        # By event time alone: what it tells must not depend on when it was told.
        if rose or crossing.minute - entry.filled >= AGAIN_MINUTES:
            entry.filled = crossing.minute
            fill(alert)
        if rose or crossing.minute - entry.sent >= AGAIN_MINUTES:
            entry.sent, entry.waiting = crossing.minute, False
            out.append(msgspec.structs.replace(alert))
        return out

    def unlinked(self, crossing: Crossing) -> str | None:
        """Id of the alert that has just crossed, where actors have not heard of it in this hour."""
        entry = self._open[crossing.kind, crossing.id]
        if entry.linked >= 0 and entry.linked // LINK_MINUTES == crossing.minute // LINK_MINUTES:
            return None
        entry.linked = crossing.minute
        return entry.alert.alert_id

    def suspected(self, crossing: Crossing, fill: Fill) -> Alert | None:
        """What might be told of an entity that is over no line. None where actors have heard of it in this
        hour, or an alert is open."""
        key = (crossing.kind, crossing.id)
        if self._standing(key, crossing.minute):
            return None
        if self._suspected.get(key, -LINK_MINUTES) // LINK_MINUTES == crossing.minute // LINK_MINUTES:
            return None
        self._suspected[key] = crossing.minute
        self._dirty.add(key)
        alert = self._new(crossing, 1)
        fill(alert)
        return alert

    def stood_for(self, kind: str, entity: str, minute: int, by: str) -> list[Alert]:
        """Last version of the entity's alert, where one is open: from `minute` on `by` stands for it."""
        entry = self._standing((kind, entity), minute)
        if entry is None:
            return []
        del self._open[kind, entity]
        self._dirty.add((kind, entity))
        return [msgspec.structs.replace(entry.alert, version=entry.alert.version + 1, superseded_by=by)]

    def due(self, minute: int | None) -> list[Alert]:
        """Alerts whose count rose since they were told, AGAIN_MINUTES ago or (None) at any time."""
        out = []
        for key, entry in self._open.items():
            now = entry.minute if minute is None else minute
            if entry.waiting and (minute is None or now - entry.sent >= AGAIN_MINUTES):
                entry.sent, entry.waiting = now, False
                self._dirty.add(key)
                out.append(msgspec.structs.replace(entry.alert))
        return sorted(out, key=lambda a: a.alert_id)

    def withdraw(self, minute: int) -> list[Alert]:
        """Last version of alerts told early for a minute up to `minute`, now closed, that did not cross."""
        over = [k for k, alert in self._early.items() if alert.time <= (minute + 1) * MINUTE_MS]
        self._dirty.update(over)
        gone = [msgspec.structs.replace(self._early.pop(key), version=2, withdrawn=True) for key in over]
        return sorted(gone, key=lambda a: a.alert_id)

    def sweep(self, minute: int) -> None:
        """Forget alerts whose quiet period is over. Never changes a result."""
        over = [k for k, o in self._open.items() if minute - o.minute > o.quiet_minutes and not o.waiting]
        for key in over:
            del self._open[key]
        hour = minute - minute % LINK_MINUTES
        past = [k for k, told in self._suspected.items() if told < hour]
        for key in past:
            del self._suspected[key]
        self._dirty.update(over, past)

    def changed(self) -> Pages:
        """Pages that changed since the last call: one for each entity."""
        pages: Pages = {}
        for key in sorted(self._dirty):
            kept = _Kept(self._open.get(key), self._early.get(key), self._suspected.get(key, -1))
            gone = kept == _Kept(None, None)
            pages[f"alerts/{key[0]}/{key[1]}"] = None if gone else msgspec.msgpack.encode(kept)
        self._dirty.clear()
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold."""
        self._open, self._early, self._suspected, self._dirty = {}, {}, {}, set()
        for name, content in pages.items():
            if not name.startswith("alerts/"):
                continue
            _, kind, entity = name.split("/", 2)
            kept = msgspec.msgpack.decode(content, type=_Kept)
            if kept.entry:
                self._open[kind, entity] = kept.entry
            if kept.early:
                self._early[kind, entity] = kept.early
            if kept.suspected >= 0:
                self._suspected[kind, entity] = kept.suspected

    def _new(self, crossing: Crossing, version: int) -> Alert:
        time = (crossing.minute + 1) * MINUTE_MS
        return Alert(
            alert_id=alert_id_of(crossing.kind, crossing.id, crossing.minute),
            time=time,
            version=version,
            entity_kind=crossing.kind,
            entity_id=crossing.id,
            severity=crossing.severity,
            score=crossing.score,
            case=case_of(crossing.kind, crossing.id),
            rules=self._sorted(crossing.rules),
            first_seen=time,
            last_seen=time,
            count=1,
            model=self._model,
            rule_set=self._rule_set,
        )

    def _standing(self, key: tuple[str, str], minute: int) -> _Open | None:
        """An entity's alert whose quiet period has not passed."""
        entry = self._open.get(key)
        return None if entry is None or minute - entry.minute > entry.quiet_minutes else entry

    def _sorted(self, rules: Iterable[str]) -> list[str]:
        return sorted(rules, key=lambda rule: (self._order.get(rule, len(self._order)), rule))

    def _supersede(self, key: tuple[str, str], entry: _Open) -> list[Alert]:
        """Last version of an alert told early, once it is sure that `entry` stands for it.

        Its minute may yet prove to lie beyond the quiet period, and then begins an alert after all, under
        the id told early: until that is known, nothing is said of it.
        """
        early = self._early.get(key)
        if early is None or early.time // MINUTE_MS - 1 - entry.minute > entry.quiet_minutes:
            return []
        del self._early[key]
        if early.alert_id == entry.alert.alert_id:
            return []
        return [msgspec.structs.replace(early, version=2, superseded_by=entry.alert.alert_id)]
