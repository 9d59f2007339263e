"""One pooling party -> its calls, span by span. State: what it took of each seller, and when it comes back.

How a party behaves is data (`Manner`); the modules in simulators/poolers hold one each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.dtypes import I64
from models.minutes import DAY_MS, HOUR_MS
from simulators import chance
from simulators.calls import (
    BUYER,
    CONTACT,
    EVERYTHING,
    ONCE,
    OP,
    PAGE_ORDERS,
    PURCHASE,
    ROW,
    TAKES,
    WAITS,
    Rows,
    expand,
    rows,
)
from simulators.orders import Orders

Span = tuple[float, float]
PARALLEL, IN_TURN, AT_429 = "parallel", "in turn", "at 429"
PAGES, ADDRESSES, REPORTS = "pages", "addresses", "reports"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a pooler works; spans are drawn per party, log-uniform."""

    says: str
    mode: str = "app"  # its own application | "own": sellers' keys and applications | "staff": secret keys
    sellers: Span = (25, 60)
    applications: Span = (1, 1)
    machines: str = "servers"  # | "rotating" | "homes" | "staff"
    addresses: Span = (1, 2)
    forged: bool = False  # a new user agent with every visit
    routes: tuple[tuple[str, float], ...] = ((PAGES, 0.5), (ADDRESSES, 0.25), (REPORTS, 0.25))
    order: str = PARALLEL
    history_days: Span = (4, 150)
    pages: Span = (0.7, 6)  # of 100 orders, a visit
    back_minutes: Span = (20, 240)  # between visits while history is left
    return_hours: Span = (0.8, 14)  # between visits for new orders
    unrest: Span = (0.05, 0.35)  # sigma of the lognormal that moves visits
    chaff: Span = (0.0, 0.0)  # writes a read
    keys_per_day: float = 0.0  # 0 = all at once
    shift_hours: float = 24.0  # of a day in which it works
    early: float = 0.25  # chance that it is at work when the span begins
    expect: tuple[str, ...] = ()  # topics (models.scoring) of which an alert's top three reasons hold one


def between(rng: np.random.Generator, span: Span) -> float:
    """Log-uniform in `span`; uniform where it starts at 0."""
    low, high = span
    return float(np.exp(rng.uniform(np.log(low), np.log(high))) if low > 0 else rng.uniform(low, high))


class Pooler:
    """A party at work on `links` (one a seller), from `joined` on, through machines chosen by `place`."""

    def __init__(
        self, manner: Manner, rng: np.random.Generator, orders: Orders, party: int, seed: int
    ) -> None:
        self.manner, self.rng, self.orders, self.party, self.seed = manner, rng, orders, party, seed
        names, weights = zip(*manner.routes, strict=True)
        self.route = str(rng.choice(names, p=np.array(weights) / sum(weights)))
        self.pages = max(1, round(between(rng, manner.pages)))
        self.back_ms = between(rng, manner.back_minutes) * 60_000
        self.return_ms = between(rng, manner.return_hours) * HOUR_MS
        self.unrest = between(rng, manner.unrest)
        self.chaff = between(rng, manner.chaff)
        self.buyer = rng.random()
        self.waits = WAITS if rng.random() < 0.5 else 0
        self.listing = OP["searchOrders" if manner.mode == "staff" else "getOrders"]
        self.shift_ms = int(rng.uniform(5, 15) * HOUR_MS)

    def take(
        self, links: I64, sellers: I64, joined: I64, pools: tuple[I64, I64], stays_ms: int, left: float = 1.0
    ) -> None:
        """Set to work: key i of seller i from joined[i] on, a share `left` of its history still to be taken.

        pools: (first machine, how many) of each key; a key stays `stays_ms` with one (0: changes every call).
        """
        self.links, self.sellers, self.joined = links, sellers, joined
        self.machine, self.machines, self.stays_ms = *pools, stays_ms
        at = joined + (self.rng.random(len(links)) * self.back_ms).astype(np.int64)
        if self.manner.order != PARALLEL:  # one key after the other
            at = np.maximum.accumulate(joined + (np.arange(len(links)) * self.gap_ms).astype(np.int64))
        self.visit = self._in_shift(at)
        self.newest = self.orders.before(sellers, joined)
        self.oldest = self.newest.copy()
        days = between(self.rng, self.manner.history_days) * np.exp(self.rng.normal(0, 0.2, len(links)))
        days *= left  # what it took before the span
        self.floor = self.orders.before(sellers, joined - (days * DAY_MS).astype(np.int64))

    @property
    def gap_ms(self) -> float:
        """Between keys, where they are used in turn."""
        if self.manner.order == AT_429:
            return 45_000.0 + 20_000 * self.buyer
        return max(self.back_ms / 3, 120_000.0)

    def calls(self, a: int, b: int) -> Rows:
        """Rows of the visits in [a, b)."""
        made = [np.zeros(0, ROW)]
        for _ in range(64):
            due = np.flatnonzero(self.visit < b)
            if not len(due):
                break
            made.append(self._visits(due, np.maximum(self.visit[due], a)))
        out = np.concatenate(made)
        out["party"] = self.party
        return out

    def _visits(self, keys: I64, time: I64) -> Rows:
        sellers, links = self.sellers[keys], self.links[keys]
        new = np.maximum(self.orders.before(sellers, time) - self.newest[keys], 0)
        reach = self.reach
        low = np.maximum(self.oldest[keys] - reach, self.floor[keys])
        past = self.oldest[keys] - low
        # New orders and a piece of the past lie side by side once the past is reached: two ranges.
        made = np.concatenate(
            [self._read(links, time, low, past), self._read(links, time + 4_000, self.newest[keys], new)]
        )
        self.newest[keys] += new
        self.oldest[keys] = low
        made["origin"] = self._place(made, keys, links)
        rest = np.where(low > self.floor[keys], self.back_ms, self.return_ms)
        if self.manner.order != PARALLEL:
            rest = np.maximum(rest, len(self.links) * self.gap_ms)
        wait = rest * np.exp(self.rng.normal(0, self.unrest, len(keys)))
        self.visit[keys] = self._in_shift(time + np.maximum(wait, 30_000).astype(np.int64))
        return made

    def _in_shift(self, time: I64) -> I64:
        """The time, or the party's next working hours."""
        if self.manner.shift_hours >= 24:
            return time
        since = (time - self.shift_ms) % DAY_MS
        off = since >= self.manner.shift_hours * HOUR_MS
        pause = DAY_MS - since + (self.rng.random(len(time)) * 2 * HOUR_MS).astype(np.int64)
        return np.asarray(np.where(off, time + pause, time))

    @property
    def reach(self) -> int:
        """Orders of the past that one visit takes."""
        if self.manner.order == AT_429:
            return 22 * PAGE_ORDERS if self.route == PAGES else 36
        return {PAGES: self.pages * PAGE_ORDERS, ADDRESSES: self.pages * 12, REPORTS: self.pages * 600}[
            self.route
        ]

    def _place(self, made: Rows, keys: I64, links: I64) -> I64:
        """Machine of each call: of the key's pool, another after `stays_ms` (0: with every call)."""
        owner = np.searchsorted(links, made["link"], sorter=np.argsort(links))
        key = keys[np.argsort(links)[owner]]
        turn = made["time"] // self.stays_ms if self.stays_ms else np.arange(len(made))
        draw = chance.mix(self.seed, made["link"] if self.stays_ms else turn, turn)
        return self.machine[key] + (draw % self.machines[key].astype(np.uint64)).astype(np.int64)

    def _read(self, links: I64, time: I64, first: I64, count: I64) -> Rows:
        some = count > 0
        links, time, first, count = links[some], time[some], first[some], count[some]
        if self.route == REPORTS:
            made = self._reports(links, time, first, count)
        else:
            made = self._pages(links, time, first, count)
        return np.concatenate([made, self._chaff(made)])

    def _reports(self, links: I64, time: I64, first: I64, count: I64) -> Rows:
        ready = time + self.rng.integers(60_000, 420_000, len(links))
        return np.concatenate(
            [
                rows(time, links, OP["createReport"], flags=self.waits),
                rows(ready, links, OP["getReport"], flags=self.waits),
                rows(
                    ready + 1_500,
                    links,
                    OP["getReportDocument"],
                    first=first,
                    count=count,
                    pii=EVERYTHING,
                    flags=TAKES | self.waits,
                ),
            ]
        )

    def _pages(self, links: I64, time: I64, first: I64, count: I64) -> Rows:
        hop = self.manner.order == AT_429
        flags = ONCE if hop else self.waits
        with_page = self.route == PAGES
        owner, place = expand(-(-count // PAGE_ORDERS))
        size = np.minimum(count[owner] - place * PAGE_ORDERS, PAGE_ORDERS)
        step = 600 + self.rng.integers(0, 1_600, len(owner))
        listed = rows(
            time[owner] + place * 1_200 + step,
            links[owner],
            self.listing,
            first=first[owner] + place * PAGE_ORDERS,
            count=size,
            pii=EVERYTHING if with_page else PURCHASE,
            flags=flags | (TAKES if with_page else 0),
        )
        if with_page:
            return np.concatenate([rows(time, links, OP["createRestrictedDataToken"], flags=flags), listed])
        owner, place = expand(count)
        at = time[owner] + 3_000 + place * (150 if hop else 2_050) + self.rng.integers(0, 140, len(owner))
        address = rows(
            at,
            links[owner],
            OP["getOrderAddress"],
            first=first[owner] + place,
            count=1,
            pii=CONTACT,
            flags=TAKES | flags,
        )
        also = self.rng.random(len(owner)) < self.buyer
        buyer = rows(
            at[also] + 500,
            links[owner][also],
            OP["getOrderBuyerInfo"],
            first=(first[owner] + place)[also],
            count=1,
            pii=BUYER,
            flags=TAKES | flags,
        )
        return np.concatenate([listed, address, buyer])

    def _chaff(self, made: Rows) -> Rows:
        """Writes that need no order, as cover: so many a read."""
        if not self.chaff or not len(made):
            return np.zeros(0, ROW)
        picked = made[self.rng.random(len(made)) < min(self.chaff, 1.0)]
        ops = np.array([OP["patchListingsItem"], OP["putListingsItem"], OP["confirmShipment"]])
        op = self.rng.choice(ops, len(picked), p=[0.6, 0.25, 0.15])
        named = (op == OP["confirmShipment"]) & (picked["count"] > 0)
        return rows(
            picked["time"] + self.rng.integers(5_000, 600_000, len(picked)),
            picked["link"],
            op,
            first=picked["first"],
            count=named,
        )
