"""One order as one tool sees it -> what the tool does about it: reads, parcels, messages, invoices. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.dtypes import F64, I64, Bools
from models.minutes import DAY_MS, HOUR_MS, MINUTE_MS
from simulators import chance
from simulators.calls import BUYER, CONTACT, OP, PURCHASE, Rows, pii, rows
from simulators.habits import AT_POLL, INVOICE_CALLS, INVOICE_FEED, SHIP_CALLS, SHIP_FEED, Habits
from simulators.orders import Orders

Mask = Bools


@dataclass(slots=True)
class Lives:
    """n (order, tool) pairs as columns; `phase` is the tool's clock (0..1 of its period)."""

    seed: int
    orders: Orders
    habit: Habits
    phase: F64
    link: I64
    seller: I64
    number: I64
    placed: I64
    sent: I64

    @property
    def seen(self) -> I64:
        """When the tool has listed the order: at its next poll; orders of one poll are read one by one."""
        period = np.maximum(self.habit["poll_minutes"].astype(np.float64) * MINUTE_MS, 1.0)
        polled = (np.ceil(self.placed / period - self.phase) + self.phase) * period + 25_000
        seen = np.where(self.habit["poll_minutes"] > 0, polled, self.placed + 120_000)
        return np.asarray(seen.astype(np.int64) + (self.number % 100) * 700)

    def chance(self, salt: int) -> F64:
        """float64[n] in [0, 1), another for each salt."""
        return chance.uniform(self.seed + 100 + salt, self.link, self.number)

    def some(self, keep: Mask, time: I64, op: str, classes: npt.ArrayLike = 0, listed: int = 1) -> Rows:
        """One call an order where `keep`."""
        return rows(time[keep], self.link[keep], OP[op], first=self.number[keep], count=listed, pii=classes)

    def calls(self) -> list[Rows]:
        """All that follows, in no order."""
        habit, seen = self.habit, self.seen
        label = self.sent - 40_000 - (self.chance(0) * 240_000).astype(np.int64)
        after = self.sent + chance.lognormal(
            self.seed + 9, 1.5 * HOUR_MS, 1.2, self.link, self.number
        ).astype(np.int64)
        when = np.choose(habit["read_when"], [seen, label, after])
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
            self.some(items, seen + 1_500, "getOrderItems", PURCHASE),
            self.some(address, when, "getOrderAddress", CONTACT),
            self.some(buyer, when + 300, "getOrderBuyerInfo", taxed[buyer]),
            self.some(again, np.maximum(self.sent - 30_000, when + 60_000), "getOrderAddress", CONTACT),
            *self.parcels(label),
            *self.talk(),
            *self.invoices(after),
        ]

    def parcels(self, label: I64) -> list[Rows]:
        """Labels bought, parcels confirmed, one by one or by a feed that names none."""
        habit = self.habit
        own = self.chance(5) < habit["ship_share"]
        calls = own & (habit["ships"] == SHIP_CALLS)
        # A feed goes once a day for all parcels: one of the day's orders stands for it, and is not named.
        feed = own & (habit["ships"] == SHIP_FEED) & self.one_of_day()
        bought = calls & (self.chance(6) < habit["labels"])
        evening = self.sent // DAY_MS * DAY_MS + 22 * HOUR_MS + (self.phase * HOUR_MS).astype(np.int64)
        return [
            self.some(bought, label + 9_000, "createShipment"),
            self.some(calls, self.sent, "confirmShipment"),
            self.some(
                feed,
                np.maximum(evening - self.orders.sellers.offset_ms[self.seller], self.sent),
                "createFeed",
                listed=0,
            ),
        ]

    def one_of_day(self) -> Mask:
        """True for one order of each (link, day): about one, by chance, of those expected."""
        expected = np.maximum(self.orders.sellers.orders_per_day[self.seller], 1.0)
        return np.asarray(self.chance(7) < 1.3 / expected)

    def talk(self) -> list[Rows]:
        """Buyers' questions and what answers them; requests for reviews."""
        habit = self.habit
        asked = self.chance(8) < habit["message"]
        wait = (
            chance.lognormal(self.seed + 10, 14 * HOUR_MS, 1.0, self.link, self.number)
            .clip(0, 5 * DAY_MS)
            .astype(np.int64)
        )
        at = self.orders.in_business(self.seller, self.placed + wait, self.chance(9))
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
        """Invoices, one by one or by feed."""
        habit = self.habit
        own = self.chance(13) < habit["invoice"]
        feed = own & (habit["invoices"] == INVOICE_FEED) & self.one_of_day() & (self.chance(14) < 0.2)
        return [
            self.some(own & (habit["invoices"] == INVOICE_CALLS), after + 20_000, "submitInvoice"),
            self.some(feed, after + HOUR_MS, "createFeed", listed=0),
        ]
