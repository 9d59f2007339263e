"""What is remembered of each order: who read it, who acted on it. Compiled; touches its arguments only."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any

import numpy as np

from models.compiled import inner
from models.fold.facts import Call, differ, tag
from models.fold.layout import C_ORDER_HEAD, C_ORDER_JUDGE, C_ORDER_TAIL, C_ORDERS_FORGOTTEN
from models.fold.rows import (
    O_AGAIN,
    O_EARLIER,
    O_FIRST_DEEDS,
    O_FOLLOWED,
    O_HANDLED,
    O_NEEDED,
    O_NEWEST,
    O_STALE,
    O_TAKEN,
    O_UNSEEN,
    WHOLE,
)
from models.hashing import mix
from models.memory.pool import COUNT
from models.memory.tables import PAGE_SHIFT, append, drop_first, find, take
from models.wire.sightings import DEVELOPER, ORIGIN

# Bits that `read_order` returns, for the developer; shifted by 3 for the origin.
AGAIN, HANDLED, FOLLOWED = 1, 2, 4


@inner
def read_order(o: Any, call: Call) -> int:
    """Enter a reader of order `o`; returns the bits above.

    For an origin, somebody else is another developer, or the same one on another client: a tool may stand at
    several addresses, and what one of them read the others have read too.
    """
    # Plainly: again = read by me before; else handled = acted on by somebody else;
    # else followed = read by somebody else and not acted on.
    dev, org, cli = tag(call.developer), tag(call.origin), tag(call.client)
    seen, other, org_seen, org_other, place, needed = False, False, False, False, -1, 0
    for r in range(o.readers):
        same = o.readers_developer[r] == dev
        if same:
            seen = True
            needed |= (o.needed >> r) & 1
        else:
            other = True
        if o.readers_origin[r] == org or (same and not differ(o.readers_client[r], cli)):
            org_seen = True
            needed |= ((o.needed >> (8 + r)) & 1) << 8
        else:
            org_other = True
        if same and o.readers_origin[r] == org:
            place = r
    bits = 0
    if seen:
        bits |= AGAIN
    elif o.acted != 0:
        bits |= HANDLED if o.actor_developer != dev else 0
    elif other:
        bits |= FOLLOWED
    if org_seen:
        bits |= AGAIN << 3
    elif o.acted != 0:
        bits |= HANDLED << 3 if o.actor_developer != dev or differ(o.actor_client, cli) else 0
    elif org_other:
        bits |= FOLLOWED << 3
    if place < 0:
        place = min(np.int64(o.readers), 2)  # a fourth reader takes the third's place
        o.readers = place + 1
        o.readers_developer[place] = dev
        o.readers_origin[place] = org
        o.readers_client[place] = cli
        o.needed = (np.int64(o.needed) & ~(0x101 << place)) | (needed << place)
        if place == 0:
            o.developer = call.developer
            o.origin = call.origin
    return bits


@inner
def act_on_order(o: Any, call: Call) -> int:
    """Enter a deed; returns bits: 1 the developer had taken the order and acts first now, 2 the origin had, 4
    it is the first deed of all: who ships first handles the seller's orders, invoices and letters follow.

    An origin acts on what its developer took on the same client too: tools read here and ship there.
    """
    dev, org, cli = tag(call.developer), tag(call.origin), tag(call.client)
    taken, org_taken, before, org_before = 0, 0, 0, 0
    for r in range(o.readers):
        same = o.readers_developer[r] == dev
        if same:
            taken |= 1 << r
            before |= o.needed & (1 << r)
        if o.readers_origin[r] == org or (same and not differ(o.readers_client[r], cli)):
            org_taken |= 0x100 << r
            org_before |= o.needed & (0x100 << r)
    o.needed = np.int64(o.needed) | taken | org_taken
    first = 4 if o.acted == 0 else 0
    if first:
        o.acted = call.now
        o.actor_developer = dev
        o.actor_client = cli
    return (1 if taken and not before else 0) | (2 if org_taken and not org_before else 0) | first


@inner
def _order(mem: Any, seller: Any, seller_row: int, order: Any, now: int, lim: Any) -> int:
    """Row of an order, new ones last in time; the oldest goes where there is no room."""
    clock, orders = mem.clock, mem.orders
    key = mix(seller, order)
    row = np.int64(find(orders.keys, orders.slots, key))
    if row < 0:
        if orders.meta[COUNT] >= lim.orders_most:
            forget_order(mem)
            clock[C_ORDERS_FORGOTTEN] += 1
        row = np.int64(take(orders, key))
        o = orders.rows[row]
        o.developer = 0
        o.origin = 0
        o.first = now
        o.acted = 0
        o.seller = seller_row
        o.readers = 0
        o.needed = 0
        append(orders, row, clock, C_ORDER_HEAD, C_ORDER_TAIL)
        if clock[C_ORDER_JUDGE] < 0:
            clock[C_ORDER_JUDGE] = row
    orders.dirty[row >> PAGE_SHIFT] = 1
    return row


@inner
def forget_order(mem: Any) -> None:
    """Forget the oldest order."""
    clock = mem.clock
    if clock[C_ORDER_JUDGE] == clock[C_ORDER_HEAD]:
        clock[C_ORDER_JUDGE] = mem.orders.rows[clock[C_ORDER_HEAD]].next
    drop_first(mem.orders, clock, C_ORDER_HEAD, C_ORDER_TAIL)


@inner
def touch_orders(
    mem: Any, ev: Any, i: int, call: Call, seller_row: int, since: int, counts: Any, lim: Any
) -> None:
    """Enter call `i` in its orders, and count them: `counts` as rows has it. since: the minute in which
    its developer came to the seller."""
    for at in range(ev.order_start[i], ev.order_start[i + 1]):
        row = _order(mem, ev.seller[i], seller_row, ev.orders[at], call.now, lim)
        o = mem.orders.rows[row]
        counts[WHOLE, O_NEWEST] = max(counts[WHOLE, O_NEWEST], o.first)
        earlier = 1 if o.first < since else 0
        unseen = 1 if o.readers == 0 and o.acted == 0 else 0
        stale = 1 if o.acted != 0 and call.now - o.acted >= lim.stale_minutes else 0
        if call.reads:
            bits = read_order(o, call)
            for kind in range(2):
                b = bits >> (3 * kind)
                counts[kind, O_TAKEN] += 0 if b & AGAIN else 1
                counts[kind, O_HANDLED] += 1 if b & HANDLED else 0
                counts[kind, O_FOLLOWED] += 1 if b & FOLLOWED else 0
                counts[kind, O_AGAIN] += 1 if b & AGAIN else 0
                counts[kind, O_UNSEEN] += unseen
                counts[kind, O_STALE] += stale if b & HANDLED else 0
                counts[kind, O_EARLIER] += 0 if b & AGAIN else earlier
        else:
            bits = act_on_order(o, call)
            # Letters come weeks after: an order that nobody remembers was read before.
            counts[DEVELOPER, O_NEEDED] += (bits & 1) | unseen
            counts[ORIGIN, O_NEEDED] += ((bits >> 1) & 1) | unseen
            counts[WHOLE, O_FIRST_DEEDS] += bits >> 2
