"""Tax season: invoicing tools go back over the quarter, read each order's tax data, and invoice it."""

from __future__ import annotations

from functools import partial

import numpy as np

from simulators import chance
from simulators.calls import BUYER, CONTACT, OP, ROW, Rows, expand, pii, rows
from simulators.orders import DAY_MS, HOUR_MS
from simulators.populations._common import I64, tool
from simulators.world import FOREVER, World

SAYS = "invoicing tools that go back over a quarter at tax time"
DEFAULTS = {"count": 3, "least": 10, "most": 50}


def fill(world: World, count: int, least: int, most: int) -> None:
    """`count` tools of `least` to `most` sellers, each with a season that begins within the span."""
    for _ in range(count):
        size = min(int(world.rng.integers(least, most + 1)), len(world.primary))
        sellers = np.sort(world.rng.choice(len(world.primary), size, replace=False))
        before = world.links
        tool(world, "tax_season", "invoicing", sellers, since=0, until=FOREVER)
        begins = world.start_ms + (world.end_ms - world.start_ms) * world.rng.uniform(0, 0.6)
        at = (begins + world.rng.random(size) * world.rng.uniform(4, 30) * HOUR_MS).astype(np.int64)
        links = np.arange(before, world.links)
        world.programs.append(_Season(world, links, sellers, at, float(world.rng.uniform(20, 90))))


class _Season:
    """Each seller's quarter, from its time on, an order every few seconds."""

    def __init__(self, world: World, links: I64, sellers: I64, at: I64, days: float) -> None:
        self.seed = chance.stream(world.seed, "tax", int(links[0]) if len(links) else 0)
        self.links, self.sellers, self.at = links, sellers, at
        self.first = world.orders.before(sellers, at - int(days * DAY_MS))
        self.count = np.minimum(world.orders.before(sellers, at) - self.first, 4_000)
        self.gap_ms = 2_100 + int(chance.uniform(self.seed, 1) * 6_000)

    def calls(self, a: int, b: int) -> Rows:
        """Rows whose time is in [a, b)."""
        low = np.clip(-(-(a - self.at) // self.gap_ms), 0, self.count)
        high = np.clip(-(-(b - self.at) // self.gap_ms), 0, self.count)
        owner, place = expand(high - low)
        if not len(owner):
            return np.zeros(0, ROW)
        number, link = self.first[owner] + low[owner] + place, self.links[owner]
        time = self.at[owner] + (low[owner] + place) * self.gap_ms
        invoiced = chance.uniform(self.seed, link, number) < 0.92
        read = partial(rows, first=number, count=1, flags=1)
        return np.concatenate(
            [
                read(time, link, OP["getOrderAddress"], pii=CONTACT),
                read(time + 300, link, OP["getOrderBuyerInfo"], pii=BUYER | pii("tax")),
                rows(
                    time[invoiced] + 1_200,
                    link[invoiced],
                    OP["submitInvoice"],
                    first=number[invoiced],
                    count=1,
                ),
            ]
        )
