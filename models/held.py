"""Alerts as newest told, each in its case: told again where the case changes. Pure: touches its own only."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from models.alerts import Alert, case_of
from models.minutes import HOUR_MINUTES, MINUTE_MS
from models.pages import Pages
from models.rules import DEDUP_HOURS_MOST

#: Alerts kept to be told again.
ALERTS = 2_000
#: Alerts of which more is not kept than their case and how often it changed.
CASES = 20_000


class _Held(msgspec.Struct):
    """An alert, as newest told.

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

    def bare(self) -> _Held:
        """What a later version needs: it must not be lower than those told."""
        return _Held(self.entity, self.case, self.minute, self.moved)

    def placed(self, alert: Alert) -> Alert:
        """The alert in its case."""
        version = alert.version + self.moved
        return msgspec.structs.replace(
            alert, case=self.case, links=list(self.links.values()), version=version
        )


class HeldAlerts:
    """The newest alerts, by id."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._dirty: set[str] = set()

    def tell(self, alert: Alert) -> list[Alert]:
        """An alert in its case; nothing where it is not newer than what was told."""
        if alert.withdrawn or alert.superseded_by:
            return [alert]
        entity = case_of(alert.entity_kind, alert.entity_id)
        minute = alert.last_seen // MINUTE_MS - 1
        held = self._held.setdefault(alert.alert_id, _Held(entity, entity, minute))
        if held.alert is not None and alert.version <= held.alert.version:
            return []
        held.alert, held.minute = alert, max(held.minute, minute)
        self._dirty.add(alert.alert_id)
        return [held.placed(alert)]

    def tell_of_party(
        self, alert: Alert, entity: str, case: str, minute: int, links: dict[str, str]
    ) -> list[Alert]:
        """As `tell`, of an alert that its party raised: its case is known."""
        self._held.setdefault(alert.alert_id, _Held(entity, case, minute, opened=True, links=links))
        return self.tell(alert)

    def end(self, alert: Alert) -> Alert:
        """The last version of an alert for which another stands; it is told no more."""
        held = self._held.pop(alert.alert_id, None)
        self._dirty.add(alert.alert_id)
        return held.placed(alert) if held else alert

    def open(self, alert_id: str, entity: str, minute: int) -> bool:
        """The alert's suspect is applied; whether it is the first time."""
        held = self._held.setdefault(alert_id, _Held(entity, entity, minute))
        new = not held.opened
        held.opened, held.minute = True, max(held.minute, minute)
        self._dirty.add(alert_id)
        return new

    def move(self, case: Mapping[str, str], links_of: Callable[[str], dict[str, str]]) -> list[Alert]:
        """Alerts whose case is another now, or was left by somebody in their links.

        case, links_of  of an entity
        """
        out = []
        opened = [(name, held) for name, held in self._held.items() if held.opened and held.entity in case]
        for alert_id, held in sorted(opened, key=lambda item: item[0]):
            now = case[held.entity]
            if now != held.case or any(case.get(other, now) != now for other in held.links):
                held.case, held.links, held.moved = now, links_of(held.entity), held.moved + 1
                self._dirty.add(alert_id)
                if held.alert is not None:
                    out.append(held.placed(held.alert))
        return out

    def forget(self, minute: int) -> None:
        """Let go of what was last seen by `minute`, or is beyond what is kept; but not of the case of one
        that moved, as long as its quiet period may last: a later version would be lower."""
        alerts = sorted(self._held.items(), key=lambda item: (-item[1].minute, item[0]))
        for place, (name, held) in enumerate(alerts):
            if place < ALERTS and held.minute > minute:
                continue
            if not held.moved or place >= CASES or held.minute <= minute - DEDUP_HOURS_MOST * HOUR_MINUTES:
                del self._held[name]
                self._dirty.add(name)
            elif (bare := held.bare()) != held:
                self._held[name] = bare
                self._dirty.add(name)

    def moved(self) -> None:
        """A replay hands over to a worker: evidence names the replay's places, and is forgotten."""
        for alert_id, held in self._held.items():
            if held.alert is not None:
                held.alert = msgspec.structs.replace(held.alert, evidence=[])
                self._dirty.add(alert_id)

    def changed(self) -> Pages:
        """Pages that changed since the last call: one for each alert."""
        pages: Pages = {}
        for name in sorted(self._dirty):
            held = self._held.get(name)
            pages[f"held/{name}"] = None if held is None else msgspec.msgpack.encode(held)
        self._dirty.clear()
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold."""
        held = {name[5:]: page for name, page in pages.items() if name.startswith("held/")}
        self._held = {name: msgspec.msgpack.decode(page, type=_Held) for name, page in held.items()}
        self._dirty = set()
