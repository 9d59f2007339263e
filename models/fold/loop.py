"""The loop over records: duplicate, late or ahead; state; totals. Compiled; touches its arguments only."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any

from models.compiled import inner, leaf
from models.fold.alone import judge_orders
from models.fold.facts import (
    Call,
    asleep,
    enter_deed,
    enter_fresh,
    enter_write,
    seller_of,
)
from models.fold.keys import ELSEWHERE, FOREIGN, ROAMING, tell_roaming, use_key
from models.fold.layout import C_DUPLICATES, C_EVENTS, C_HIGHEST, C_HOUR, C_LATE, C_NEXT, C_PENDING, C_VOTED
from models.fold.orders import touch_orders
from models.fold.pace import since_of
from models.fold.pairs import count_held, pair_of
from models.fold.parties import NOBODY, of_developer, of_origin
from models.fold.rows import (
    IDENTIFY,
    INVOICE,
    O_FIRST_DEEDS,
    O_NEWEST,
    ROWS_A_RECORD,
    T_CUSTOMERS,
    T_ROWS,
    TAX,
    WHOLE,
    add_orders,
    add_plain,
    forget_named,
    plus,
    row_of,
    with_classes,
)
from models.fold.time import decided, is_duplicate, remember_seen, vote
from models.memory.pool import HIGH
from models.memory.tables import drop
from models.minutes import DAY_MINUTES, HOUR_MINUTES, MINUTE_MS
from models.operations import AFTER, DEED, DEED_OF_ORDERS, MANY, WRITE
from models.wire.sightings import DEVELOPER, ORIGIN

#: Why the loop stopped at a record.
DONE, AHEAD, VERDICT, ROOM = 0, 1, 2, 3


@inner
def _sweep_table(table: Any, before: int) -> None:
    for row in range(table.meta[HIGH]):
        if table.rows[row].key != 0 and table.rows[row].last < before:
            drop(table, row)


@inner
def _sweep(mem: Any, totals: Any, now: int, lim: Any) -> None:
    """In each hour of event time, and on each day: forget the silent, and what was told."""
    hour, swept = now // HOUR_MINUTES, mem.clock[C_HOUR]
    if hour == swept:
        return
    mem.clock[C_HOUR] = hour
    forget_named(totals)
    _sweep_table(mem.pairs, now - lim.pair_minutes)
    if now // DAY_MINUTES > swept * HOUR_MINUTES // DAY_MINUTES:
        _sweep_table(mem.keys, now - lim.key_minutes)
        _sweep_table(mem.sellers, now - lim.seller_minutes)


@inner
def _call(ev: Any, i: int, now: int, kinds: Any, deeds: Any) -> Call:
    """Record i; kinds and deeds uint8[operations]: models.operations."""
    kind, means = kinds[ev.operation[i]], deeds[ev.operation[i]]
    good = 200 <= ev.status[i] <= 299
    lists = ev.order_start[i + 1] > ev.order_start[i]
    deed = good and kind == WRITE and (means & DEED != 0 or (means & DEED_OF_ORDERS != 0 and lists))
    return Call(
        developer=ev.developer[i],
        origin=ev.origin[i],
        client=ev.client[i],
        network=ev.network[i],
        now=now,
        offset=ev.offset[i],
        kind=kind,
        good=good,
        reads=good and kind != WRITE and ev.pii[i] & IDENTIFY != 0 and (lists or ev.records[i] > 0),
        taxes=ev.pii[i] & INVOICE == TAX,
        deed=deed,
        ships=deed and means & AFTER == 0,
        lists=lists,
        blanket=deed and not lists and means & MANY != 0,
    )


@inner
def _newest(call: Call, counts: Any, lim: Any) -> int:
    """The latest minute for which this call proves that its party is still at work for the seller.

    A tool that the seller has left may still ship old orders. So a call about orders counts up to the newest
    of them; any other read (what is new, stock) up to its own time; a deed that names no order up to a
    shipment's usual delay before.
    """
    if not (call.reads or call.deed):
        return call.now
    return counts[WHOLE, O_NEWEST] if call.lists else call.now - lim.goes_on_minutes


@inner
def _see(mem: Any, totals: Any, s: Any, call: Call, newest: int, lim: Any) -> bool:
    """A party is seen at work until minute `newest`; if it acts for the seller, what was held is counted."""
    handles = enter_fresh(s, call, newest)
    if handles and s.held_developer != 0 and newest > s.held_since:
        count_held(mem, totals, s, call, lim)
    return handles


@inner
def _fold_one(mem: Any, totals: Any, ev: Any, i: int, call: Call, minute: int, counts: Any, lim: Any) -> None:
    """Account for an accepted record: state, then its developer's and its origin's row."""
    now = call.now
    seller_row = seller_of(mem, ev.seller[i], now)
    s = mem.sellers.rows[seller_row]
    hour = minute // 60 % 24
    known = now - s.first >= lim.known_minutes
    used = use_key(mem.keys, ev.key[i], call, lim)
    counts[:] = 0
    if call.reads or call.deed:
        pair = mem.pairs.rows[pair_of(mem.pairs, ev.seller[i], call.developer, DEVELOPER)]
        touch_orders(mem, ev, i, call, seller_row, since_of(pair, now), counts, lim)
    asleep_now = call.reads and known and asleep(s, hour, lim)
    if call.good and call.kind == WRITE:
        enter_write(s, hour, call.deed)
        if call.ships and (counts[WHOLE, O_FIRST_DEEDS] > 0 or not call.lists):
            enter_deed(s, call, counts[WHOLE, O_FIRST_DEEDS])
    handles = call.good and _see(mem, totals, s, call, _newest(call, counts, lim), lim)
    party = NOBODY
    for entity_kind in range(2):
        entity = call.developer if entity_kind == DEVELOPER else call.origin
        other = call.origin if entity_kind == DEVELOPER else call.developer
        if entity == 0:
            continue
        at = row_of(totals, entity_kind, entity, ev.seller[i], ev.key[i], other, minute, call.offset)
        r = totals.rows[at]
        add_plain(r, ev, i, call.kind, asleep_now)
        r.elsewhere = plus(r.elsewhere, used & ELSEWHERE != 0)
        r.foreign = plus(r.foreign, used & FOREIGN != 0)
        if call.reads or call.deed:
            add_orders(r, counts[entity_kind])
            if entity_kind == DEVELOPER:
                party = of_developer(mem, s, r, call, counts[DEVELOPER], handles, lim)
            else:
                of_origin(mem, s, r, call, counts[ORIGIN], used, party, lim)
        if call.good:
            for c in range(ev.customer_start[i], ev.customer_start[i + 1]):
                customer = totals.customers[totals.meta[T_CUSTOMERS]]
                customer.row = totals.order[at] - 1
                customer.customer = with_classes(ev.customers[c], ev.pii[i])
                totals.meta[T_CUSTOMERS] += 1
    if used & ROAMING:
        tell_roaming(mem, totals, ev.seller[i], ev.key[i], call, minute, lim)


@leaf
def fold_events(
    mem: Any,
    totals: Any,
    ev: Any,
    start: int,
    believed: bool,
    counts: Any,
    kinds: Any,
    deeds: Any,
    lim: Any,
) -> tuple[int, int]:
    """Fold records from `start` on; (record it stopped at, why). `believed`: they were pending.
    counts: room to count a call's orders in."""
    clock = mem.clock
    for i in range(start, len(ev.offset)):
        offset, time = ev.offset[i], ev.time_ms[i]
        if not believed:
            if offset < clock[C_NEXT]:
                continue  # told before: what comes again from the source changes nothing
            if is_duplicate(mem, ev.event[i]):
                clock[C_DUPLICATES] += 1
                clock[C_NEXT] = offset + 1
                continue
            if clock[C_PENDING] > 0:
                if clock[C_VOTED] != offset:
                    clock[C_VOTED] = offset
                    vote(mem, time, lim)
                if decided(mem, lim):
                    return i, VERDICT
            if clock[C_HIGHEST] < 0 or time > clock[C_HIGHEST] + lim.ahead_ms:
                return i, AHEAD
        highest = max(clock[C_HIGHEST], time)
        clock[C_HIGHEST] = highest
        now, closed = highest // MINUTE_MS, (highest - lim.lateness_ms) // MINUTE_MS
        judged = judge_orders(mem, totals, now, closed, offset, lim)
        if not judged or totals.meta[T_ROWS] + ROWS_A_RECORD > len(totals.rows):
            return i, ROOM
        _sweep(mem, totals, now, lim)
        minute = time // MINUTE_MS
        if time < highest - lim.lateness_ms:
            clock[C_LATE] += 1
            minute = now
        remember_seen(mem, ev.event[i], lim)
        clock[C_EVENTS] += 1
        call = _call(ev, i, now, kinds, deeds)
        _fold_one(mem, totals, ev, i, call, minute, counts, lim)
        if not believed:
            clock[C_NEXT] = offset + 1
    return len(ev.offset), DONE
