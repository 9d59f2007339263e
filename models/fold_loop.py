"""The loop over records: duplicate, late or ahead; state; totals. Compiled; touches its arguments only."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from models.compiled import inner, leaf
from models.fold_facts import (
    AGAIN,
    FOLLOWED,
    HANDLED,
    act_on_order,
    alone,
    asleep,
    differ,
    enter_deed,
    enter_write,
    idle,
    others_handle,
    pair_key,
    pair_of,
    read_order,
    use_key,
)
from models.fold_state import (
    C_DUPLICATES,
    C_EVENTS,
    C_HELD,
    C_HIGHEST,
    C_HOUR,
    C_LATE,
    C_NEXT,
    C_ORDER_HEAD,
    C_ORDER_JUDGE,
    C_ORDER_TAIL,
    C_ORDERS_FORGOTTEN,
    C_SEEN_FORGOTTEN,
    C_SEEN_HEAD,
    C_SEEN_TAIL,
    C_VOTED,
)
from models.hashing import mix
from models.operations import REPORT, WRITE
from models.sightings import DEVELOPER, ORIGIN
from models.tables import COUNT, HIGH, PAGE_SHIFT, drop, find, insert, take

#: Why the loop stopped at a record.
DONE, AHEAD, VERDICT, ROOM = 0, 1, 2, 3
_MINUTE_MS = 60_000
_MOST = 2**31 - 1
_IDENTIFY = 1 | 2 | 4 | 8 | 32  # all classes but `purchase`
T_ROWS, T_TOUCHED, T_CUSTOMERS, T_UNNAMED, T_TOLD = range(5)
#: Places of the filter of what was told: half of them are used before all are forgotten.
TOLD_PLACES = 1 << 17


class Columns(NamedTuple):
    """What the loop sees of `Events`."""

    offset: Any
    time_ms: Any
    event: Any
    developer: Any
    seller: Any
    key: Any
    origin: Any
    client: Any
    network: Any
    operation: Any
    status: Any
    records: Any
    bytes: Any
    pii: Any
    orders: Any
    order_start: Any
    customers: Any
    customer_start: Any


class Totals(NamedTuple):
    """The chunk's rows, and which of them this step touched."""

    rows: Any  # ROW[]
    keys: Any  # index
    slots: Any
    order: Any  # int32[rows], place in `touched` plus 1, 0 = not touched in this step
    touched: Any  # int32[rows]
    customers: Any  # CUSTOMER[], row = place in `touched`
    unnamed: Any  # int32[rows], rows of which the ids' texts are to be told
    told: Any  # uint64[TOLD_PLACES], hashes of the ids, together, that were told within the hour
    meta: Any  # int64[5]: rows, touched, customers, unnamed, hashes in `told`


@inner
def _plus(a: Any, b: Any) -> Any:
    return np.int32(min(np.int64(a) + np.int64(b), _MOST))


@inner
def _forget_told(totals: Any) -> None:
    totals.told[:] = 0
    totals.meta[T_TOLD] = 0


@inner
def _is_told(totals: Any, h: Any) -> bool:
    """Whether `h` was entered before; enters it."""
    told, mask = totals.told, TOLD_PLACES - 1
    at = np.int64(h & np.uint64(mask))
    while told[at] != np.uint64(0):
        if told[at] == h:
            return True
        at = (at + 1) & mask
    if 2 * totals.meta[T_TOLD] >= TOLD_PLACES:
        _forget_told(totals)
        at = np.int64(h & np.uint64(mask))
    told[at] = h
    totals.meta[T_TOLD] += 1
    return False


@inner
def _row(
    totals: Any, kind: int, entity: Any, seller: Any, key: Any, other: Any, minute: int, offset: int
) -> int:
    """Place of the row in the chunk's totals, touched; a new one starts at zero."""
    last = np.uint64(minute) | (np.uint64(kind) << np.uint64(40))
    ids = mix(mix(entity, seller), mix(key, other))
    h = mix(ids, last)
    at = np.int64(find(totals.keys, totals.slots, h))
    if at < 0:
        at = totals.meta[T_ROWS]
        totals.meta[T_ROWS] += 1
        insert(totals.keys, totals.slots, h, at)
        new = totals.rows[at]
        new.entity = entity
        new.seller = seller
        new.key = key
        new.other = other
        new.minute = minute
        new.kind = kind
        new.first_offset = offset
        new.last_offset = offset
        if not _is_told(totals, ids):
            totals.unnamed[totals.meta[T_UNNAMED]] = at
            totals.meta[T_UNNAMED] += 1
    r = totals.rows[at]
    r.first_offset = min(r.first_offset, offset)
    r.last_offset = max(r.last_offset, offset)
    if totals.order[at] == 0:
        totals.touched[totals.meta[T_TOUCHED]] = at
        totals.meta[T_TOUCHED] += 1
        totals.order[at] = totals.meta[T_TOUCHED]
    return at


@inner
def _vote(mem: Any, time: int, lim: Any) -> None:
    """A record speaks for those held whose time it reaches, against the rest (an hour's slack)."""
    for h in range(mem.clock[C_HELD]):
        if time < mem.held_time[h] - lim.ahead_ms:
            mem.held_against[h] += 1
        else:
            mem.held_support[h] += 1


@inner
def _decided(mem: Any, lim: Any) -> bool:
    need = lim.jump_records if mem.clock[C_HIGHEST] >= 0 else lim.start_records
    for h in range(mem.clock[C_HELD]):
        if mem.held_support[h] >= need or mem.held_against[h] >= lim.against_records:
            return True
        if mem.clock[C_HIGHEST] >= 0 and mem.held_time[h] <= mem.clock[C_HIGHEST] + lim.ahead_ms:
            return True
    return False


@inner
def _is_duplicate(mem: Any, event: Any) -> bool:
    if find(mem.seen.keys, mem.seen.slots, event) >= 0:
        return True
    for h in range(mem.clock[C_HELD]):  # noqa: SIM110 (compiled)
        if mem.held_event[h] == event:
            return True
    return False


@inner
def _forget_seen(mem: Any) -> None:
    row = mem.clock[C_SEEN_HEAD]
    mem.clock[C_SEEN_HEAD] = mem.seen.rows[row].next
    if mem.clock[C_SEEN_HEAD] < 0:
        mem.clock[C_SEEN_TAIL] = -1
    drop(mem.seen, row)


@inner
def _remember_seen(mem: Any, event: Any, lim: Any) -> None:
    """Enter an event id, stamped with the stream's time, so that ids leave in the order they came."""
    clock, seen = mem.clock, mem.seen
    while (
        clock[C_SEEN_HEAD] >= 0 and seen.rows[clock[C_SEEN_HEAD]].stamp < clock[C_HIGHEST] - lim.duplicate_ms
    ):
        _forget_seen(mem)
    if seen.meta[COUNT] >= lim.duplicates_most:
        _forget_seen(mem)
        clock[C_SEEN_FORGOTTEN] += 1
    row = take(seen, event)
    seen.rows[row].stamp = clock[C_HIGHEST]
    if clock[C_SEEN_TAIL] >= 0:
        tail = clock[C_SEEN_TAIL]
        seen.rows[tail].next = row
        seen.dirty[tail >> PAGE_SHIFT] = 1
    else:
        clock[C_SEEN_HEAD] = row
    clock[C_SEEN_TAIL] = row


@inner
def _forget_order(mem: Any) -> None:
    row = mem.clock[C_ORDER_HEAD]
    after = mem.orders.rows[row].next
    mem.clock[C_ORDER_HEAD] = after
    if after < 0:
        mem.clock[C_ORDER_TAIL] = -1
    if mem.clock[C_ORDER_JUDGE] == row:
        mem.clock[C_ORDER_JUDGE] = after
    drop(mem.orders, row)


@inner
def _order(mem: Any, seller: Any, seller_row: int, order: Any, now: int, lim: Any) -> int:
    """Row of an order, new ones last in time; the oldest goes where there is no room."""
    clock, orders = mem.clock, mem.orders
    key = mix(seller, order)
    row = np.int64(find(orders.keys, orders.slots, key))
    if row < 0:
        if orders.meta[COUNT] >= lim.orders_most:
            _forget_order(mem)
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
        if clock[C_ORDER_TAIL] >= 0:
            tail = clock[C_ORDER_TAIL]
            orders.rows[tail].next = row
            orders.dirty[tail >> PAGE_SHIFT] = 1
        else:
            clock[C_ORDER_HEAD] = row
        clock[C_ORDER_TAIL] = row
        if clock[C_ORDER_JUDGE] < 0:
            clock[C_ORDER_JUDGE] = row
    orders.dirty[row >> PAGE_SHIFT] = 1
    return row


@inner
def _others_than_reader(s: Any, o: Any, lim: Any) -> int:
    """As `others_handle`, for the only reader of order `o`; of its place only the client is known.

    Only those count that acted after the reading: where a seller moves to a new tool, the old one stops.
    """
    found = 0
    for p in range(3):
        if s.deed[p] > o.first + lim.goes_on_minutes:
            if s.deed_developer[p] != o.readers_developer[0]:
                found |= 1
            elif differ(s.deed_client[p], o.readers_client[0]):
                found |= 2
    return found


@inner
def _idle_now(mem: Any, seller: Any, entity: Any, kind: int, now: int, lim: Any) -> bool:
    row = find(mem.pairs.keys, mem.pairs.slots, pair_key(seller, entity, kind))
    return row >= 0 and idle(mem.pairs.rows[row], now, lim)


@inner
def _judge_orders(mem: Any, totals: Any, now: int, closed: int, offset: int, lim: Any) -> bool:
    """Tell the orders that stayed alone for a day; forget those of a week ago. False: no room for rows."""
    clock, rows = mem.clock, mem.orders.rows
    while clock[C_ORDER_JUDGE] >= 0 and closed - rows[clock[C_ORDER_JUDGE]].first >= lim.alone_minutes:
        if totals.meta[T_ROWS] + 4 > len(totals.rows):
            return False
        o = rows[clock[C_ORDER_JUDGE]]
        others = _others_than_reader(mem.sellers.rows[o.seller], o, lim) if alone(o) else 0
        if others:
            seller, none = mem.sellers.rows[o.seller].key, np.uint64(0)
            idle_developer = others & 1 and _idle_now(mem, seller, o.developer, DEVELOPER, now, lim)
            if idle_developer:
                at = _row(totals, np.int64(DEVELOPER), o.developer, seller, none, none, now, offset)
                totals.rows[at].orders_alone += 1
            shadowed = idle_developer or others & 2
            if shadowed and o.origin != 0 and _idle_now(mem, seller, o.origin, ORIGIN, now, lim):
                at = _row(totals, np.int64(ORIGIN), o.origin, seller, none, none, now, offset)
                totals.rows[at].orders_alone += 1
        clock[C_ORDER_JUDGE] = o.next
    while clock[C_ORDER_HEAD] >= 0 and closed - rows[clock[C_ORDER_HEAD]].first > lim.order_minutes:
        _forget_order(mem)
    return True


@inner
def _sweep_table(table: Any, before: int) -> None:
    for row in range(table.meta[HIGH]):
        if table.rows[row].key != 0 and table.rows[row].last < before:
            drop(table, row)


@inner
def _sweep(mem: Any, totals: Any, now: int, lim: Any) -> None:
    """Once an hour of event time: forget the silent, and what was told."""
    hour = now // 60
    if hour == mem.clock[C_HOUR]:
        return
    mem.clock[C_HOUR] = hour
    _forget_told(totals)
    _sweep_table(mem.pairs, now - lim.pair_minutes)
    if hour % 24 == 0:
        _sweep_table(mem.keys, now - lim.key_minutes)
        _sweep_table(mem.sellers, now - lim.seller_minutes)


@inner
def _seller(mem: Any, seller: Any, now: int) -> int:
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
def _add_plain(r: Any, ev: Any, i: int, kind: int, deed: bool, used: int, asleep_now: bool) -> None:
    """Sums that one record alone decides."""
    r.calls = _plus(r.calls, 1)
    status = ev.status[i]
    if kind == REPORT:
        r.reports = _plus(r.reports, 1)
    r.elsewhere = _plus(r.elsewhere, used & 1)
    r.foreign = _plus(r.foreign, used >> 1)
    if status == 429:
        r.throttled = _plus(r.throttled, 1)
    elif status >= 400:
        r.failures = _plus(r.failures, 1)
    if status < 200 or status > 299:
        return
    r.records = _plus(r.records, ev.records[i])
    r.bytes += ev.bytes[i]
    if kind == REPORT:
        r.report_records = _plus(r.report_records, ev.records[i])
    if kind == WRITE:
        r.writes = _plus(r.writes, 1)
        if deed:
            r.deeds = _plus(r.deeds, 1)
    pii = ev.pii[i]
    if pii == 0:
        return
    many = max(ev.records[i], np.int64(ev.order_start[i + 1] - ev.order_start[i]))
    if pii & 1:
        r.pii_name = _plus(r.pii_name, many)
    if pii & 2:
        r.pii_address = _plus(r.pii_address, many)
    if pii & 4:
        r.pii_phone = _plus(r.pii_phone, many)
    if pii & 8:
        r.pii_email = _plus(r.pii_email, many)
    if pii & 16:
        r.pii_purchase = _plus(r.pii_purchase, many)
    if pii & 32:
        r.pii_tax = _plus(r.pii_tax, many)
    if pii & _IDENTIFY and many > 0:
        r.pii_records = _plus(r.pii_records, many)
        r.pii_calls = _plus(r.pii_calls, 1)
        if asleep_now:
            r.offhours = _plus(r.offhours, many)


@inner
def _add_orders(r: Any, counts: Any) -> None:
    r.orders_taken = _plus(r.orders_taken, counts[0])
    r.orders_needed = _plus(r.orders_needed, counts[1])
    r.orders_handled = _plus(r.orders_handled, counts[2])
    r.orders_followed = _plus(r.orders_followed, counts[3])
    r.orders_again = _plus(r.orders_again, counts[4])


@inner
def _touch_orders(
    mem: Any, ev: Any, i: int, seller_row: int, now: int, reads: bool, counts: Any, lim: Any
) -> None:
    """counts int64[2, 8]: by kind taken, needed, handled, followed, again, unseen, stale, first deeds."""
    for at in range(ev.order_start[i], ev.order_start[i + 1]):
        row = _order(mem, ev.seller[i], seller_row, ev.orders[at], now, lim)
        o = mem.orders.rows[row]
        unseen = 1 if o.readers == 0 and o.acted == 0 else 0
        stale = 1 if o.acted != 0 and now - o.acted >= lim.stale_minutes else 0
        if reads:
            bits = read_order(o, ev.developer[i], ev.origin[i], ev.client[i])
            for kind in range(2):
                b = bits >> (3 * kind)
                counts[kind, 0] += 0 if b & AGAIN else 1
                counts[kind, 2] += 1 if b & HANDLED else 0
                counts[kind, 3] += 1 if b & FOLLOWED else 0
                counts[kind, 4] += 1 if b & AGAIN else 0
                counts[kind, 5] += unseen
                counts[kind, 6] += stale if b & HANDLED else 0
        else:
            bits = act_on_order(o, ev.developer[i], ev.origin[i], ev.client[i], now)
            counts[0, 1] += bits & 1
            counts[1, 1] += (bits >> 1) & 1
            counts[0, 7] += bits >> 2


@inner
def _add_pair(
    p: Any,
    r: Any,
    counts: Any,
    reads: bool,
    deed: bool,
    known: bool,
    fresh: bool,
    handled: bool,
    lists: bool,
    now: int,
    lim: Any,
) -> bool:
    """Facts about an entity at a seller: newcomer, shadow. Judged with this call's orders counted in.

    known    the seller has been known for long enough to tell
    fresh    a first read would make the entity's party new to the seller
    handled  another party handles the seller's orders
    returns  whether the entity makes no deeds for the seller
    """
    p.last = now
    p.taken = _plus(p.taken, counts[0])
    p.needed = _plus(p.needed, counts[1])
    if deed:
        p.deed = now
        if not lists:
            p.blanket = now
    inactive = idle(p, now, lim)
    if not reads:
        return inactive
    if p.reads == 0 and known and fresh:
        r.newcomer = _plus(r.newcomer, 1)
    p.reads = _plus(p.reads, 1)
    enough = p.taken >= lim.shadow_orders or (not lists and p.reads >= lim.shadow_orders)
    if known and handled:
        p.dug = _plus(p.dug, counts[5] + counts[6])
    if known and handled and enough and inactive:
        r.shadow_calls = _plus(r.shadow_calls, 1)
        r.shadow_orders = _plus(r.shadow_orders, counts[0])
        r.orders_unseen = _plus(r.orders_unseen, counts[5])
        r.orders_stale = _plus(r.orders_stale, counts[6])
    return inactive


@inner
def _fold_one(
    mem: Any, totals: Any, ev: Any, i: int, minute: int, counts: Any, kinds: Any, deeds: Any, lim: Any
) -> None:
    """Account for an accepted record: state, then its developer's and its origin's row."""
    now = mem.clock[C_HIGHEST] // _MINUTE_MS
    good = 200 <= ev.status[i] <= 299
    kind, lists = kinds[ev.operation[i]], ev.order_start[i + 1] > ev.order_start[i]
    means = deeds[ev.operation[i]]
    deed = good and kind == WRITE and (means == 1 or (means == 2 and lists))
    reads = good and kind != WRITE and ev.pii[i] & _IDENTIFY != 0 and (lists or ev.records[i] > 0)
    seller_row = _seller(mem, ev.seller[i], now)
    s = mem.sellers.rows[seller_row]
    hour = minute // 60 % 24
    known = now - s.first >= lim.known_minutes
    used = use_key(mem.keys, ev.key[i], ev.client[i], ev.network[i], now, lim)
    counts[:] = 0
    if reads or deed:
        _touch_orders(mem, ev, i, seller_row, now, reads, counts, lim)
    handled = 0
    if reads:
        handled = others_handle(s, ev.developer[i], ev.client[i], ev.network[i], now, lim.handled_minutes)
    asleep_now = reads and known and asleep(s, hour, lim)
    if good and kind == WRITE:
        enter_write(s, hour, deed)
        if deed and (counts[0, 7] > 0 or not lists):
            enter_deed(s, ev.developer[i], ev.client[i], ev.network[i], now)
    idle_developer, new_developer = True, True
    for entity_kind in range(2):
        entity = ev.developer[i] if entity_kind == DEVELOPER else ev.origin[i]
        other = ev.origin[i] if entity_kind == DEVELOPER else ev.developer[i]
        if entity == 0:
            continue
        at = _row(totals, entity_kind, entity, ev.seller[i], ev.key[i], other, minute, ev.offset[i])
        r = totals.rows[at]
        _add_plain(r, ev, i, kind, deed, used, asleep_now)
        if reads or deed:
            _add_orders(r, counts[entity_kind])
            row = pair_of(mem.pairs, ev.seller[i], entity, entity_kind)
            pair = mem.pairs.rows[row]
            if entity_kind == DEVELOPER:
                new_developer = pair.reads == 0
                others = handled & 1 == 1
            else:  # a further address of a tool is not another party: its developer, or its client, must be
                others = (handled & 1 == 1 and idle_developer) or handled & 2 == 2
            fresh = entity_kind == DEVELOPER or new_developer or used & 1 == 1
            inactive = _add_pair(
                pair, r, counts[entity_kind], reads, deed, known, fresh, others, lists, now, lim
            )
            if entity_kind == DEVELOPER:
                idle_developer = inactive
        if good:
            for c in range(ev.customer_start[i], ev.customer_start[i + 1]):
                customer = totals.customers[totals.meta[T_CUSTOMERS]]
                customer.row = totals.order[at] - 1
                customer.customer = ev.customers[c]
                totals.meta[T_CUSTOMERS] += 1


@leaf
def fold_events(
    mem: Any,
    totals: Any,
    ev: Any,
    start: int,
    released: bool,
    counts: Any,
    kinds: Any,
    deeds: Any,
    lim: Any,
) -> tuple[int, int]:
    """Fold records from `start` on; (record it stopped at, why). `released`: held before, now believed.
    counts int64[2, 8]: see `_touch_orders`; room to count in."""
    clock = mem.clock
    for i in range(start, len(ev.offset)):
        offset, time = ev.offset[i], ev.time_ms[i]
        if not released:
            if offset < clock[C_NEXT]:
                continue  # told before: what comes again from the source changes nothing
            if _is_duplicate(mem, ev.event[i]):
                clock[C_DUPLICATES] += 1
                clock[C_NEXT] = offset + 1
                continue
            if clock[C_HELD] > 0:
                if clock[C_VOTED] != offset:
                    clock[C_VOTED] = offset
                    _vote(mem, time, lim)
                if _decided(mem, lim):
                    return i, VERDICT
            if clock[C_HIGHEST] < 0 or time > clock[C_HIGHEST] + lim.ahead_ms:
                return i, AHEAD
        highest = max(clock[C_HIGHEST], time)
        clock[C_HIGHEST] = highest
        now, closed = highest // _MINUTE_MS, (highest - lim.lateness_ms) // _MINUTE_MS
        if not _judge_orders(mem, totals, now, closed, offset, lim) or totals.meta[T_ROWS] + 4 > len(
            totals.rows
        ):
            return i, ROOM
        _sweep(mem, totals, now, lim)
        minute = time // _MINUTE_MS
        if time < highest - lim.lateness_ms:
            clock[C_LATE] += 1
            minute = now
        _remember_seen(mem, ev.event[i], lim)
        clock[C_EVENTS] += 1
        _fold_one(mem, totals, ev, i, minute, counts, kinds, deeds, lim)
        if not released:
            clock[C_NEXT] = offset + 1
    return len(ev.offset), DONE
