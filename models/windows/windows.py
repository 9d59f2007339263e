"""Open cells -> running sums and exact distinct counts over trailing windows. Touches its tables only.

Minutes come in order. A window holds the cells of its newest W minutes: what a cell brings is added when it
is closed, and taken out when the window has moved past it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from models.compiled import inner
from models.memory.pool import PAGE_SHIFT as POOL_SHIFT
from models.memory.pool import free_row
from models.memory.tables import PAGE_SHIFT
from models.minutes import DAY_MINUTES
from models.windows.arena import (
    CELL_BYTES,
    CELL_COLUMNS,
    CELL_DISTINCT,
    LIMIT,
    MINUTE,
    NEXT,
    TAIL,
    add_cell,
    after,
    at,
    first_place,
    next_place,
    short,
    whole,
    write,
)
from models.windows.columns import (
    COLUMN,
    DAY_SUMMED,
    PAST,
    SELLER,
    SUMMED,
    WEEK,
    WEEK_DAYS,
    WINDOW_MINUTES,
)
from models.windows.customers import customers_of, meet_customers
from models.windows.enter import DEED
from models.windows.layout import RING, RING_MET, RING_SUMMED, WINDOWS
from models.windows.meetings import excuse, log_meetings, meet_key, meet_other, meet_seller, take_orders
from models.wire.sightings import SUM_NAMES

#: Entities silent for this many days, and without pairs, are forgotten.
ENTITY_DAYS = 8

_MINUTES = np.array(WINDOW_MINUTES)
_HANDOVERS = SUMMED.index("handovers")
_TAKEN, _NEEDED, _AGAIN = (SUM_NAMES.index(n) for n in ("orders_taken", "orders_needed", "orders_again"))
_DAY_COLUMNS = np.array([COLUMN[n] for n in DAY_SUMMED])
_RECORDS, _PII_RECORDS = DAY_SUMMED.index("records"), DAY_SUMMED.index("pii_records")
_SUMS = len(SUM_NAMES)


@inner
def shed(t: Any, place: Any, w: Any, minute: Any, sums: Any) -> Any:
    """Take out of int64[COLUMNS] the cells from `place` on that window w has passed; place of the next."""
    words = t.arena.words
    while place:
        i = at(t.arena, place)
        if words[i + MINUTE] > minute - _MINUTES[w]:
            break
        add_cell(sums, words, i, -1)
        place = whole(t.arena, np.uint32(words[i + NEXT]))
    return place


@inner
def expire(t: Any, e: Any, minute: Any) -> None:
    """Take out of entity e's windows what lies before (minute - W, minute]."""
    for w in range(WINDOWS):
        t.tails[e, w] = shed(t, t.tails[e, w], w, minute, t.sums[e, w])


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
def _apply(t: Any, c: Any, minute: Any, values: Any, turns: Any, log: Any, logged: Any, excused: Any) -> Any:
    """Close open cell c; how many entries the log has then, and how many pairs were put into `excused`."""
    count = np.int64(0)
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
    logged = log_meetings(t, cell.rows, minute, log, logged)
    take_orders(t, row, cell.rows, day)
    o = np.int64(cell.rows)
    while o >= 0:
        seen = t.rows.rows[o]
        for m in range(3):
            t.open_bits[seen.pairs[m]] = 0
        meet_seller(t, e, row, seen, place, minute, values)
        if seen.bits & DEED:
            excused[count] = seen.pairs[SELLER]
            count += 1
        meet_key(t, e, row, seen, place, minute, values, turns)
        meet_other(t, e, seen, place, minute, values)
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
        t.arena.words[at(t.arena, t.heads[e]) + NEXT] = np.int32(short(place))
    t.heads[e] = place
    meet_customers(t, e, cell.customers, minute // 60)
    t.entities.dirty[e >> PAGE_SHIFT] = 1
    _unlink(t, e, c)
    return logged, count


@njit(cache=True)
def close_cells(
    t: Any, order: Any, kinds: Any, windows: Any, week: Any, past: Any, customers: Any, log: Any
) -> Any:
    """Close open cells int32[n], minutes ascending, and view each entity as of its minute.

    The outputs have n rows (models.windows.columns.View). log int64[>= 3 * rows, LOG_COLUMNS], out; how many
    entries is the result.
    """
    values = np.zeros(CELL_COLUMNS, np.int64)
    turns = np.zeros(3, np.int64)
    excused = np.zeros(len(log), np.int64)
    logged = np.int64(0)
    # Once, for the first minute: alerts of each minute of the batch list members by these cells.
    release(t, np.int64(t.cells.rows[order[0]].minute))
    for n in range(len(order)):
        c = order[n]
        minute = np.int64(t.cells.rows[c].minute)
        e = np.int64(t.cells.rows[c].entity)
        logged, count = _apply(t, c, minute, values, turns, log, logged, excused)
        kinds[n] = t.entities.rows[e].kind
        windows[n] = t.sums[e]
        _view_days(t.entities.rows[e], minute // DAY_MINUTES, week[n], past[n])
        customers[n] = customers_of(t, e, minute // 60)
        for i in range(count):  # not before the view: while a minute is open, counts must not fall
            excuse(t, e, excused[i], minute)
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
assert len(PAST) == 5, "days, sellers, sellers_pii, records, pii_records"
