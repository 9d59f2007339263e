"""Judged rows -> alerts to tell, suspects for actors. Touches its alert book only."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from models.alerts.alerts import FILLED, Alert
from models.alerts.book import AlertBook
from models.detect.crossings import Crossings, suspicion
from models.detect.fill import AlertFiller
from models.detect.suspects import suspect
from models.dtypes import Bools
from models.scoring.judged import Judged
from models.scoring.rules import RuleSet
from models.windows.state import State
from models.wire.links import SUSPECT_EVIDENCE, Suspect


class Announcer:
    """Tells what was judged, in an order of its own, and writes it in the book.

    last  of each alert, tell the last version alone that a batch makes: for a history
    """

    def __init__(
        self, book: AlertBook, state: State, filler: AlertFiller, rules: RuleSet, *, last: bool
    ) -> None:
        self._book, self._state, self._filler, self._last = book, state, filler, last
        self._rules, self._crossings = rules, Crossings(rules)

    def early(self, judged: Judged, fired: Bools) -> list[Alert]:
        """Alerts of open minutes' rows, over the lines of fired bool[n, rules] whatever still comes."""
        told = []
        for n in judged.ordered(np.arange(len(judged.view))):
            rules = [rule for rule, hit in zip(self._rules.ids, fired[n], strict=True) if hit]
            alert = self._book.early(self._crossings.over(judged, n, rules), self._fill(judged, n))
            if alert is not None:
                told.append(alert)
        return told

    def closed(self, judged: Judged) -> tuple[list[Alert], list[Suspect]]:
        """Alerts of closed minutes' rows; what actors are to know of those over a line, and of those that
        something speaks against, and of bystanders."""
        last = LastFill(self._filler, judged)
        told: list[Alert] = []
        suspects: list[Suspect] = []
        verdict = judged.verdict
        worth = np.flatnonzero(verdict.alerts | (verdict.evidence >= SUSPECT_EVIDENCE) | verdict.bystander)
        for n in judged.ordered(worth):
            if not verdict.alerts[n]:
                suspects += self._suspected(judged, n)
                continue
            crossing = self._crossings.over(judged, n, verdict.rules_of(n, self._rules))
            told += self._book.crossed(crossing, last.at(n) if self._last else self._fill(judged, n))
            if alert_id := self._book.unlinked(crossing):
                suspects.append(suspect(self._state, judged, n, alert_id))
        return (last.done(told) if self._last else told), suspects

    def _suspected(self, judged: Judged, n: int) -> list[Suspect]:
        """Row n, over no line, may be part of a party that is: once in a while actors hear of it."""
        alert = self._book.suspected(suspicion(judged, n), self._fill(judged, n))
        return [] if alert is None else [suspect(self._state, judged, n, alert.alert_id, alert)]

    def _fill(self, judged: Judged, n: int) -> Callable[[Alert], None]:
        return partial(self._filler.fill, judged=judged, n=n)


class LastFill:
    """Fills the last version alone of each alert of a batch: for a history nobody reads the others."""

    def __init__(self, filler: AlertFiller, judged: Judged) -> None:
        self._filler, self._judged = filler, judged
        self._wanted: dict[str, tuple[Alert, int, list[str]]] = {}

    def at(self, n: int) -> Callable[[Alert], None]:
        """To be called where the alert would be filled with what holds at row n."""

        def want(alert: Alert) -> None:
            self._wanted[alert.alert_id] = (alert, n, list(alert.rules))

        return want

    def done(self, told: list[Alert]) -> list[Alert]:
        """The last version of each alert of `told`, filled as if each had been filled in its turn."""
        for alert, n, rules in self._wanted.values():
            self._filler.fill(alert, self._judged, n, rules)
        last = {alert.alert_id: alert for alert in told}
        for name, alert in last.items():
            if name in self._wanted:
                for filled in FILLED:
                    setattr(alert, filled, getattr(self._wanted[name][0], filled))
        return list(last.values())
