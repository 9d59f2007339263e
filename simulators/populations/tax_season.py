"""Tax season: tools go back over the quarter, and invoice each order or only fetch tax reports."""

from __future__ import annotations

from functools import partial

import numpy as np

from models.dtypes import I64
from models.minutes import DAY_MS, HOUR_MS
from simulators import chance
from simulators.calls import BUYER, CONTACT, OP, PURCHASE, ROW, Rows, expand, pii, rows
from simulators.listing import report
from simulators.populations._common import tool
from simulators.world import FOREVER, World

SAYS = "tools that go back over a quarter at tax time, and invoice each order or only fetch tax reports"
#: What a tax report tells: whose, where, what, and the tax number; no telephone, no e-mail.
TAX_REPORT = pii("name", "address", "tax") | PURCHASE
REPORT_DAYS = 30
DEFAULTS = {"count": 3, "least": 10, "most": 50}


def fill(world: World, count: int, least: int, most: int) -> None:
    """`count` tools of `least` to `most` sellers, each with a season that begins within the span."""
    for _ in range(count):
        size = min(int(world.rng.integers(least, most + 1)), len(world.primary))
        sellers = np.sort(world.rng.choice(len(world.primary), size, replace=False))
        before = world.links
        by_report = world.rng.random() < 0.5
        kind = "accounting" if by_report else "invoicing"
        tool(world, "tax_season", kind, sellers, since=0, until=FOREVER)
        begins = world.start_ms + (world.end_ms - world.start_ms) * world.rng.uniform(0, 0.6)
        at = (begins + world.rng.random(size) * world.rng.uniform(4, 30) * HOUR_MS).astype(np.int64)
        links = np.arange(before, world.links)
        days = float(world.rng.uniform(20, 90))
        program = _Reports if by_report else _Season
        world.programs.append(program(world, links, sellers, at, days))


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


class _Reports:
    """Each seller's quarter, from its time on, in a report for every whole month of it."""

    def __init__(self, world: World, links: I64, sellers: I64, at: I64, days: float) -> None:
        self.seed = chance.stream(world.seed, "tax", int(links[0]) if len(links) else 0)
        months = max(int(days) // REPORT_DAYS, 1)
        owner, month = expand(np.full(len(links), months))
        ends = at[owner] - month * REPORT_DAYS * DAY_MS
        self.links = links[owner]
        self.at = at[owner] + month * 90_000
        self.first = world.orders.before(sellers[owner], ends - REPORT_DAYS * DAY_MS)
        self.count = world.orders.before(sellers[owner], ends) - self.first

    def calls(self, a: int, b: int) -> Rows:
        """Rows whose time is in [a, b), but for the minutes that a report takes."""
        now = (a <= self.at) & (self.at < b)
        classes = np.full(int(now.sum()), TAX_REPORT, np.uint8)
        return report(self.seed, self.links[now], self.at[now], self.first[now], self.count[now], classes)
