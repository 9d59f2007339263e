"""Facts about one key, seller or pair, from what is remembered of it. Compiled; touches its arguments."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from models.compiled import inner
from models.fold_rows import plus
from models.hashing import mix
from models.tables import PAGE_SHIFT, find, take

_LOW = np.uint64(0xFFFFFFFF)


class Call(NamedTuple):
    """A record, as facts are told from it: who, when, and what it is to the seller."""

    developer: Any
    origin: Any
    client: Any
    network: Any
    now: int
    offset: int
    kind: int  # READ, WRITE, REPORT
    good: bool  # answered with success
    reads: bool  # identifying data was read
    deed: bool  # something was done that justifies having read it
    ships: bool  # a deed of the one who sends the parcels: no invoice, no letter
    lists: bool  # it names orders


@inner
def tag(h: Any) -> Any:
    """Low half of a hash: enough to tell a handful of parties apart."""
    return np.uint32(h & _LOW)


@inner
def differ(a: Any, b: Any) -> bool:
    """Two clients or networks are known, and not the same; what is absent (0) differs from nothing."""
    return a != 0 and b != 0 and a != b


@inner
def use_key(table: Any, key: Any, call: Call, lim: Any) -> int:
    """Enter a use of `key`; returns 1 if it was used elsewhere of late, 3 if this place is foreign to it too.

    elsewhere  another client on another network used it within lim.elsewhere_minutes
    foreign    and this place came more than a day after the key, while a place that the key had from its
               first day was active within lim.established_minutes
    """
    row = find(table.keys, table.slots, key)
    if row < 0:
        row = take(table, key)
        table.rows[row].first = call.now
        table.rows[row].places = 0
    k = table.rows[row]
    table.dirty[row >> PAGE_SHIFT] = 1
    now = call.now
    k.last = now
    cli, net = tag(call.client), tag(call.network)
    here, elsewhere, owner = -1, False, False
    for p in range(k.places):
        if k.client[p] == cli and k.network[p] == net:
            here = p
        elif differ(k.client[p], cli) and differ(k.network[p], net):
            if now - k.until[p] <= lim.elsewhere_minutes:
                elsewhere = True
            if k.since[p] - k.first <= lim.known_minutes and now - k.until[p] <= lim.established_minutes:
                owner = True
    if here < 0:
        here = _place_for(k, lim)
        k.client[here] = cli
        k.network[here] = net
        k.since[here] = now
    k.until[here] = now
    foreign = elsewhere and owner and k.since[here] - k.first > lim.known_minutes
    return (1 if elsewhere else 0) | (2 if foreign else 0)


@inner
def _place_for(k: Any, lim: Any) -> int:
    """A free place of key `k`, else the longest silent one, those of its first day last."""
    if k.places < 4:
        k.places += 1
        return k.places - 1
    best, best_rank = 0, np.int64(2**62)
    for p in range(4):
        established = k.since[p] - k.first <= lim.known_minutes
        rank = np.int64(k.until[p]) + (np.int64(2**40) if established else 0)
        if rank < best_rank:
            best, best_rank = p, rank
    return best


@inner
def seller_of(mem: Any, seller: Any, now: int) -> int:
    """Row of a seller, seen now; a new one begins without history."""
    table = mem.sellers
    row = find(table.keys, table.slots, seller)
    if row < 0:
        row = take(table, seller)
        s = table.rows[row]
        s.first = now
        s.deeds_all = 0
        s.writes_all = 0
        for h in range(24):
            s.deeds[h] = 0
            s.writes[h] = 0
        for p in range(3):
            s.deed[p] = 0
            s.deed_developer[p] = 0
            s.deed_client[p] = 0
            s.deed_network[p] = 0
    table.rows[row].last = now
    table.dirty[row >> PAGE_SHIFT] = 1
    return row


@inner
def enter_deed(s: Any, call: Call) -> None:
    """Remember who sent parcels for seller `s` last: three parties, by developer and client."""
    dev, cli = tag(call.developer), tag(call.client)
    at = 0
    for p in range(3):
        if s.deed[p] != 0 and s.deed_developer[p] == dev and s.deed_client[p] == cli:
            at = p
            break
        if s.deed[p] < s.deed[at]:
            at = p
    if s.deed_developer[at] != dev or s.deed_client[at] != cli:
        s.fresh[at] = 0
    s.deed_developer[at] = dev
    s.deed_client[at] = cli
    s.deed_network[at] = tag(call.network)
    s.deed[at] = call.now


@inner
def enter_fresh(s: Any, call: Call, newest: int) -> bool:
    """A party was seen at work until minute `newest`; returns whether it acts for seller `s`."""
    dev, cli = tag(call.developer), tag(call.client)
    for p in range(3):
        if s.deed[p] != 0 and s.deed_developer[p] == dev and s.deed_client[p] == cli:
            s.fresh[p] = max(s.fresh[p], newest)
            return True
    return False


@inner
def hold(s: Any, since: int, call: Call) -> None:
    """Remember the newcomer that dug last, until a party that acts for seller `s` is seen to go on."""
    s.held_since = since
    s.held_developer = call.developer
    s.held_origin = call.origin
    s.held_client = tag(call.client)
    s.held_network = tag(call.network)


@inner
def others_handle(s: Any, call: Call, since: int, lim: Any) -> int:
    """Bits: 1 another developer acted for seller `s` of late; 2 the same one did, on another client and
    network.

    Only who sends parcels counts (`enter_deed`): invoices and letters go on where a seller changes its tool.
    And only who goes on: it was seen at work after minute `since`, when the one that asks came. Where a
    seller moves to a new tool, the old one falls silent, or at most ships what it had.
    """
    found = 0
    for p in range(3):
        if s.deed[p] != 0 and call.now - s.deed[p] <= lim.handled_minutes and s.fresh[p] > since:
            if s.deed_developer[p] != tag(call.developer):
                found |= 1
            elif differ(s.deed_client[p], tag(call.client)) and differ(s.deed_network[p], tag(call.network)):
                found |= 2
    return found


@inner
def enter_write(s: Any, hour: int, deed: bool) -> None:
    """Count a write in the seller's hours. Halved at 2**16, so that new habits are learnt."""
    s.writes[hour] += 1
    s.writes_all += 1
    if s.writes_all >= 65_536:
        s.writes_all = 0
        for h in range(24):
            s.writes[h] //= 2
            s.writes_all += s.writes[h]
    if deed:
        s.deeds[hour] += 1
        s.deeds_all += 1
        if s.deeds_all >= 65_536:
            s.deeds_all = 0
            for h in range(24):
                s.deeds[h] //= 2
                s.deeds_all += s.deeds[h]


@inner
def asleep(s: Any, hour: int, lim: Any) -> bool:
    """The seller's side hardly ever acts in this UTC hour: by its deeds, else by all its writes."""
    if s.deeds_all >= lim.asleep_least:
        return s.deeds[hour] * lim.asleep_share < s.deeds_all
    if s.writes_all >= lim.asleep_least:
        return s.writes[hour] * lim.asleep_share < s.writes_all
    return False


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
def add_pair(
    p: Any,
    r: Any,
    counts: Any,
    call: Call,
    known: bool,
    fresh: bool,
    handled: bool,
    plenty: bool,
    lim: Any,
) -> bool:
    """Facts about an entity at a seller: newcomer, shadow. Judged with this call's orders counted in.

    known    the seller has been known for long enough to tell
    fresh    a first read would make the entity's party new to the seller
    handled  another party handles the seller's orders
    plenty   what it takes is part of more: one of many addresses of a developer that took enough
    returns  whether the entity makes no deeds for the seller
    """
    now = call.now
    p.last = now
    if p.before < 0 and p.reads > 0 and now - p.since >= lim.settle_minutes:
        p.before = p.dug = p.taken
        p.needed = 0
    p.taken = plus(p.taken, counts[0])
    p.needed = plus(p.needed, counts[1])
    if call.deed:
        p.deed = now
        if not call.lists:
            p.blanket = now
    inactive = idle(p, now, lim)
    if not call.reads:
        return inactive
    if p.reads == 0 and known and fresh:
        r.newcomer = plus(r.newcomer, 1)
    if p.reads == 0:
        p.since = now
    p.reads = plus(p.reads, 1)
    enough = plenty or p.taken >= lim.shadow_orders or (not call.lists and p.reads >= lim.shadow_orders)
    p.dug = plus(p.dug, counts[5] + max(counts[6], counts[8]))
    if known and handled and enough and inactive:
        r.shadow_calls = plus(r.shadow_calls, 1)
        r.shadow_orders = plus(r.shadow_orders, counts[0])
        r.orders_unseen = plus(r.orders_unseen, counts[5] + p.held)
        r.orders_stale = plus(r.orders_stale, counts[6])
        p.held = 0
    elif known:
        p.held = plus(p.held, counts[5] + counts[6])
    return inactive
