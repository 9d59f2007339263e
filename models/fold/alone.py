"""Orders that nobody but their one reader has touched a day later. Compiled; touches its arguments only."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any

import numpy as np

from models.compiled import inner
from models.fold.facts import differ
from models.fold.layout import C_ORDER_HEAD, C_ORDER_JUDGE
from models.fold.orders import forget_order
from models.fold.pairs import idle, pair_key
from models.fold.rows import ROWS_A_RECORD, T_ROWS, plus, row_of
from models.memory.tables import PAGE_SHIFT, find
from models.wire.sightings import DEVELOPER, ORIGIN


@inner
def _alone(o: Any) -> bool:
    """One developer read the order, and nobody acted on it."""
    if o.acted != 0 or o.readers == 0:
        return False
    for r in range(1, o.readers):  # noqa: SIM110 (compiled)
        if o.readers_developer[r] != o.readers_developer[0]:
            return False
    return True


@inner
def _others_than_reader(s: Any, o: Any, since: int, lim: Any) -> int:
    """As `others_handle`, for the only reader of order `o`; of its place only the client is known.

    Only those count that were seen at work after the reading, and came no later than a day after minute
    `since`, when the reader did: a tool that a seller leaves has orders left.
    """
    found = 0
    for p in range(3):
        if s.deed[p] != 0 and s.fresh[p] > o.first and s.came[p] - since <= lim.known_minutes:
            if s.deed_developer[p] != o.readers_developer[0]:
                found |= 1
            elif differ(s.deed_client[p], o.readers_client[0]):
                found |= 2
    return found


@inner
def _left_alone(pairs: Any, row: int, s: Any, first: int, now: int, lim: Any) -> bool:
    """Count an order that pair `row` read in minute `first` and that stayed alone; whether it is idle."""
    if row < 0:
        return False
    p = pairs.rows[row]
    if p.before >= 0 and first - p.since >= lim.settle_minutes:
        p.lonely = plus(p.lonely, 1)
        pairs.dirty[row >> PAGE_SHIFT] = 1
    return idle(p, s, now, lim)


@inner
def _count_alone(pairs: Any, totals: Any, s: Any, o: Any, now: int, offset: int, lim: Any) -> None:
    """Order `o` of seller `s` stayed alone: told to its reader where others handle the seller's orders."""
    none = np.uint64(0)
    developer = find(pairs.keys, pairs.slots, pair_key(s.key, o.developer, DEVELOPER))
    since = o.first if developer < 0 else np.int64(pairs.rows[developer].since)
    others = _others_than_reader(s, o, since, lim)
    shadowed = others & 2 != 0
    if others & 1 and _left_alone(pairs, developer, s, o.first, now, lim):
        shadowed = True
        at = row_of(totals, np.int64(DEVELOPER), o.developer, s.key, none, none, now, offset)
        totals.rows[at].orders_alone += 1
    if shadowed and o.origin != 0:
        origin = find(pairs.keys, pairs.slots, pair_key(s.key, o.origin, ORIGIN))
        if _left_alone(pairs, origin, s, o.first, now, lim):
            at = row_of(totals, np.int64(ORIGIN), o.origin, s.key, none, none, now, offset)
            totals.rows[at].orders_alone += 1


@inner
def judge_orders(mem: Any, totals: Any, now: int, closed: int, offset: int, lim: Any) -> bool:
    """Tell the orders that stayed alone for a day; forget those of a week ago. False: no room for rows."""
    clock, rows = mem.clock, mem.orders.rows
    while clock[C_ORDER_JUDGE] >= 0 and closed - rows[clock[C_ORDER_JUDGE]].first >= lim.alone_minutes:
        if totals.meta[T_ROWS] + ROWS_A_RECORD > len(totals.rows):
            return False
        o = rows[clock[C_ORDER_JUDGE]]
        s = mem.sellers.rows[o.seller]
        if o.first - s.first >= lim.known_minutes and _alone(o):
            _count_alone(mem.pairs, totals, s, o, now, offset, lim)
        clock[C_ORDER_JUDGE] = o.next
    while clock[C_ORDER_HEAD] >= 0 and closed - rows[clock[C_ORDER_HEAD]].first > lim.order_minutes:
        forget_order(mem)
    return True
