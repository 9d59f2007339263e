"""Alerts as last published, each in its case; again where the case changes. Pure: touches its own only."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from models.alerts.alerts import Alert, case_of
from models.memory.pages import Pages
from models.minutes import HOUR_MINUTES, MINUTE_MS
from models.scoring.rules import DEDUP_HOURS_MOST

#: Alerts kept to be published again.
ALERTS = 2_000
#: Alerts of which more is not kept than their case and how often it changed.
CASES = 20_000


class _Published(msgspec.Struct):
    """An alert, as last published.

    moved   how often its case, or who is in it, changed
    opened  its suspect has been applied
    links   with whom of its case it is linked, and why
    """

    entity: str
    case: str
    minute: int
    moved: int = 0
    opened: bool = False
    links: dict[str, str] = {}
    alert: Alert | None = None

    def bare(self) -> _Published:
        """What a later version needs: it must not be lower than those published."""
        return _Published(self.entity, self.case, self.minute, self.moved)

    def placed(self, alert: Alert) -> Alert:
        """The alert in its case."""
        version = alert.version + self.moved
        return msgspec.structs.replace(
            alert, case=self.case, links=list(self.links.values()), version=version
        )


class PublishedAlerts:
    """The newest alerts, by id."""

    def __init__(self) -> None:
        self._entries: dict[str, _Published] = {}
        self._dirty: set[str] = set()

    def publish(self, alert: Alert) -> list[Alert]:
        """An alert in its case; nothing where it is not newer than what was published."""
        if alert.withdrawn or alert.superseded_by:
            return [alert]
        entity = case_of(alert.entity_kind, alert.entity_id)
        minute = alert.last_seen // MINUTE_MS - 1
        entry = self._entries.setdefault(alert.alert_id, _Published(entity, entity, minute))
        if entry.alert is not None and alert.version <= entry.alert.version:
            return []
        entry.alert, entry.minute = alert, max(entry.minute, minute)
        self._dirty.add(alert.alert_id)
        return [entry.placed(alert)]

    def publish_raised(
        self, alert: Alert, entity: str, case: str, minute: int, links: dict[str, str]
    ) -> list[Alert]:
        """As `publish`, of an alert that its party raised: its case is known."""
        self._entries.setdefault(alert.alert_id, _Published(entity, case, minute, opened=True, links=links))
        return self.publish(alert)

    def end(self, alert: Alert) -> Alert:
        """The last version of an alert for which another stands; it is published no more."""
        entry = self._entries.pop(alert.alert_id, None)
        self._dirty.add(alert.alert_id)
        return entry.placed(alert) if entry else alert

    def open(self, alert_id: str, entity: str, minute: int) -> bool:
        """The alert's suspect is applied; whether it is the first time."""
        entry = self._entries.setdefault(alert_id, _Published(entity, entity, minute))
        new = not entry.opened
        entry.opened, entry.minute = True, max(entry.minute, minute)
        self._dirty.add(alert_id)
        return new

    def move(self, case: Mapping[str, str], links_of: Callable[[str], dict[str, str]]) -> list[Alert]:
        """Alerts whose case is another now, or was left by somebody in their links.

        case, links_of  of an entity
        """
        out = []
        opened = [
            (name, entry) for name, entry in self._entries.items() if entry.opened and entry.entity in case
        ]
        for alert_id, entry in sorted(opened, key=lambda item: item[0]):
            now = case[entry.entity]
            if now != entry.case or any(case.get(other, now) != now for other in entry.links):
                entry.case, entry.links, entry.moved = now, links_of(entry.entity), entry.moved + 1
                self._dirty.add(alert_id)
                if entry.alert is not None:
                    out.append(entry.placed(entry.alert))
        return out

    def forget(self, minute: int) -> None:
        """Let go of what was last seen by `minute`, or is beyond what is kept; but not of the case of one
        that moved, as long as its quiet period may last: a later version would be lower."""
        alerts = sorted(self._entries.items(), key=lambda item: (-item[1].minute, item[0]))
        for place, (name, entry) in enumerate(alerts):
            if place < ALERTS and entry.minute > minute:
                continue
            if not entry.moved or place >= CASES or entry.minute <= minute - DEDUP_HOURS_MOST * HOUR_MINUTES:
                del self._entries[name]
                self._dirty.add(name)
            elif (bare := entry.bare()) != entry:
                self._entries[name] = bare
                self._dirty.add(name)

    def moved(self) -> None:
        """A replay hands over to a worker: evidence names the replay's places, and is forgotten."""
        for alert_id, entry in self._entries.items():
            if entry.alert is not None:
                entry.alert = msgspec.structs.replace(entry.alert, evidence=[])
                self._dirty.add(alert_id)

    def changed(self) -> Pages:
        """Pages that changed since the last call: one for each alert."""
        pages: Pages = {}
        for name in sorted(self._dirty):
            entry = self._entries.get(name)
            pages[f"held/{name}"] = None if entry is None else msgspec.msgpack.encode(entry)
        self._dirty.clear()
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold."""
        kept = {name[5:]: page for name, page in pages.items() if name.startswith("held/")}
        self._entries = {name: msgspec.msgpack.decode(page, type=_Published) for name, page in kept.items()}
        self._dirty = set()
