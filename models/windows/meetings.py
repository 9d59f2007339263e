"""Pairs of an entity and a member as a cell is closed: who met whom anew. Touches pairs and counts only.

Each pair remembers, for each sort of meeting, the cell of the last one, and each cell how many pairs remember
it: so a window's distinct count is the sum over its cells.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.compiled import inner
from models.memory.tables import PAGE_SHIFT
from models.minutes import DAY_MINUTES
from models.windows.arena import CELL_DISTINCT, MINUTE, add_count, at, short, whole
from models.windows.columns import (
    DISTINCT_NAMES,
    DISTINCT_START,
    FIRST_DISTINCT,
    KEY,
    OTHER,
    SELLER,
    WEEK_DAYS,
    WINDOW_MINUTES,
)
from models.windows.enter import DUG, ELSEWHERE, FOREIGN, PII, PLAIN, ROAMING
from models.windows.layout import RING, RING_MET, RING_SUMMED, WINDOWS

#: A pair is forgotten after this many days without a meeting.
PAIR_DAYS = 8
#: A seller is unneeded when this many orders (without order ids: identifying calls) were taken of it, and
#: fewer than 1 in ONE_IN of them acted on.
UNNEEDED_TAKEN, ONE_IN = 10, 20
#: What a pair has taken is halved here, so that old deeds do not excuse for ever.
TAKEN_LIMIT = 1 << 16
#: A key that was silent for this many minutes and now sets in may have taken over from a refused one.
SILENT_MINUTES = 5
#: Columns of the log of meetings: pair, minute, minute and day of the plain meeting before; of a key also
#: what was known of it before (models.keys.facts): the days of its signs, orders taken and acted on.
LOG_COLUMNS = 6
#: Signs of a key that are remembered by their last day.
KEY_SIGNS = (ELSEWHERE, FOREIGN, DUG, ROAMING)
#: What a key takes and acts on is counted up to here.
KEY_ORDERS_MOST = 1 << 30

_MINUTES = np.array(WINDOW_MINUTES)
_STARTS = np.array(DISTINCT_START)
_UNNEEDED = DISTINCT_NAMES.index("sellers_unneeded")
_DUG = DISTINCT_NAMES.index("sellers_dug")
_KEY_SORTS = DISTINCT_START[OTHER] - DISTINCT_START[KEY]
_THROTTLED = DISTINCT_NAMES.index("keys_throttled") - DISTINCT_START[KEY]


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
    if pair.last[k] == short(place):
        return False
    column = _STARTS[pair.kind] + k
    old = whole(t.arena, pair.last[k])
    old_minute = np.int64(-1_000_000)
    if old:
        i = at(t.arena, old)
        old_minute = np.int64(t.arena.words[i + MINUTE])
        add_count(t.arena.words, i, CELL_DISTINCT + column, -1)
    for w in range(WINDOWS):
        if old_minute <= minute - _MINUTES[w]:
            t.sums[e, w, FIRST_DISTINCT + column] += 1
    values[CELL_DISTINCT + column] += 1
    pair.last[k] = short(place)
    return True


@inner
def _unmeet(t: Any, e: Any, pair: Any, k: Any, minute: Any) -> None:
    """Forget a pair's last meeting of sort k."""
    column = _STARTS[pair.kind] + k
    old = whole(t.arena, pair.last[k])
    if old:
        i = at(t.arena, old)
        old_minute = t.arena.words[i + MINUTE]
        add_count(t.arena.words, i, CELL_DISTINCT + column, -1)
        for w in range(WINDOWS):
            if old_minute > minute - _MINUTES[w]:
                t.sums[e, w, FIRST_DISTINCT + column] -= 1
    pair.last[k] = 0


@inner
def take_orders(t: Any, row: Any, first: Any, day: Any) -> None:
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
def excuse(t: Any, e: Any, p: Any, minute: Any) -> None:
    """Something was done for the seller of pair `p`: what was dug up there in minutes before counts no more.

    Who moves a shop reads its past first, and works for it then; who pools does not.
    """
    pair = t.pairs.rows[p]
    if pair.day[_DUG] == 0 or _last_minute(t, pair, _DUG) == minute:
        return
    _unmeet(t, e, pair, _DUG, minute)
    day = np.int64(pair.day[_DUG]) - 1
    if day > minute // DAY_MINUTES - WEEK_DAYS:
        t.entities.rows[e].ring[(day % WEEK_DAYS) * RING + _DUG] -= 1
    pair.day[_DUG] = 0
    t.pairs.dirty[p >> PAGE_SHIFT] = 1


@inner
def _unneeded(pair: Any) -> Any:
    return pair.taken >= UNNEEDED_TAKEN and pair.needed * ONE_IN < pair.taken


@inner
def meet_seller(t: Any, e: Any, row: Any, seen: Any, place: Any, minute: Any, values: Any) -> None:
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
def meet_key(t: Any, e: Any, row: Any, seen: Any, place: Any, minute: Any, values: Any, turns: Any) -> None:
    """turns int64[3], raised: keys that set in, keys refused now, and those refused a minute ago too."""
    if seen.bits >> _STARTS[KEY] == 0:
        return
    p = seen.pairs[KEY]
    pair = t.pairs.rows[p]
    before, refused = _last_minute(t, pair, 0), _last_minute(t, pair, _THROTTLED)
    for k in range(_KEY_SORTS):
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
    for k in range(len(KEY_SIGNS)):
        if seen.bits & KEY_SIGNS[k]:
            pair.day[1 + k] = day
    if not seen.bits & PLAIN:  # a verdict on earlier calls
        return
    if pair.day[0] != 0 and pair.day[0] <= day - PAIR_DAYS:  # as if it had been forgotten
        pair.taken, pair.needed = 0, 0
    pair.day[0] = day
    taken, needed = (seen.taken, seen.needed) if row.orders_logged else (seen.reads, seen.deeds)
    pair.taken = min(np.int64(pair.taken) + taken, KEY_ORDERS_MOST)
    pair.needed = min(np.int64(pair.needed) + needed, KEY_ORDERS_MOST)


@inner
def meet_other(t: Any, e: Any, seen: Any, place: Any, minute: Any, values: Any) -> None:
    if not seen.bits & PLAIN:
        return
    p = seen.pairs[OTHER]
    pair = t.pairs.rows[p]
    _meet(t, e, pair, 0, place, minute, values)
    pair.day[0] = minute // DAY_MINUTES + 1
    t.pairs.dirty[p >> PAGE_SHIFT] = 1


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
def log_meetings(t: Any, first: Any, minute: Any, log: Any, logged: Any) -> Any:
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


assert len(KEY_SIGNS) < RING_SUMMED, "a key's pair has days to spare for its signs"
