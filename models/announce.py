"""Judged rows -> alerts to tell, suspects for actors. Touches its alert book only."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from models.alert_book import AlertBook
from models.alerts import FILLED, Alert
from models.facts import Judged, Teller
from models.links import Suspect
from models.rules import Bools, RuleSet

#: From this evidence on an entity over no line is compared with others: may one party stand behind them?
SUSPECT_EVIDENCE = 0.05


class Announcer:
    """Tells what was judged, in an order of its own, and writes it in the book.

    last  of each alert, tell the last version alone that a batch makes: for a history
    """

    def __init__(self, book: AlertBook, teller: Teller, rules: RuleSet, *, last: bool) -> None:
        self._book, self._teller, self._rules, self._last = book, teller, rules, last

    def early(self, judged: Judged, fired: Bools) -> list[Alert]:
        """Alerts of open minutes' rows, over the lines of fired bool[n, rules] whatever still comes."""
        told = []
        for n in self._teller.ordered(judged, np.arange(len(judged.view))):
            rules = [rule for rule, hit in zip(self._rules.ids, fired[n], strict=True) if hit]
            alert = self._book.early(self._teller.crossing(judged, n, rules), self._fill(judged, n))
            if alert is not None:
                told.append(alert)
        return told

    def closed(self, judged: Judged) -> tuple[list[Alert], list[Suspect]]:
        """Alerts of closed minutes' rows; what actors are to know of those over a line, and of those that
        something speaks against."""
        last = LastFill(self._teller, judged)
        told: list[Alert] = []
        suspects: list[Suspect] = []
        verdict = judged.verdict
        worth = np.flatnonzero(verdict.alerts | (verdict.evidence >= SUSPECT_EVIDENCE))
        for n in self._teller.ordered(judged, worth):
            if not verdict.alerts[n]:
                suspects += self._suspected(judged, n)
                continue
            crossing = self._teller.crossing(judged, n, verdict.rules_of(n, self._rules))
            told += self._book.crossed(crossing, last.at(n) if self._last else self._fill(judged, n))
            if alert_id := self._book.unlinked(crossing):
                suspects.append(self._teller.suspect(judged, n, alert_id))
        return (last.done(told) if self._last else told), suspects

    def _suspected(self, judged: Judged, n: int) -> list[Suspect]:
        """Row n, over no line, may be part of a party that is: once in a while actors hear of it."""
        alert = self._book.suspected(self._teller.suspicion(judged, n), self._fill(judged, n))
        return [] if alert is None else [self._teller.suspect(judged, n, alert.alert_id, alert)]

    def _fill(self, judged: Judged, n: int) -> Callable[[Alert], None]:
        return partial(self._teller.fill, judged=judged, n=n)


class LastFill:
    """Fills the last version alone of each alert of a batch: for a history nobody reads the others."""

    def __init__(self, teller: Teller, judged: Judged) -> None:
        self._teller, self._judged = teller, judged
        self._wanted: dict[str, tuple[Alert, int, list[str]]] = {}

    def at(self, n: int) -> Callable[[Alert], None]:
        """To be called where the alert would be filled with what holds at row n."""

        def want(alert: Alert) -> None:
            self._wanted[alert.alert_id] = (alert, n, list(alert.rules))

        return want

    def done(self, told: list[Alert]) -> list[Alert]:
        """The last version of each alert of `told`, filled as if each had been filled in its turn."""
        for alert, n, rules in self._wanted.values():
            self._teller.fill(alert, self._judged, n, rules)
        last = {alert.alert_id: alert for alert in told}
        for name, alert in last.items():
            if name in self._wanted:
                for filled in FILLED:
                    setattr(alert, filled, getattr(self._wanted[name][0], filled))
        return list(last.values())
