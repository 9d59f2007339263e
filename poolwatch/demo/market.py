"""A seed in; the demo's marketplace out: what goes before as history, what follows live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.minutes import HOUR_MS
from simulators import scenario
from simulators.marketplace import Marketplace

SCENARIO = "amzreview"
#: Features look back a day: so much history comes before the live part.
HISTORY_MS = 25 * HOUR_MS
#: The poolers begin within so long after the live part does.
SOON_MS = 600_000


class DemoMarket:
    """The scenario's events, cut in two shortly before its poolers begin.

    from_ms, live_from_ms  event times at which the history and the live part begin
    """

    def __init__(self, seed: int, history_ms: int = HISTORY_MS) -> None:
        case = scenario.load(SCENARIO)
        span_ms = case.hours * HOUR_MS
        soon = replace(case, begin=(history_ms / span_ms, (history_ms + SOON_MS) / span_ms))
        self._market = Marketplace(soon, seed)
        self.from_ms = self._market.start_ms
        self.live_from_ms = self.from_ms + history_ms
        self._tables = iter(self._market)
        self._rest: pa.Table | None = None

    def history(self) -> Iterator[pa.Table]:
        """Events before `live_from_ms`, by time."""
        for table in self._tables:
            live = pc.greater_equal(table["time"], self.live_from_ms)
            if not pc.any(live).as_py():
                yield table
                continue
            self._rest = table.filter(live)
            if len(before := table.filter(pc.invert(live))):
                yield before
            return

    def live(self) -> Iterator[pa.Table]:
        """The events that follow; call it after `history` is read."""
        if self._rest is not None:
            yield self._rest
        yield from self._tables

    def labels(self) -> list[dict[str, Any]]:
        """The truth, with every machine that a pooler may use, used yet or not."""
        market, seen = self._market, self._market.seen
        try:
            market.seen = np.ones_like(seen)
            return market.labels()
        finally:
            market.seen = seen
