"""One order as one tool sees it -> what the tool does about it: reads, parcels, messages, invoices. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.dtypes import F64, I64, Bools
from models.minutes import DAY_MS, HOUR_MS, MINUTE_MS
from simulators import chance
from simulators.calls import BUYER, CONTACT, OP, PURCHASE, Rows, pii, rows
from simulators.habits import AT_POLL, INVOICE_CALLS, INVOICE_FEED, SHIP_CALLS, SHIP_FEED
from simulators.orders import Orders
from simulators.world import Columns

Mask = Bools


@dataclass(slots=True)
class Lives:
    """n (order, tool) pairs as columns; habits, and phase (of the clock: 0..1 of a period), of all links."""

    seed: int
    orders: Orders
    habits: Columns
    phase: F64
    link: I64
    seller: I64
    number: I64
    placed: I64
    sent: I64

    def only(self, keep: Mask) -> Lives:
        """The pairs where `keep`."""
        at = np.flatnonzero(keep)
        columns = (self.link, self.seller, self.number, self.placed, self.sent)
        return Lives(self.seed, self.orders, self.habits, self.phase, *(c[at] for c in columns))

    def habit(self, name: str) -> npt.NDArray[Any]:
        """A habit of each pair's tool."""
        return self.habits[name][self.link]

    def chance(self, salt: int) -> F64:
        """float64[n] in [0, 1), another for each salt."""
        return chance.uniform(self.seed + 100 + salt, self.link, self.number)

    def who(self, salt: int, habit: str) -> Lives:
        """The pairs whose tool does it, by the odds of a habit."""
        may = self.only(self.habit(habit) > 0)  # most tools never do most things
        return may.only(may.chance(salt) < may.habit(habit))

    def made(self, time: I64, op: str, classes: npt.ArrayLike = 0, listed: int = 1) -> Rows:
        """One call an order."""
        return rows(time, self.link, OP[op], first=self.number, count=listed, pii=classes)

    @property
    def seen(self) -> I64:
        """When the tool has listed the order: at its next poll; orders of one poll are read one by one."""
        minutes, phase = self.habit("poll_minutes"), self.phase[self.link]
        period = np.maximum(minutes.astype(np.float64) * MINUTE_MS, 1.0)
        polled = (np.ceil(self.placed / period - phase) + phase) * period + 25_000
        seen = np.where(minutes > 0, polled, self.placed + 120_000)
        return np.asarray(seen.astype(np.int64) + (self.number % 100) * 700)

    @property
    def label(self) -> I64:
        """When the label is bought, a little before the parcel goes."""
        return np.asarray(self.sent - 40_000 - (self.chance(0) * 240_000).astype(np.int64))

    @property
    def after(self) -> I64:
        """When the books are made, some hours after the parcel."""
        hours = chance.lognormal(self.seed + 9, 1.5 * HOUR_MS, 1.2, self.link, self.number)
        return np.asarray(self.sent + hours.astype(np.int64))

    def calls(self) -> list[Rows]:
        """All that follows, in no order."""
        items = self.who(4, "items")
        return [
            items.made(items.seen + 1_500, "getOrderItems", PURCHASE),
            *self.reads(),
            *self.parcels(),
            *self.talk(),
            *self.invoices(),
        ]

    def reads(self) -> list[Rows]:
        """Addresses and buyers, where they do not come with the list; some once more before the parcel."""
        page = (self.habit("page_pii") != 0) & (self.habit("read_when") == AT_POLL)
        own = self.only(~page).who(1, "read")
        when = np.choose(own.habit("read_when"), [own.seen, own.label, own.after])
        when = np.maximum(when, own.placed)
        buyer = own.chance(2) < own.habit("read_buyer")
        address = (own.habit("solicit") == 0) | ~buyer
        again = own.chance(3) < own.habit("reread")
        taxed = np.where(own.habit("invoices") > 0, pii("tax"), 0) | BUYER
        later = np.maximum(own.sent - 30_000, when + 60_000)
        return [
            own.only(address).made(when[address], "getOrderAddress", CONTACT),
            own.only(buyer).made(when[buyer] + 300, "getOrderBuyerInfo", taxed[buyer]),
            own.only(again).made(later[again], "getOrderAddress", CONTACT),
        ]

    def parcels(self) -> list[Rows]:
        """Labels bought, parcels confirmed, one by one or by a feed that names none."""
        own = self.who(5, "ship_share")
        calls = own.only(own.habit("ships") == SHIP_CALLS)
        bought = calls.who(6, "labels")
        # A feed goes once a day for all parcels: one of the day's orders stands for it, and is not named.
        feed = own.only(own.habit("ships") == SHIP_FEED).one_of_day()
        evening = feed.sent // DAY_MS * DAY_MS + 22 * HOUR_MS
        evening += (feed.phase[feed.link] * HOUR_MS).astype(np.int64)
        evening -= self.orders.sellers.offset_ms[feed.seller]
        return [
            bought.made(bought.label + 9_000, "createShipment"),
            calls.made(calls.sent, "confirmShipment"),
            feed.made(np.maximum(evening, feed.sent), "createFeed", listed=0),
        ]

    def one_of_day(self) -> Lives:
        """One order of each (link, day): about one, by chance, of those expected."""
        expected = np.maximum(self.orders.sellers.orders_per_day[self.seller], 1.0)
        return self.only(self.chance(7) < 1.3 / expected)

    def talk(self) -> list[Rows]:
        """Buyers' questions and what answers them; requests for reviews."""
        asked = self.who(8, "message")
        wait = chance.lognormal(self.seed + 10, 14 * HOUR_MS, 1.0, asked.link, asked.number)
        ready = asked.placed + wait.clip(0, 5 * DAY_MS).astype(np.int64)
        at = self.orders.in_business(asked.seller, ready, asked.chance(9))
        answered = asked.chance(12) < 0.9
        solicits = self.who(10, "solicit")
        days = solicits.habit("solicit_days") * DAY_MS * (0.8 + 0.4 * solicits.chance(11))
        later = solicits.sent + days.astype(np.int64)
        return [
            asked.made(at, "getOrder", PURCHASE),
            asked.made(at + 2_000, "getOrderAddress", CONTACT),
            asked.made(at + 2_400, "getOrderBuyerInfo", BUYER),
            asked.made(at + 5_000, "getMessagingActionsForOrder"),
            asked.only(answered).made(at[answered] + 240_000, "createConfirmOrderDetails"),
            solicits.made(later, "getSolicitationActionsForOrder"),
            solicits.made(later + 800, "createProductReviewAndSellerFeedbackSolicitation"),
        ]

    def invoices(self) -> list[Rows]:
        """Invoices, one by one or by feed."""
        own = self.who(13, "invoice")
        calls = own.only(own.habit("invoices") == INVOICE_CALLS)
        feed = own.only(own.habit("invoices") == INVOICE_FEED).one_of_day()
        feed = feed.only(feed.chance(14) < 0.2)
        return [
            calls.made(calls.after + 20_000, "submitInvoice"),
            feed.made(feed.after + HOUR_MS, "createFeed", listed=0),
        ]
