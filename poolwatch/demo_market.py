"""A seed in; the demo's marketplace out: what goes before as history, what follows live."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulators import scenario
from simulators.marketplace import Marketplace

SCENARIO = "amzreview"
HOUR_MS = 3_600_000
#: Features look back a day: the history before the live part is at least as long.
HISTORY_MS = 26 * HOUR_MS
#: The pooler begins so long after the live part does.
LEAD_MS = 300_000


class DemoMarket:
    """The scenario's events, cut in two shortly before a pooler begins."""

    def __init__(self, seed: int) -> None:
        self._market = Marketplace(scenario.load(SCENARIO), seed)
        starts = [p.start_ms for p in self._market.world.parties if p.label == "aggregator"]
        later = [start for start in starts if start >= self._market.start_ms + HISTORY_MS]
        cut = min(later) - LEAD_MS if later else self._market.start_ms + HISTORY_MS
        self.live_from_ms = cut // 60_000 * 60_000
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
            yield table.filter(pc.invert(live))
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
