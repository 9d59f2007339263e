"""Facts about a pair (an entity at a seller), from what is remembered of it. Compiled; touches arguments."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any

import numpy as np

from models.compiled import inner
from models.fold_facts import Call
from models.fold_rows import MOST, O_EARLIER, O_NEEDED, O_STALE, O_TAKEN, O_UNSEEN, plus
from models.hashing import mix
from models.minutes import DAY_MINUTES
from models.tables import PAGE_SHIFT, find, take


@inner
def pair_key(seller: Any, entity: Any, kind: int) -> Any:
    """Key of the pair (seller, entity)."""
    return mix(mix(seller, entity), np.uint64(kind + 1))


@inner
def pair_of(table: Any, seller: Any, entity: Any, kind: int) -> int:
    """Row of the pair (seller, entity); a new one counts from zero."""
    key = pair_key(seller, entity, kind)
    row = find(table.keys, table.slots, key)
    if row < 0:
        row = take(table, key)
        p = table.rows[row]
        p.deed = 0
        p.blanket = 0
        p.since = 0
        p.held = 0
        p.dug = 0
        p.lonely = 0
        p.before = -1
        p.reads = 0
        p.taken = 0
        p.needed = 0
        p.spare = 0
    table.dirty[row >> PAGE_SHIFT] = 1
    return row


@inner
def idle(p: Any, now: int, lim: Any) -> bool:
    """Pair `p` does not handle the seller's orders: no deed of late, or few for the orders it took.

    A newcomer catches up on the past, so fresh orders alone count: neither dug up, nor older than its coming.
    """
    if p.deed == 0 or now - p.deed > lim.deed_minutes:
        return True
    if p.lonely >= lim.shadow_orders and 2 * np.int64(p.lonely) > np.int64(p.taken) - p.before:
        return True  # chaff: a deed for some, while most of what it takes concerns nobody
    if p.blanket != 0 and now - p.blanket <= lim.deed_minutes:
        return False
    fresh = np.int64(p.taken) - p.dug
    return fresh >= lim.shadow_orders and np.int64(p.needed) * lim.deed_share < fresh


@inner
def _beyond(p: Any, s: Any, old: int, now: int, lim: Any) -> int:
    """Of orders that look old, those beyond what seller `s` gets: who reads first finds new ones untouched.

    A token bucket that fills at the seller's pace and holds a day's orders. The pace is what its handlers
    take, which is less than it gets where somebody else sends the parcels: those who came with the log, and
    whose work is most likely ordinary, are allowed more.
    """
    came = now if p.reads == 0 else p.since
    factor = lim.pace_newcomer if came - s.first >= lim.early_minutes else lim.pace_settled
    pace = np.int64(max(s.pace, s.pace_before)) * factor
    full = min(pace * DAY_MINUTES, MOST)
    p.spare = full if p.reads == 0 else min(full, p.spare + pace * (now - p.last))
    new = min(np.int64(old), p.spare // DAY_MINUTES)
    p.spare -= new * DAY_MINUTES
    return old - new


@inner
def add_pair(
    p: Any,
    r: Any,
    s: Any,
    counts: Any,
    call: Call,
    fresh: bool,
    handled: bool,
    plenty: bool,
    lim: Any,
) -> bool:
    """Facts about an entity at seller `s`: newcomer, shadow. Judged with this call's orders counted in.

    fresh    a first read would make the entity's party new to the seller
    handled  another party handles the seller's orders
    plenty   what it takes is part of more: one of many addresses of a developer that took enough
    returns  whether the entity makes no deeds for the seller
    """
    now = call.now
    arriving = p.reads == 0 or now - p.since < lim.arrival_minutes
    earlier = counts[O_EARLIER] if arriving else 0
    old = _beyond(p, s, counts[O_UNSEEN] + earlier, now, lim)
    stale = max(0, counts[O_STALE] - earlier)
    p.last = now
    if p.before < 0 and p.reads > 0 and now - p.since >= lim.settle_minutes:
        p.before = p.dug = p.taken
        p.needed = 0
    p.taken = plus(p.taken, counts[O_TAKEN])
    p.needed = plus(p.needed, counts[O_NEEDED])
    if call.deed:
        p.deed = now
        p.held = max(0, p.held - counts[O_NEEDED])  # a quarter's orders are read for their invoices, too
        if not call.lists:
            p.blanket = now
    inactive = idle(p, now, lim)
    if not call.reads:
        return inactive
    if p.reads == 0:
        p.since = now
        if fresh:
            r.newcomer = plus(r.newcomer, 1)
    p.reads = plus(p.reads, 1)
    enough = plenty or p.taken >= lim.shadow_orders or (not call.lists and p.reads >= lim.shadow_orders)
    p.dug = plus(p.dug, counts[O_UNSEEN] + max(counts[O_STALE], counts[O_EARLIER]))
    known = now - s.first >= lim.early_minutes
    if known and handled and enough and inactive:
        r.shadow_calls = plus(r.shadow_calls, 1)
        r.shadow_orders = plus(r.shadow_orders, counts[O_TAKEN])
        r.orders_old = plus(r.orders_old, old + p.held)
        r.orders_stale = plus(r.orders_stale, stale)
        p.held = 0
    elif known:
        p.held = plus(p.held, old + stale)
    return inactive
