"""Facts about a pair (an entity at a seller), from what is remembered of it. Compiled; touches arguments."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from models.compiled import inner
from models.fold.facts import Call, differ, remember_newcomer, tag
from models.fold.pace import beyond, known, weigh
from models.fold.rows import O_EARLIER, O_NEEDED, O_STALE, O_TAKEN, O_UNSEEN, plus, row_of
from models.hashing import mix
from models.memory.tables import PAGE_SHIFT, find, take
from models.wire.sightings import DEVELOPER


class Visit(NamedTuple):
    """What a call of an entity is to the seller, before its own orders are counted."""

    new: bool  # a first read would make the entity's party new to the seller
    handled: bool  # another party handles the seller's orders
    lone: bool  # a report that none came before of late: no sign of anything yet
    plenty: bool  # what it takes is part of more: one of many addresses of a developer that took enough


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
        p.unweighed = 0
        p.dug = 0
        p.lonely = 0
        p.before = -1
        p.reads = 0
        p.taken = 0
        p.needed = 0
        p.spare = 0
        p.sent = 0
    table.dirty[row >> PAGE_SHIFT] = 1
    return row


@inner
def idle(p: Any, s: Any, now: int, lim: Any) -> bool:
    """Pair `p` does not handle the orders of seller `s`: no deed of late, or few for the orders it took.

    Of a newcomer only orders placed since it came count: it first reads the backlog. Where others send nearly
    all parcels meanwhile, its own deeds are taken for cover (chaff).
    """
    if p.deed == 0 or now - p.deed > lim.deed_minutes:
        return True
    if p.lonely >= lim.shadow_orders and 2 * np.int64(p.lonely) > np.int64(p.taken) - p.before:
        return True  # chaff: a deed for some, while most of what it takes concerns nobody
    if p.blanket != 0 and now - p.blanket <= lim.deed_minutes:
        return False
    needed, taken = np.int64(p.needed) * lim.deed_share, np.int64(p.taken) - max(p.before, 0)
    theirs = np.int64(s.sent) - p.sent - p.needed
    if p.since - s.first >= lim.early_minutes and theirs >= lim.shadow_orders and needed < min(theirs, taken):
        return True
    fresh = np.int64(p.taken) - p.dug
    return fresh >= lim.shadow_orders and needed < fresh


@inner
def _enter(p: Any, s: Any, counts: Any, call: Call, lim: Any) -> None:
    """Count what the pair took and did; once it has settled in, what it did before no longer counts."""
    now = call.now
    p.last = now
    if p.since == 0 and p.deed == 0:
        p.sent = s.sent
    if p.before < 0 and p.since > 0 and now - p.since >= lim.settle_minutes:
        p.before = p.dug = p.taken
        p.needed = 0
        p.sent = s.sent
    p.taken = plus(p.taken, counts[O_TAKEN])
    p.needed = plus(p.needed, counts[O_NEEDED])
    if call.deed:
        p.deed = now
        # a quarter's orders are read for their invoices, too
        p.held = max(0, p.held - counts[O_NEEDED])
        p.unweighed = max(0, p.unweighed - counts[O_NEEDED])
        if call.blanket:
            p.blanket = now
        elif not call.lists:
            p.needed = plus(p.needed, 1)


@inner
def add_pair(p: Any, r: Any, s: Any, counts: Any, call: Call, visit: Visit, lim: Any) -> bool:
    """Facts about an entity at seller `s`: newcomer, shadow. Judged with this call's orders counted in.
    Returns whether it does nothing for the seller: as `idle`.
    """
    now = call.now
    arriving = p.since == 0 or now - p.since < lim.arrival_minutes
    earlier = counts[O_EARLIER] if arriving else 0
    old = beyond(p, s, 0 if call.taxes else counts[O_UNSEEN] + earlier, now, lim)
    stale = 0 if call.taxes else max(0, counts[O_STALE] - earlier)
    _enter(p, s, counts, call, lim)
    does_nothing = idle(p, s, now, lim)
    if call.deed and not does_nothing:  # chaff justifies nothing
        r.deeds = plus(r.deeds, 1)
    if not call.reads:
        return does_nothing
    if p.since == 0:
        p.since = now
    if not visit.lone:
        if visit.new and p.reads == 0:
            r.newcomer = plus(r.newcomer, 1)
        p.reads = plus(p.reads, 1)
    took_enough = p.taken >= lim.shadow_orders or (not call.lists and p.reads >= lim.shadow_orders)
    shadow = visit.handled and not visit.lone and does_nothing and (visit.plenty or took_enough)
    p.dug = plus(p.dug, counts[O_UNSEEN] + max(counts[O_STALE], counts[O_EARLIER]))
    enough = known(p, s, now, lim)
    if not enough:
        p.unweighed = plus(p.unweighed, old)
    weigh(p, s, now, lim)
    if enough and shadow:
        r.shadow_calls = plus(r.shadow_calls, 1)
        r.orders_old = plus(r.orders_old, old + p.held)
        r.orders_stale = plus(r.orders_stale, stale)
        p.held = 0
    elif enough:
        p.held = plus(p.held, old + stale)
    orders = np.int64(p.held) + p.unweighed
    if orders > 0 and does_nothing and not visit.lone:
        remember_newcomer(s, p.since, call, orders)
    return does_nothing


@inner
def count_held(mem: Any, totals: Any, s: Any, call: Call, lim: Any) -> None:
    """A party that acts for seller `s` goes on: what a newcomer dug up before counts now."""
    other, none = s.held_developer != call.developer, np.uint64(0)
    elsewhere = differ(s.held_client, tag(call.client)) and differ(s.held_network, tag(call.network))
    if not other and not elsewhere:
        if call.deed:
            s.held_developer = 0  # it was no newcomer: it works there
        return
    for kind in range(0 if other else 1, 2):
        entity = s.held_developer if kind == DEVELOPER else s.held_origin
        row = find(mem.pairs.keys, mem.pairs.slots, pair_key(s.key, entity, kind)) if entity != 0 else -1
        if row < 0:
            continue
        p = mem.pairs.rows[row]
        if not idle(p, s, call.now, lim):
            break
        weigh(p, s, call.now, lim)
        mem.pairs.dirty[row >> PAGE_SHIFT] = 1
        if p.held > 0 and p.taken >= lim.shadow_orders:
            at = row_of(totals, kind, entity, s.key, none, none, call.now, call.offset)
            r = totals.rows[at]
            r.orders_old = plus(r.orders_old, p.held)
            p.held = 0
        if p.unweighed > 0:
            return
    s.held_developer = 0
