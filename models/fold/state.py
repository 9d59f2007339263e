"""What fold remembers of one partition: limits, tables, pages. Touches its own memory only."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from models.errors import ConfigError
from models.fold.layout import (
    C_CHUNK,
    C_HIGHEST,
    C_NEXT,
    C_ORDER_HEAD,
    C_ORDER_JUDGE,
    C_ORDER_TAIL,
    C_SEEN_HEAD,
    C_SEEN_TAIL,
    C_SIZE,
    C_VERSION,
    C_VOTED,
    KEY,
    ORDER,
    PAIR,
    PENDING_MOST,
    SEEN,
    SELLER,
)
from models.memory.pages import Pages
from models.memory.tables import Rows
from models.minutes import DAY_MINUTES, HOUR_MINUTES, HOUR_MS

VERSION = 8


class FoldLimits(NamedTuple):
    """Every bound and span of fold. Minutes and milliseconds are event time."""

    lateness_ms: int = 60_000  # how far the watermark stays behind: gateways' clocks and buffers differ
    duplicate_ms: int = 60_000  # horizon of the duplicate filter (contract)
    duplicates_most: int = 1_000_000  # ids held for it, 60 bytes each at most: 16,000 events/s a partition
    ahead_ms: int = HOUR_MS  # further ahead waits for later records to agree: a broken clock, or silence
    start_records: int = 2  # records that must agree with the first one of a partition
    jump_records: int = 16  # ... with a jump: one clock in five wrong passes 16 of 18 once in 10**9
    against_records: int = 3  # records that show the old time to be alive
    order_minutes: int = 7 * DAY_MINUTES  # an order is read, shipped and asked about within a week
    orders_most: int = 2_000_000  # 131 bytes each (benchmarks.memory): 262 MB a partition
    pair_minutes: int = 8 * DAY_MINUTES  # longest window (a week) and a day
    seller_minutes: int = 30 * DAY_MINUTES
    key_minutes: int = 30 * DAY_MINUTES
    known_minutes: int = DAY_MINUTES  # a seller or key younger than this is still settling in
    log_minutes: int = 48 * HOUR_MINUTES  # who came so soon after the seller turned up came with the log
    seen_minutes: int = 6 * HOUR_MINUTES  # a seller that is seen for less tells nothing about its orders
    opened_minutes: int = HOUR_MINUTES  # ... and parcels for so long, how many it gets
    early_minutes: int = 12 * HOUR_MINUTES  # most of those who work for a seller were seen by now
    recent_days: int = 60  # who was there when the log began dug if it took more than so many days bring
    arrival_minutes: int = 12 * HOUR_MINUTES  # what it takes later, it may have taken before
    alone_minutes: int = DAY_MINUTES  # by then whoever handles an order has read it
    deed_minutes: int = 7 * DAY_MINUTES  # without a deed for so long, it does not handle the seller's orders
    stale_minutes: int = 48 * HOUR_MINUTES  # shipping, label, invoice follow the deed within a day or two
    settle_minutes: int = DAY_MINUTES  # a newcomer catches up on the past; what it does then tells what it is
    deed_share: int = 3  # acted on fewer than 1/3 of the fresh orders it took: no handler
    pace_newcomer: int = 1  # old orders beyond so many times the seller's pace are dug up: see pace
    pace_settled: int = 2  # ... by those who came before the seller was known
    lone_minutes: int = 72 * HOUR_MINUTES  # a report after so long is bookkeeping; who pools comes back
    batch_minutes: int = HOUR_MINUTES  # reports within this are one batch
    goes_on_minutes: int = 6 * HOUR_MINUTES  # a deed so long after a reading: the handler has not changed
    handled_minutes: int = 72 * HOUR_MINUTES  # a deed this recent: somebody does handle them (over a weekend)
    shadow_orders: int = 10  # taken (or calls, where orders are not logged) before a shadow is called one
    roam_places: int = 3  # networks of one client, one more beside readers; an owner has a laptop
    roam_minutes: int = 48 * HOUR_MINUTES  # ... in so long
    elsewhere_minutes: int = DAY_MINUTES
    established_minutes: int = 48 * HOUR_MINUTES
    asleep_share: int = 100  # an hour with less than 1/100 of the seller's deeds: asleep
    asleep_least: int = 50  # deeds needed to know a seller's hours


assert FoldLimits().jump_records + FoldLimits().against_records < PENDING_MOST
# An order names its seller's row: the row must outlive it.
assert FoldLimits().order_minutes < FoldLimits().seller_minutes


class Memory(NamedTuple):
    """What compiled code sees of the state."""

    clock: Any
    orders: Any
    pairs: Any
    sellers: Any
    keys: Any
    seen: Any
    pending_time: Any
    pending_event: Any
    pending_support: Any
    pending_against: Any


class FoldState:
    """State of one partition. Bytes a row, index at its emptiest included, reserve not: order 124, pair 104,
    key 256, seller 388, event id 60 (layouts above, 12 bytes a place of an index at least a third full)."""

    def __init__(self) -> None:
        self.orders = Rows("orders", ORDER)
        self.pairs = Rows("pairs", PAIR)
        self.sellers = Rows("sellers", SELLER)
        self.keys = Rows("keys", KEY)
        self.seen = Rows("seen", SEEN)
        self.tables = (self.orders, self.pairs, self.sellers, self.keys, self.seen)
        self.votes = np.zeros((4, PENDING_MOST), np.int64)
        self.clock = np.zeros(C_SIZE, np.int64)
        self._start()

    def _start(self) -> None:
        self.votes[:] = 0
        self.clock[:] = 0
        self.clock[C_VERSION] = VERSION
        for place in (C_HIGHEST, C_NEXT, C_CHUNK, C_ORDER_HEAD, C_ORDER_TAIL, C_ORDER_JUDGE, C_SEEN_HEAD):
            self.clock[place] = -1
        self.clock[C_SEEN_TAIL] = self.clock[C_VOTED] = -1

    def memory(self) -> Memory:
        """Views for one call; stale after `reserve`."""
        time, event, support, against = self.votes
        parts: list[Any] = [self.clock, *(t.table for t in self.tables)]
        parts += [time, event.view(np.uint64), support, against]
        return Memory(*parts)

    def reserve(self, events: int, orders: int, limits: FoldLimits) -> None:
        """Make room for what so many events and order ids can add."""
        self.orders.reserve(orders, limits.orders_most)
        self.pairs.reserve(3 * events)
        self.sellers.reserve(events)
        self.keys.reserve(events)
        self.seen.reserve(events, limits.duplicates_most)

    def changed(self) -> Pages:
        """Pages that changed."""
        pages: Pages = {"fold/clock": self.clock.tobytes(), "fold/votes": self.votes.tobytes()}
        for table in self.tables:
            pages |= table.changed()
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold. ConfigError where they are of another version."""
        self._start()
        if pages:
            clock = np.frombuffer(pages.get("fold/clock", b"\0" * 8), np.int64)
            votes = np.frombuffer(pages.get("fold/votes", b""), np.int64)
            if clock[0] != VERSION or len(clock) != C_SIZE or votes.size != self.votes.size:
                raise ConfigError(
                    f"snapshot of fold is of version {clock[0]}, this program writes {VERSION}; "
                    "delete the snapshot and replay the history"
                )
            self.clock[:] = clock
            self.votes[:] = votes.reshape(self.votes.shape)
        for table in self.tables:
            table.restore(pages)
