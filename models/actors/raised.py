"""Alerts of a party's members that are over no line themselves. Pure: touches its own book only."""

from __future__ import annotations

import msgspec

from models.alerts.alerts import ACTOR, FILLED, Alert
from models.alerts.book import AlertBook, Crossing
from models.memory.pages import Pages
from models.minutes import DAY_MINUTES
from models.wire.links import Suspect


class Raised:
    """At most one open alert per member, counted up each time that more was seen of it."""

    def __init__(self) -> None:
        self._book = AlertBook("", "", (ACTOR,))
        self._counted: dict[str, int] = {}  # newest minute of a member that is counted
        self._dirty = False

    def alerts_of(self, member: Suspect, score: float, minute: int) -> list[Alert]:
        """What to publish in `minute` of a member that its party's evidence lifts so high.

        Nothing of one that is over a line, or of which nothing was seen since last time, or in a day.
        """
        possible = member.alert
        seen = max(self._counted.get(member.entity, -1), minute - DAY_MINUTES)
        if possible is None or member.minute <= seen:
            return []
        self._counted[member.entity] = member.minute
        self._dirty = True

        def fill(alert: Alert) -> None:
            for name in (*FILLED, "model", "rule_set"):
                setattr(alert, name, getattr(possible, name))

        severity = possible.severity
        crossing = Crossing(
            member.kind, member.id, minute, score, severity, [ACTOR], DAY_MINUTES, certain=False
        )
        return self._book.crossed(crossing, fill)

    def stood_for(self, member: Suspect) -> list[Alert]:
        """Last version of the member's alert, where one is open: its own stands for it now."""
        return self._book.stood_for(member.kind, member.id, member.minute, member.alert_id)

    def due(self, minute: int | None) -> list[Alert]:
        """Alerts of which more was seen than was told (AlertBook.due)."""
        return self._book.due(minute)

    def sweep(self, minute: int) -> None:
        """Forget what is over. Never changes a result."""
        self._book.sweep(minute)
        recent = {name: seen for name, seen in self._counted.items() if seen > minute - DAY_MINUTES}
        self._dirty |= len(recent) < len(self._counted)
        self._counted = recent

    def changed(self) -> Pages:
        """Pages that changed since the last call."""
        pages = self._book.changed()
        if self._dirty:
            pages["raised"] = msgspec.msgpack.encode(self._counted) if self._counted else None
        self._dirty = False
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold."""
        page = pages.get("raised")
        self._counted = msgspec.msgpack.decode(page, type=dict[str, int]) if page else {}
        self._dirty = False
        self._book.restore(pages)
