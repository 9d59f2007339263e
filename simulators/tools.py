"""Orders and habits -> the calls of legitimate tools, span by span. Pure: chance comes from counters.

Every call follows from something: a clock of the tool's own (poll, report, stock), or an order's life
(placed, seen, labelled, sent, asked about, invoiced).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulators import chance
from simulators.calls import (
    BUYER,
    CONTACT,
    FORBIDDEN,
    OP,
    PAGE_ORDERS,
    PURCHASE,
    ROW,
    WAITS,
    Rows,
    expand,
    pii,
    rows,
)
from simulators.habits import (
    AFTER_PARCEL,
    AT_LABEL,
    AT_POLL,
    INVOICE_CALLS,
    INVOICE_FEED,
    SHIP_CALLS,
    SHIP_FEED,
)
from simulators.orders import DAY_MS, HOUR_MS, Orders
from simulators.world import Links

Mask = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]
MINUTE_MS = 60_000


class Tools:
    """The legitimate side of the marketplace. `calls(a, b)`: what tools decide on in [a, b); it may come later."""

    def __init__(self, seed: int, orders: Orders, links: Links) -> None:
        self.seed = chance.stream(seed, "tools")
        self.orders, self.links = orders, links
        self.by_seller = np.argsort(links.at["seller"], kind="stable")
        counts = np.bincount(links.at["seller"], minlength=len(orders.sellers))
        self.first_link = np.concatenate([[0], np.cumsum(counts)])
        self.phase = chance.uniform(self.seed, np.arange(len(links)))
        self.polite = np.where(links.habit["waits"] > 0, WAITS, 0)

    def calls(self, a: int, b: int) -> Rows:
        """Rows decided in [a, b); their times are at or after a."""
        parts = [
            self.polls(a, b),
            self.lives(a, b),
            self.clocks(a, b),
            self.reports(a, b),
            self.newcomers(a, b),
        ]
        made = np.concatenate(parts)
        return self._allowed(made)

    def _allowed(self, made: Rows) -> Rows:
        """Without calls outside the authorisation, and with the habits' waiting and missing roles."""
        at = self.links.at[made["link"]]
        made = made[(made["time"] >= at["since"]) & (made["time"] < at["until"])]
        link = made["link"]
        made["flags"] |= self.polite[link].astype(np.uint8)
        lacks = (made["pii"] & (CONTACT | BUYER) > 0) & (self.links.habit["forbidden"][link] > 0)
        lacks &= chance.uniform(self.seed + 1, link, made["time"]) < self.links.habit["forbidden"][link]
        made["flags"][lacks] |= FORBIDDEN
        return made

    def due(self, every_ms: npt.NDArray[np.float64], a: int, b: int) -> tuple[I64, I64, I64]:
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
        """Each order placed in [a, b), seen by each of the seller's tools: reads, parcels, messages, invoices."""
        sellers = np.arange(len(self.orders.sellers))
        first = self.orders.before(sellers, a)
        seller, place = expand(self.orders.before(sellers, b) - first)
        number = first[seller] + place
        placed = self.orders.placed_ms(seller, number)
        sent = self.orders.shipped_ms(seller, number, placed)
        tools = np.diff(self.first_link)[seller]
        order, nth = expand(tools)
        link = self.by_seller[self.first_link[seller[order]] + nth]
        life = _Life(self, link, seller[order], number[order], placed[order], sent[order])
        return np.concatenate(life.calls())

    def clocks(self, a: int, b: int) -> Rows:
        """Stock, catalogue, listings and edits: so many a day, most while the seller works."""
        made = []
        generator = chance.rng(self.seed, "clocks", a)
        share = (b - a) / DAY_MS
        for habit, op, records in (("stock", "getInventorySummaries", 50), ("catalog", "searchCatalogItems", 20),
                                   ("listing", "getListingsItem", 0), ("edit", "patchListingsItem", 0)):  # fmt: skip
            daily = self.links.habit[habit]
            links = np.flatnonzero(daily > 0)
            count = generator.poisson(daily[links] * share)
            owner, _ = expand(count)
            link = links[owner]
            time = a + (generator.random(len(link)) * (b - a)).astype(np.int64)
            awake = self.orders.works(self.links.at["seller"][link], time)
            keep = awake | (generator.random(len(link)) < 0.4) & (self.links.habit["asleep"][link] == 0)
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

    def history(
        self, link: I64, time: I64, days: npt.NDArray[np.float32], classes: npt.NDArray[np.uint8]
    ) -> Rows:
        """All orders of so many days before `time`, a page a minute (as the plan allows), or by report."""
        seller = self.links.at["seller"][link]
        first = self.orders.before(seller, time - (days.astype(np.float64) * DAY_MS).astype(np.int64))
        count = self.orders.before(seller, time) - first
        bulk = self.links.habit["report_hours"][link] > 0
        paged = pages(link[~bulk], time[~bulk], first[~bulk], count[~bulk], classes[~bulk], gap_ms=62_000)
        return np.concatenate(
            [paged, report(self.seed + 4, link[bulk], time[bulk], first[bulk], count[bulk], classes[bulk])]
        )


class _Life:
    """(order, tool) pairs and what follows."""

    def __init__(self, tools: Tools, link: I64, seller: I64, number: I64, placed: I64, sent: I64) -> None:
        self.tools, self.seed = tools, tools.seed
        self.link, self.seller, self.number, self.placed, self.sent = link, seller, number, placed, sent
        self.habit = tools.links.habit[link]
        period = np.maximum(self.habit["poll_minutes"].astype(np.float64) * MINUTE_MS, 1.0)
        phase = tools.phase[link]
        polled = (np.ceil(placed / period - phase) + phase) * period + 25_000
        # The orders of one poll are read one after the other.
        seen = np.where(self.habit["poll_minutes"] > 0, polled, placed + 120_000)
        self.seen = seen.astype(np.int64) + (number % 100) * 700

    def chance(self, salt: int) -> npt.NDArray[np.float64]:
        return chance.uniform(self.seed + 100 + salt, self.link, self.number)

    def some(self, keep: Mask, time: I64, op: str, classes: npt.ArrayLike = 0, listed: int = 1) -> Rows:
        """One call an order where `keep`."""
        return rows(time[keep], self.link[keep], OP[op], first=self.number[keep], count=listed, pii=classes)

    def calls(self) -> list[Rows]:
        habit = self.habit
        label = self.sent - 40_000 - (self.chance(0) * 240_000).astype(np.int64)
        after = self.sent + chance.lognormal(
            self.seed + 9, 1.5 * HOUR_MS, 1.2, self.link, self.number
        ).astype(np.int64)
        when = np.choose(habit["read_when"], [self.seen, label, after, self.seen])
        when = np.maximum(when, self.placed)
        reads = (self.chance(1) < habit["read"]) & (
            (habit["page_pii"] == 0) | (habit["read_when"] != AT_POLL)
        )
        buyer = reads & (self.chance(2) < habit["read_buyer"])
        address = reads & ((habit["solicit"] == 0) | ~buyer)
        again = reads & (self.chance(3) < habit["reread"])
        taxed = np.where(habit["invoices"] > 0, pii("tax"), 0) | BUYER
        items = self.chance(4) < habit["items"]
        return [
            self.some(items, self.seen + 1_500, "getOrderItems", PURCHASE),
            self.some(address, when, "getOrderAddress", CONTACT),
            self.some(buyer, when + 300, "getOrderBuyerInfo", taxed[buyer]),
            self.some(again, np.maximum(self.sent - 30_000, when + 60_000), "getOrderAddress", CONTACT),
            *self.parcels(label),
            *self.talk(),
            *self.invoices(after),
        ]

    def parcels(self, label: I64) -> list[Rows]:
        habit = self.habit
        own = self.chance(5) < habit["ship_share"]
        calls = own & (habit["ships"] == SHIP_CALLS)
        # A feed goes once a day for all parcels: one of the day's orders stands for it, and is not named.
        feed = own & (habit["ships"] == SHIP_FEED) & self.first_of_day(self.sent)
        bought = calls & (self.chance(6) < habit["labels"])
        evening = (
            self.sent // DAY_MS * DAY_MS
            + 22 * HOUR_MS
            + (self.tools.phase[self.link] * HOUR_MS).astype(np.int64)
        )
        return [
            self.some(bought, label + 9_000, "createShipment"),
            self.some(calls, self.sent, "confirmShipment"),
            self.some(
                feed,
                np.maximum(evening - self.tools.orders.sellers.offset_ms[self.seller], self.sent),
                "createFeed",
                listed=0,
            ),
        ]

    def first_of_day(self, time: I64) -> Mask:
        """True for one order of each (link, day): about one, by chance, of those expected."""
        expected = np.maximum(self.tools.orders.sellers.orders_per_day[self.seller], 1.0)
        return np.asarray(self.chance(7) < 1.3 / expected)

    def talk(self) -> list[Rows]:
        habit = self.habit
        asked = self.chance(8) < habit["message"]
        wait = (
            chance.lognormal(self.seed + 10, 14 * HOUR_MS, 1.0, self.link, self.number)
            .clip(0, 5 * DAY_MS)
            .astype(np.int64)
        )
        at = self.tools.orders.in_business(self.seller, self.placed + wait, self.chance(9))
        solicits = self.chance(10) < habit["solicit"]
        later = self.sent + (habit["solicit_days"] * DAY_MS * (0.8 + 0.4 * self.chance(11))).astype(np.int64)
        return [
            self.some(asked, at, "getOrder", PURCHASE),
            self.some(asked, at + 2_000, "getOrderAddress", CONTACT),
            self.some(asked, at + 2_400, "getOrderBuyerInfo", BUYER),
            self.some(asked, at + 5_000, "getMessagingActionsForOrder"),
            self.some(asked & (self.chance(12) < 0.9), at + 240_000, "createConfirmOrderDetails"),
            self.some(solicits, later, "getSolicitationActionsForOrder"),
            self.some(solicits, later + 800, "createProductReviewAndSellerFeedbackSolicitation"),
        ]

    def invoices(self, after: I64) -> list[Rows]:
        habit = self.habit
        own = self.chance(13) < habit["invoice"]
        feed = own & (habit["invoices"] == INVOICE_FEED) & self.first_of_day(after) & (self.chance(14) < 0.2)
        return [
            self.some(own & (habit["invoices"] == INVOICE_CALLS), after + 20_000, "submitInvoice"),
            self.some(feed, after + HOUR_MS, "createFeed", listed=0),
        ]


def pages(
    link: I64, time: I64, first: I64, count: I64, classes: npt.NDArray[np.uint8], gap_ms: int, flags: int = 0
) -> Rows:
    """getOrders over [first, first + count) of each link, `gap_ms` apart, one page at least; with a token before."""
    owner, place = expand(np.maximum(-(-count // PAGE_ORDERS), 1))
    low = first[owner] + place * PAGE_ORDERS
    size = np.minimum(count[owner] - place * PAGE_ORDERS, PAGE_ORDERS)
    personal = classes[owner] > 0
    seen = np.where(size > 0, classes[owner] | PURCHASE, 0)
    listed = rows(
        time[owner] + place * gap_ms,
        link[owner],
        OP["getOrders"],
        first=low,
        count=np.maximum(size, 0),
        pii=seen,
        flags=flags,
    )
    start = (place == 0) & personal
    tokens = rows(time[owner][start] - 400, link[owner][start], OP["createRestrictedDataToken"])
    return np.concatenate([tokens, listed])


def report(
    seed: int, link: I64, time: I64, first: I64, count: I64, classes: npt.NDArray[np.uint8], flags: int = 0
) -> Rows:
    """createReport, getReport until it is ready, getReportDocument over [first, first + count) of each link."""
    if not len(link):
        return np.zeros(0, ROW)
    ready = time + (60_000 + 400_000 * chance.uniform(seed, link, time)).astype(np.int64)
    return np.concatenate(
        [
            rows(time, link, OP["createReport"]),
            rows((time + ready) // 2, link, OP["getReport"]),
            rows(ready, link, OP["getReport"]),
            rows(
                ready + 1_500,
                link,
                OP["getReportDocument"],
                first=first,
                count=count,
                pii=np.where(count > 0, classes, 0),
                flags=flags,
            ),
        ]
    )


assert AFTER_PARCEL == 2 and AT_LABEL == 1
