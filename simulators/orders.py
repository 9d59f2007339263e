"""Sellers -> their orders: who ordered, when, when shipped. Pure, by formula: any order is at hand.

Order n of a seller is placed when the seller's expected number of orders passes n + u(n), u in [0, 1). So the
orders of any span are a range of numbers, and two years of history need no memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.dtypes import F64, I32, I64, U64, Bools
from models.minutes import DAY_MS, HOUR_MS
from simulators import chance

Ints = npt.NDArray[np.integer[Any]]

#: Apart in the flat search table; more than the days of any grid times the largest sale.
_APART = 1e5


@dataclass(frozen=True, slots=True)
class Sellers:
    """n sellers as columns."""

    marketplace: npt.NDArray[np.int16]
    profile: I32  # row of Orders.cumulated
    orders_per_day: F64
    age_days: F64  # how long before the grid it began
    offset_ms: I64  # local time - UTC
    opens: F64  # local hour
    closes: F64
    six_days: Bools
    ship_hours: F64  # median from order to parcel
    category: I32
    loyal: F64  # share of orders from its own circle of customers

    def __len__(self) -> int:
        return len(self.profile)


@dataclass(frozen=True, slots=True)
class Orders:
    """All orders of all sellers. cumulated float64[profiles, hours + 1]: days of orders since grid_ms."""

    seed: int
    sellers: Sellers
    grid_ms: int
    cumulated: F64

    def expected(self, seller: Ints, time_ms: npt.ArrayLike) -> F64:
        """Expected number of orders before `time_ms` since the seller began; clipped at 0."""
        s = self.sellers
        hours = (np.asarray(time_ms) - self.grid_ms) / HOUR_MS
        last = self.cumulated.shape[1] - 2
        i = np.clip(hours.astype(np.int64), 0, last)
        profile = s.profile[seller]
        low = self.cumulated[profile, i]
        days = low + (self.cumulated[profile, i + 1] - low) * (hours - i)
        days = np.where(hours < 0, hours / 24, days)
        return np.asarray(np.maximum(s.orders_per_day[seller] * (s.age_days[seller] + days), 0.0))

    def before(self, seller: Ints, time_ms: npt.ArrayLike) -> I64:
        """int64[n]: how many orders the seller had got before `time_ms`; they have the numbers below it."""
        expected = self.expected(seller, time_ms)
        whole = np.floor(expected).astype(np.int64)
        return np.asarray(whole + (chance.uniform(self.seed, seller, whole) < expected - whole))

    def placed_ms(self, seller: Ints, number: npt.ArrayLike) -> I64:
        """int64[n]: when the order was placed (inverse of `before`)."""
        s = self.sellers
        n = np.asarray(number)
        days = (n + chance.uniform(self.seed, seller, n)) / s.orders_per_day[seller] - s.age_days[seller]
        profile = s.profile[seller]
        profiles, width = self.cumulated.shape
        flat = (self.cumulated + _APART * np.arange(profiles)[:, None]).ravel()
        i = np.searchsorted(flat, np.maximum(days, 0) + _APART * profile, side="right") - 1 - profile * width
        i = np.clip(i, 0, width - 2)
        low = self.cumulated[profile, i]
        step = np.maximum(self.cumulated[profile, i + 1] - low, 1e-12)
        hours = np.where(days < 0, days * 24, i + (days - low) / step)
        return np.asarray((self.grid_ms + hours * HOUR_MS).astype(np.int64))

    def shipped_ms(self, seller: Ints, number: npt.ArrayLike, placed_ms: I64) -> I64:
        """int64[n]: when the parcel goes: in business hours, some 2 to 48 h after the order."""
        hours = chance.lognormal(self.seed + 1, self.sellers.ship_hours[seller], 0.6, seller, number)
        ready = placed_ms + (np.clip(hours, 1.0, 46.0) * HOUR_MS).astype(np.int64)
        return self.in_business(seller, ready, chance.uniform(self.seed + 2, seller, number))

    def in_business(self, seller: Ints, time_ms: I64, spread: F64) -> I64:
        """The time itself where the seller works then, else (`spread` 0..1) in its next working day."""
        s = self.sellers
        opens, closes = s.opens[seller], s.closes[seller]
        local = time_ms + s.offset_ms[seller]
        day = local // DAY_MS
        hour = (local - day * DAY_MS) / HOUR_MS
        day = day + (hour >= closes)
        off = (hour < opens) | (hour >= closes) | ~self._works(seller, day)
        for _ in range(2):  # over a weekend
            day = day + (off & ~self._works(seller, day))
        later = day * DAY_MS + ((opens + spread * (closes - opens) * 0.8) * HOUR_MS).astype(np.int64)
        return np.asarray(np.where(off, later - s.offset_ms[seller], time_ms))

    def works(self, seller: Ints, time_ms: npt.ArrayLike) -> Bools:
        """bool[n]: whether the seller's people are at work then."""
        s = self.sellers
        local = np.asarray(time_ms) + s.offset_ms[seller]
        day = local // DAY_MS
        hour = (local - day * DAY_MS) / HOUR_MS
        return np.asarray((hour >= s.opens[seller]) & (hour < s.closes[seller]) & self._works(seller, day))

    def _works(self, seller: Ints, day: I64) -> Bools:
        weekday = (day + 3) % 7  # 1970-01-01 was a Thursday; 0 = Monday
        return np.asarray((weekday < 5) | ((weekday == 5) & self.sellers.six_days[seller]))

    def order_id(self, seller: Ints, number: npt.ArrayLike) -> U64:
        """uint64[n] pseudonym of the order."""
        return chance.mix(self.seed + 3, seller, number)

    def customer_id(self, seller: Ints, number: npt.ArrayLike) -> U64:
        """uint64[n] pseudonym of the customer: of the seller's circle, or of its whole category."""
        s = self.sellers
        draw = chance.mix(self.seed + 4, seller, number)
        own = (draw & np.uint64(0xFFFF)).astype(np.float64) / 65536 < s.loyal[seller]
        circle = np.maximum(s.orders_per_day[seller] * 240, 20).astype(np.uint64)
        pool = np.where(
            own,
            seller.astype(np.uint64),
            s.category[seller].astype(np.uint64) + np.uint64(1 << 32),
        )
        size = np.where(own, circle, np.uint64(3_000_000))
        return chance.mix(self.seed + 5, pool, (draw >> np.uint64(16)) % size)
