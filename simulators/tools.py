"""Orders and habits -> the calls of legitimate tools, span by span. Pure: chance comes from counters.

Every call follows from something: a clock of the tool's own (poll, report, stock), or an order's life
(placed, seen, labelled, sent, asked about, invoiced).
"""

from __future__ import annotations

import numpy as np

from models.dtypes import F32, F64, I64, U8
from models.minutes import DAY_MS, HOUR_MS, MINUTE_MS
from simulators import chance
from simulators.calls import BUYER, CONTACT, FORBIDDEN, OP, WAITS, Rows, expand, rows
from simulators.listing import pages, report
from simulators.lives import Lives
from simulators.orders import Orders
from simulators.world import Links

#: Habit (calls a day), its operation, and the most records of an answer.
CLOCKS = (
    ("stock", "getInventorySummaries", 50),
    ("catalog", "searchCatalogItems", 20),
    ("listing", "getListingsItem", 0),
    ("edit", "patchListingsItem", 0),
)


class Tools:
    """The legitimate side. `calls(a, b)`: what they decide in [a, b); it may come later."""

    def __init__(self, seed: int, orders: Orders, links: Links) -> None:
        self.seed = chance.stream(seed, "tools")
        self.orders, self.links = orders, links
        self.by_seller = np.argsort(links.at["seller"], kind="stable")
        counts = np.bincount(links.at["seller"], minlength=len(orders.sellers))
        self.first_link = np.concatenate([[0], np.cumsum(counts)])
        self.phase = chance.uniform(self.seed, np.arange(len(links)))
        self.polite = np.where(links.habit["waits"] > 0, WAITS, 0).astype(np.uint8)

    def calls(self, a: int, b: int) -> Rows:
        """Rows decided in [a, b); their times are at or after a."""
        parts = [
            self.polls(a, b),
            self.lives(a, b),
            self.clocks(a, b),
            self.reports(a, b),
            self.newcomers(a, b),
        ]
        return self.allowed(np.concatenate(parts))

    def allowed(self, made: Rows) -> Rows:
        """Without calls outside the authorisation, and with the habits' waiting and missing roles."""
        at, link = self.links.at, made["link"]
        made = made[(made["time"] >= at["since"][link]) & (made["time"] < at["until"][link])]
        link = made["link"]
        made["flags"] |= self.polite[link]
        odds = self.links.habit["forbidden"][link]
        may = np.flatnonzero((made["pii"] & (CONTACT | BUYER) > 0) & (odds > 0))
        lacks = may[chance.uniform(self.seed + 1, link[may], made["time"][may]) < odds[may]]
        made["flags"][lacks] |= FORBIDDEN
        return made

    def due(self, every_ms: F64, a: int, b: int) -> tuple[I64, I64, I64]:
        """(link, time, time before) of each tick in [a, b) of clocks with these periods (0 = none)."""
        links = np.flatnonzero(every_ms > 0)
        period, phase = every_ms[links], self.phase[links]
        low = np.ceil(a / period - phase)
        count = np.maximum(np.ceil(b / period - phase) - low, 0).astype(np.int64)
        owner, place = expand(count)
        tick = (low[owner] + place + phase[owner]) * period[owner]
        return links[owner], tick.astype(np.int64), (tick - period[owner]).astype(np.int64)

    def polls(self, a: int, b: int) -> Rows:
        """Listing what is new since the last poll, 100 orders a page."""
        habit = self.links.habit
        link, time, since = self.due(habit["poll_minutes"].astype(np.float64) * MINUTE_MS, a, b)
        seller = self.links.at["seller"][link]
        jitter = (chance.uniform(self.seed + 2, link, time) * 20_000).astype(np.int64)
        first = self.orders.before(
            seller, since - (habit["overlap_minutes"][link] * MINUTE_MS).astype(np.int64)
        )
        listed = self.orders.before(seller, time) - first
        return pages(link, time + jitter, first, listed, habit["page_pii"][link], gap_ms=900)

    def lives(self, a: int, b: int) -> Rows:
        """Each order placed in [a, b), as the seller's tools see it: reads, parcels, messages, invoices."""
        sellers = np.arange(len(self.orders.sellers))
        first = self.orders.before(sellers, a)
        seller, place = expand(self.orders.before(sellers, b) - first)
        number = first[seller] + place
        placed = self.orders.placed_ms(seller, number)
        sent = self.orders.shipped_ms(seller, number, placed)
        tools = np.diff(self.first_link)[seller]
        order, nth = expand(tools)
        link = self.by_seller[self.first_link[seller[order]] + nth]
        told = (seller[order], number[order], placed[order], sent[order])
        return np.concatenate(
            Lives(self.seed, self.orders, self.links.habit, self.phase, link, *told).calls()
        )

    def clocks(self, a: int, b: int) -> Rows:
        """Stock, catalogue, listings and edits: so many a day, most while the seller works."""
        made = []
        generator = chance.rng(self.seed, "clocks", a)
        share = (b - a) / DAY_MS
        for habit, op, records in CLOCKS:
            daily = self.links.habit[habit]
            links = np.flatnonzero(daily > 0)
            count = generator.poisson(daily[links] * share)
            owner, _ = expand(count)
            link = links[owner]
            time = a + (generator.random(len(link)) * (b - a)).astype(np.int64)
            awake = self.orders.works(self.links.at["seller"][link], time)
            keep = awake | (generator.random(len(link)) < 0.4)
            size = generator.integers(1, records + 1, len(link)) if records else np.zeros(len(link), np.int64)
            made.append(rows(time[keep], link[keep], OP[op], records=size[keep]))
        return np.concatenate(made)

    def reports(self, a: int, b: int) -> Rows:
        """Reports of orders: asked for, looked after, fetched; one document lists many."""
        habit = self.links.habit
        link, time, _ = self.due(habit["report_hours"].astype(np.float64) * HOUR_MS, a, b)
        seller = self.links.at["seller"][link]
        reach = (habit["report_days"][link] * DAY_MS).astype(np.int64)
        first = self.orders.before(seller, time - reach)
        return report(
            self.seed + 3,
            link,
            time,
            first,
            self.orders.before(seller, time) - first,
            habit["report_pii"][link],
        )

    def newcomers(self, a: int, b: int) -> Rows:
        """A seller joins a tool, and the tool reads the seller's history."""
        at, habit = self.links.at, self.links.habit
        link = np.flatnonzero((at["since"] >= a) & (at["since"] < b) & (habit["backfill_days"] > 0))
        return self.history(
            link, at["since"][link] + 60_000, habit["backfill_days"][link], habit["backfill_pii"][link]
        )

    def history(self, link: I64, time: I64, days: F32, classes: U8) -> Rows:
        """All orders of so many days before `time`, a page a minute (as the plan allows), or by report."""
        seller = self.links.at["seller"][link]
        first = self.orders.before(seller, time - (days.astype(np.float64) * DAY_MS).astype(np.int64))
        count = self.orders.before(seller, time) - first
        bulk = self.links.habit["report_hours"][link] > 0
        paged = pages(link[~bulk], time[~bulk], first[~bulk], count[~bulk], classes[~bulk], gap_ms=62_000)
        return np.concatenate(
            [paged, report(self.seed + 4, link[bulk], time[bulk], first[bulk], count[bulk], classes[bulk])]
        )
