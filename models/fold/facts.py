"""Facts about one seller, from what is remembered of it. Compiled; touches its arguments."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from models.compiled import inner
from models.fold.rows import plus
from models.memory.tables import PAGE_SHIFT, find, take
from models.minutes import DAY_MINUTES

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
    taxes: bool  # ... for invoices: tax numbers, neither telephone numbers nor e-mail addresses
    deed: bool  # something was done that justifies having read it
    ships: bool  # a deed of the one who sends the parcels: no invoice, no letter
    lists: bool  # it names orders
    blanket: bool  # a deed that names none of the many orders that it may be about


@inner
def tag(h: Any) -> Any:
    """Low half of a hash: enough to tell a handful of parties apart."""
    return np.uint32(h & _LOW)


@inner
def differ(a: Any, b: Any) -> bool:
    """Two clients or networks are known, and not the same; what is absent (0) differs from nothing."""
    return a != 0 and b != 0 and a != b


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
        s.pace = 0
        s.pace_before = 0
        s.sent_today = 0
        s.sent_before = 0
        s.pace_day = 0
        s.sent = 0
        s.opened = 0
        s.held_developer = 0
        for h in range(24):
            s.deeds[h] = 0
            s.writes[h] = 0
        for p in range(3):
            s.deed[p] = 0
            s.came[p] = 0
            s.fresh[p] = 0
            s.deed_developer[p] = 0
            s.deed_client[p] = 0
            s.deed_network[p] = 0
    table.rows[row].last = now
    table.dirty[row >> PAGE_SHIFT] = 1
    return row


@inner
def enter_deed(s: Any, call: Call, orders: int) -> None:
    """Parcels of so many orders were told: remember who sent some for seller `s` last, three parties, by
    developer and client."""
    enter_pace(s, 0, orders, call.now)
    s.sent = plus(s.sent, orders)
    if s.opened == 0:
        s.opened = call.now
    dev, cli = tag(call.developer), tag(call.client)
    at, came = 0, call.now
    for p in range(3):
        if s.deed[p] != 0 and s.deed_developer[p] == dev:
            came = min(came, s.came[p])  # with a new client it is no newcomer
            if s.deed_client[p] == cli:
                at = p
                break
        if s.deed[p] < s.deed[at]:
            at = p
    if s.deed[at] == 0 or s.deed_developer[at] != dev or s.deed_client[at] != cli:
        s.fresh[at] = 0
        s.came[at] = came
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
def remember_newcomer(s: Any, since: int, call: Call, orders: int) -> None:
    """Remember the newcomer that read most old orders, until the handler of seller `s` is seen at work."""
    if s.held_developer != 0 and s.held_developer != call.developer and orders < s.held_orders:
        return
    s.held_orders = orders
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
    """Count a write in the seller's hours."""
    s.writes_all = _count_hour(s.writes, s.writes_all, hour)
    if deed:
        s.deeds_all = _count_hour(s.deeds, s.deeds_all, hour)


@inner
def _count_hour(hours: Any, total: int, hour: int) -> int:
    """Count one more in an hour of int[24]; the new total. Halved at 2**16, so that new habits are learnt."""
    hours[hour] += 1
    total += 1
    if total >= 65_536:
        total = 0
        for h in range(24):
            hours[h] //= 2
            total += hours[h]
    return total


@inner
def enter_pace(s: Any, taken: int, sent: int, now: int) -> None:
    """Whoever handles seller `s`'s orders took, and sent, so many more: as many as it gets."""
    day = now // DAY_MINUTES
    if day != s.pace_day:
        s.pace_before = max(s.pace, s.pace_before // 2)
        s.sent_before = max(s.sent_today, s.sent_before // 2)
        s.pace = 0
        s.sent_today = 0
        s.pace_day = day
    s.pace = plus(s.pace, taken)
    s.sent_today = plus(s.sent_today, sent)


@inner
def asleep(s: Any, hour: int, lim: Any) -> bool:
    """The seller's side hardly ever acts in this UTC hour: by its deeds, else by all its writes."""
    if s.deeds_all >= lim.asleep_least:
        return s.deeds[hour] * lim.asleep_share < s.deeds_all
    if s.writes_all >= lim.asleep_least:
        return s.writes[hour] * lim.asleep_share < s.writes_all
    return False
