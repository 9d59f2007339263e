"""Open cells -> running sums and exact distinct counts over trailing windows. Touches its tables only.

Minutes come in order. Each pair of an entity and a member remembers, for each sort of meeting, the cell of
the last one, and each cell how many pairs remember it: a window's distinct count is the sum over its cells.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from models.arena import (
    CELL_BYTES,
    CELL_COLUMNS,
    CELL_DISTINCT,
    LIMIT,
    MINUTE,
    NEXT,
    TAIL,
    after,
    at,
    first_place,
    next_place,
    whole,
    write,
)
from models.columns import (
    COLUMN,
    DAY_SUMMED,
    DISTINCT_NAMES,
    DISTINCT_START,
    FIRST_DISTINCT,
    KEY,
    OTHER,
    PAST,
    SELLER,
    SUMMED,
    WEEK,
    WEEK_DAYS,
    WINDOW_MINUTES,
)
from models.compiled import inner
from models.customers import customers_of, meet_customers
from models.enter import DAY_MINUTES, DUG, ELSEWHERE, FOREIGN, PII, PLAIN
from models.pool import PAGE_SHIFT as POOL_SHIFT
from models.pool import free_row
from models.sightings import SUM_NAMES
from models.state import RING, RING_MET, RING_SUMMED, WINDOWS, add_cell, drop_count
from models.tables import PAGE_SHIFT

#: A pair is forgotten after this many days without a meeting.
PAIR_DAYS = 8
#: Entities silent for this many days, and without pairs, are forgotten.
ENTITY_DAYS = 8
#: A seller is unneeded when this many orders (without order ids: identifying calls) were taken of it, and
#: fewer than 1 in ONE_IN of them acted on.
UNNEEDED_TAKEN, ONE_IN = 10, 20
#: What a pair has taken is halved here, so that old deeds do not excuse for ever.
TAKEN_LIMIT = 1 << 16
#: A key that was silent for this many minutes and now sets in may have taken over from a refused one.
SILENT_MINUTES = 5
#: Columns of the log of meetings: pair, minute, minute and day of the plain meeting before; of a key also
#: what was known of it before (models.key_facts): the days of its signs, orders taken and acted on.
LOG_COLUMNS = 6
#: Signs of a key that are remembered by their last day.
KEY_SIGNS = (ELSEWHERE, FOREIGN, DUG)
#: What a key takes and acts on is counted up to here.
KEY_ORDERS_MOST = 1 << 30

_MINUTES = np.array(WINDOW_MINUTES)
_STARTS = np.array(DISTINCT_START)
_UNNEEDED = DISTINCT_NAMES.index("sellers_unneeded")
_THROTTLED = DISTINCT_NAMES.index("keys_throttled") - DISTINCT_START[KEY]
_HANDOVERS = SUMMED.index("handovers")
_TAKEN, _NEEDED, _AGAIN = (SUM_NAMES.index(n) for n in ("orders_taken", "orders_needed", "orders_again"))
_DAY_COLUMNS = np.array([COLUMN[n] for n in DAY_SUMMED])
_RECORDS, _PII_RECORDS = DAY_SUMMED.index("records"), DAY_SUMMED.index("pii_records")
_SUMS = len(SUM_NAMES)


@inner
def expire(t: Any, e: Any, minute: Any) -> None:
    """Take out of entity e's windows what lies before (minute - W, minute]."""
    words = t.arena.words
    for w in range(WINDOWS):
        place = t.tails[e, w]
        while place:
            i = at(t.arena, place)
            if words[i + MINUTE] > minute - _MINUTES[w]:
                break
            add_cell(t.sums[e, w], words, i, -1)
            place = whole(t.arena, np.uint32(words[i + NEXT]))
        t.tails[e, w] = place


@inner
def release(t: Any, minute: Any) -> None:
    """Give up the cells that no window at `minute` or later holds."""
    end = t.arena.meta[0]
    place = first_place(t.arena, t.arena.meta[TAIL])
    longest = _MINUTES[WINDOWS - 1]
    while place < end:
        i = at(t.arena, place)
        if t.arena.words[i + MINUTE] > minute - longest:
            break
        e = np.int64(t.arena.words[i])
        expire(t, e, minute)
        if t.heads[e] == place:
            t.heads[e] = 0
        place = after(t.arena, place)
    t.arena.meta[TAIL] = place


@inner
def _turn_day(row: Any, day: Any) -> None:
    """Clear the days of an entity's ring that come into use."""
    if row.day < day:
        for d in range(max(row.day + 1, day - WEEK_DAYS + 1), day + 1):
            start = (d % WEEK_DAYS) * RING
            for c in range(RING):
                row.ring[start + c] = 0
        row.day = day


@inner
def _meet_day(row: Any, pair: Any, k: Any, day: Any) -> None:
    """Move a pair to today in the count of its sort of meeting."""
    old = np.int64(pair.day[k]) - 1
    if old == day:
        return
    if old >= 0 and old > day - WEEK_DAYS:
        row.ring[(old % WEEK_DAYS) * RING + k] -= 1
    start = (day % WEEK_DAYS) * RING
    row.ring[start + k] += 1
    if k < RING - RING_MET:
        row.ring[start + RING_MET + k] += 1
    pair.day[k] = day + 1


@inner
def _last_minute(t: Any, pair: Any, k: Any) -> Any:
    """Minute of a pair's last meeting of sort k; far in the past where no window holds it."""
    place = whole(t.arena, pair.last[k])
    return np.int64(t.arena.words[at(t.arena, place) + MINUTE]) if place else np.int64(-1_000_000)


@inner
def _meet(t: Any, e: Any, pair: Any, k: Any, place: Any, minute: Any, values: Any) -> bool:
    """Move a pair to the cell at `place` for meetings of sort k; False where it is there already."""
    if pair.last[k] == np.uint32(place & 0xFFFFFFFF):
        return False
    column = _STARTS[pair.kind] + k
    old = whole(t.arena, pair.last[k])
    old_minute = np.int64(-1_000_000)
    if old:
        i = at(t.arena, old)
        old_minute = np.int64(t.arena.words[i + MINUTE])
        drop_count(t.arena.words, i, CELL_DISTINCT + column)
    for w in range(WINDOWS):
        if old_minute <= minute - _MINUTES[w]:
            t.sums[e, w, FIRST_DISTINCT + column] += 1
    values[CELL_DISTINCT + column] += 1
    pair.last[k] = np.uint32(place & 0xFFFFFFFF)
    return True


@inner
def _unmeet(t: Any, e: Any, pair: Any, k: Any, minute: Any) -> None:
    """Forget a pair's last meeting of sort k."""
    column = _STARTS[pair.kind] + k
    old = whole(t.arena, pair.last[k])
    if old:
        i = at(t.arena, old)
        old_minute = t.arena.words[i + MINUTE]
        drop_count(t.arena.words, i, CELL_DISTINCT + column)
        for w in range(WINDOWS):
            if old_minute > minute - _MINUTES[w]:
                t.sums[e, w, FIRST_DISTINCT + column] -= 1
    pair.last[k] = 0


@inner
def _take_orders(t: Any, row: Any, first: Any, day: Any) -> None:
    """Add to what the pairs of the cell's rows have taken and needed. All of it, before any is judged."""
    o = first
    while o >= 0:
        seen = t.rows.rows[o]
        p = seen.pairs[SELLER]
        pair = t.pairs.rows[p]
        if pair.day[0] != 0 and pair.day[0] <= day + 1 - PAIR_DAYS:
            pair.day[0], pair.taken, pair.needed = 0, 0, 0
        pair.taken += seen.taken if row.orders_logged else seen.reads
        pair.needed += seen.needed if row.orders_logged else seen.deeds
        o = seen.next


@inner
def _unneeded(pair: Any) -> Any:
    return pair.taken >= UNNEEDED_TAKEN and pair.needed * ONE_IN < pair.taken


@inner
def _meet_seller(t: Any, e: Any, row: Any, seen: Any, place: Any, minute: Any, values: Any) -> None:
    p = seen.pairs[SELLER]
    pair = t.pairs.rows[p]
    day = minute // DAY_MINUTES
    for k in range(_UNNEEDED):
        if (seen.bits >> k) & 1:
            if _meet(t, e, pair, k, place, minute, values) and k == 0 and pair.taken >= TAKEN_LIMIT:
                pair.taken >>= 1
                pair.needed >>= 1
            if k < RING_SUMMED:
                _meet_day(row, pair, k, day)
    if not _unneeded(pair):
        _unmeet(t, e, pair, _UNNEEDED, minute)
    elif seen.bits & PII or seen.taken > 0:
        _meet(t, e, pair, _UNNEEDED, place, minute, values)
    t.pairs.dirty[p >> PAGE_SHIFT] = 1


@inner
def _meet_key(t: Any, e: Any, row: Any, seen: Any, place: Any, minute: Any, values: Any, turns: Any) -> None:
    """turns int64[3], raised: keys that set in, keys refused now, and those refused a minute ago too."""
    if not seen.bits & PLAIN:
        return
    p = seen.pairs[KEY]
    pair = t.pairs.rows[p]
    before, refused = _last_minute(t, pair, 0), _last_minute(t, pair, _THROTTLED)
    for k in range(4):
        if (seen.bits >> (_STARTS[KEY] + k)) & 1 and _meet(t, e, pair, k, place, minute, values):
            if k == 0 and before < minute - SILENT_MINUTES:
                turns[0] += 1
            if k == _THROTTLED:
                turns[1] += 1
                turns[2] += refused == minute - 1
    _know_key(pair, row, seen, minute // DAY_MINUTES + 1)
    t.pairs.dirty[p >> PAGE_SHIFT] = 1


@inner
def _know_key(pair: Any, row: Any, seen: Any, day: Any) -> None:
    """Remember what tells whether a key's owner calls: the last day of each sign, orders taken, acted on."""
    if pair.day[0] != 0 and pair.day[0] <= day - PAIR_DAYS:  # as if it had been forgotten
        pair.taken, pair.needed = 0, 0
    pair.day[0] = day
    for k in range(len(KEY_SIGNS)):
        if seen.bits & KEY_SIGNS[k]:
            pair.day[1 + k] = day
    taken, needed = (seen.taken, seen.needed) if row.orders_logged else (seen.reads, seen.deeds)
    pair.taken = min(np.int64(pair.taken) + taken, KEY_ORDERS_MOST)
    pair.needed = min(np.int64(pair.needed) + needed, KEY_ORDERS_MOST)


@inner
def _meet_other(t: Any, e: Any, seen: Any, place: Any, minute: Any, values: Any) -> None:
    if not seen.bits & PLAIN:
        return
    p = seen.pairs[OTHER]
    pair = t.pairs.rows[p]
    _meet(t, e, pair, 0, place, minute, values)
    pair.day[0] = minute // DAY_MINUTES + 1
    t.pairs.dirty[p >> PAGE_SHIFT] = 1


@inner
def _unlink(t: Any, e: Any, c: Any) -> None:
    """Take an open cell out of its entity's list and give it back."""
    row = t.entities.rows[e]
    if row.open == c:
        row.open = t.cells.rows[c].next
    else:
        b = row.open
        while t.cells.rows[b].next != c:
            b = t.cells.rows[b].next
        t.cells.rows[b].next = t.cells.rows[c].next
        t.cells.dirty[b >> POOL_SHIFT] = 1
    t.cells.rows[c].entity = -1
    free_row(t.cells, c)


@inner
def _sum_up(t: Any, e: Any, row: Any, values: Any, day: Any) -> None:
    """Add the cell's sums to windows and day."""
    for c in range(len(values)):
        if c < CELL_DISTINCT and values[c]:
            for w in range(WINDOWS):
                t.sums[e, w, c] += values[c]
    for w in range(WINDOWS):
        t.sums[e, w, CELL_DISTINCT] += 1
    start = (day % WEEK_DAYS) * RING + RING_SUMMED
    for d in range(len(_DAY_COLUMNS)):
        column = _DAY_COLUMNS[d]
        row.ring[start + d] += 1 if column == CELL_DISTINCT else values[column]


@inner
def packed_days(pair: Any) -> Any:
    """Days of a key's signs in one word."""
    days = np.int64(0)
    for k in range(len(KEY_SIGNS)):
        days |= np.int64(pair.day[1 + k]) << (16 * k)
    return days


@inner
def packed_orders(pair: Any) -> Any:
    """Orders taken with a key, and acted on, in one word."""
    return np.int64(pair.taken) << 32 | np.int64(pair.needed)


@inner
def _log_meetings(t: Any, first: Any, minute: Any, log: Any, logged: Any) -> Any:
    """Note when the pairs of a cell's rows were last met; the first note of a pair and minute counts."""
    o = np.int64(first)
    while o >= 0:
        for m in range(3):
            p = t.rows.rows[o].pairs[m]
            pair = t.pairs.rows[p]
            log[logged, 0], log[logged, 1] = p, minute
            log[logged, 2], log[logged, 3] = _last_minute(t, pair, 0), pair.day[0]
            if m == KEY:
                log[logged, 4], log[logged, 5] = packed_days(pair), packed_orders(pair)
            logged += 1
        o = np.int64(t.rows.rows[o].next)
    return logged


@inner
def _apply(t: Any, c: Any, minute: Any, values: Any, turns: Any, log: Any, logged: Any) -> Any:
    """Close open cell c; how many entries the log has then."""
    cell = t.cells.rows[c]
    e = np.int64(cell.entity)
    row = t.entities.rows[e]
    day = minute // DAY_MINUTES
    values[:] = 0
    turns[:] = 0
    for s in range(_SUMS):
        values[s] = min(cell.sums[s], LIMIT) if s != CELL_BYTES else cell.sums[s]
    if row.day <= day - ENTITY_DAYS:
        row.orders_logged = 0  # as if it had been forgotten, which it may have been
    if values[_TAKEN] + values[_NEEDED] + values[_AGAIN] > 0:
        row.orders_logged = 1
    expire(t, e, minute)
    _turn_day(row, day)
    place = next_place(t.arena)
    logged = _log_meetings(t, cell.rows, minute, log, logged)
    _take_orders(t, row, cell.rows, day)
    o = np.int64(cell.rows)
    while o >= 0:
        seen = t.rows.rows[o]
        for m in range(3):
            t.open_bits[seen.pairs[m]] = 0
        _meet_seller(t, e, row, seen, place, minute, values)
        _meet_key(t, e, row, seen, place, minute, values, turns)
        _meet_other(t, e, seen, place, minute, values)
        following = np.int64(seen.next)
        seen.cell = -1
        free_row(t.rows, o)
        o = following
    refused = turns[1] - turns[2] + (row.throttled_keys if row.throttled_minute == minute - 1 else 0)
    values[_HANDOVERS] = min(refused, turns[0])
    row.throttled_minute, row.throttled_keys = minute, turns[1]
    row.minute = minute
    _sum_up(t, e, row, values, day)
    write(t.arena, e, minute, values)
    for w in range(WINDOWS):
        if t.tails[e, w] == 0:
            t.tails[e, w] = place
    if t.heads[e]:
        t.arena.words[at(t.arena, t.heads[e]) + NEXT] = np.int32(np.uint32(place & 0xFFFFFFFF))
    t.heads[e] = place
    meet_customers(t, e, cell.customers, minute // 60)
    t.entities.dirty[e >> PAGE_SHIFT] = 1
    _unlink(t, e, c)
    return logged


@njit(cache=True)
def close_cells(
    t: Any, order: Any, kinds: Any, windows: Any, week: Any, past: Any, customers: Any, log: Any
) -> Any:
    """Close open cells int32[n], minutes ascending, and view each entity as of its minute.

    The outputs have n rows (models.columns.View). log int64[>= 3 * rows, LOG_COLUMNS], out; how many
    entries is the result.
    """
    values = np.zeros(CELL_COLUMNS, np.int64)
    turns = np.zeros(3, np.int64)
    logged = np.int64(0)
    # Once, for the first minute: alerts of each minute of the batch list members by these cells.
    release(t, np.int64(t.cells.rows[order[0]].minute))
    for n in range(len(order)):
        c = order[n]
        minute = np.int64(t.cells.rows[c].minute)
        e = np.int64(t.cells.rows[c].entity)
        logged = _apply(t, c, minute, values, turns, log, logged)
        kinds[n] = t.entities.rows[e].kind
        windows[n] = t.sums[e]
        _view_days(t.entities.rows[e], minute // DAY_MINUTES, week[n], past[n])
        customers[n] = customers_of(t, e, minute // 60)
    return logged


@inner
def _view_days(row: Any, day: Any, week: Any, past: Any) -> None:
    week[:] = 0
    past[:] = 0
    for d in range(WEEK_DAYS):
        start = d * RING
        for c in range(len(week)):
            week[c] += row.ring[start + c]
        if d == day % WEEK_DAYS or row.ring[start + RING_MET] == 0:
            continue
        past[0] += 1
        past[1] += row.ring[start + RING_MET]
        past[2] += row.ring[start + RING_MET + 1]
        past[3] += row.ring[start + RING_SUMMED + _RECORDS]
        past[4] += row.ring[start + RING_SUMMED + _PII_RECORDS]


assert len(WEEK) == RING_MET, "a ring day begins with the week's columns"
assert len(KEY_SIGNS) < RING_SUMMED, "a key's pair has days to spare for its signs"
assert len(PAST) == 5, "days, sellers, sellers_pii, records, pii_records"
