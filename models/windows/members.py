"""Who an entity met: listed for alerts, swept when long past. Touches its tables only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from models.compiled import inner
from models.dtypes import I64
from models.memory.pool import HIGH
from models.memory.tables import PAGE_SHIFT, drop
from models.minutes import DAY_MINUTES
from models.windows.arena import MINUTE, at, whole
from models.windows.columns import WEEK_NAME, WINDOW_MINUTES, window_start
from models.windows.customers import SKETCH_HOURS, shed_sketches
from models.windows.enter import PLAIN
from models.windows.meetings import PAIR_DAYS
from models.windows.state import State
from models.windows.windows import ENTITY_DAYS, release


@njit(cache=True)
def pair_count(t: Any, e: Any) -> Any:
    """How many pairs entity e has."""
    count = 0
    p = np.int64(t.entities.rows[e].members)
    while p >= 0:
        count += 1
        p = np.int64(t.pairs.rows[p].next)
    return count


@njit(cache=True)
def notes_after(t: Any, e: Any, minute: Any, log: Any) -> Any:
    """Of each pair of entity e, place in the log of the first note later than `minute`: it tells what was
    known of the pair until then. {-1: 0} beside them, for its type."""
    first = {np.int64(-1): 0}
    for i in range(len(log)):
        p = log[i, 0]
        if log[i, 1] > minute and t.pairs.rows[p].entity == e and p not in first:
            first[p] = i
    return first


@njit(cache=True)
def _members(t: Any, e: Any, minute: Any, since: Any, log: Any, open_cells: Any) -> Any:
    """Hashes and kinds of the members met in (since, minute]; since < 0: whole days from day -since - 1 on.

    log  int64[., LOG_COLUMNS]: plain meetings of the minutes closed together; those after `minute` are undone
    """
    later = notes_after(t, e, minute, log)
    opened = {np.int64(-1): True}
    if open_cells:
        c = np.int64(t.entities.rows[e].open)
        while c >= 0:
            if t.cells.rows[c].minute <= minute:
                o = np.int64(t.cells.rows[c].rows)
                while o >= 0:
                    for m in range(3 if t.rows.rows[o].bits & PLAIN else 0):
                        opened[np.int64(t.rows.rows[o].pairs[m])] = True
                    o = np.int64(t.rows.rows[o].next)
            c = np.int64(t.cells.rows[c].next)
    count = pair_count(t, e)
    hashes, kinds = np.zeros(count, np.uint64), np.zeros(count, np.int64)
    found = 0
    p = np.int64(t.entities.rows[e].members)
    while p >= 0:
        pair = t.pairs.rows[p]
        place = whole(t.arena, pair.last[0])
        last = np.int64(t.arena.words[at(t.arena, place) + MINUTE]) if place else np.int64(-1_000_000)
        day = np.int64(pair.day[0]) - 1
        if p in later:
            last, day = log[later[p], 2], log[later[p], 3] - 1
        inside = day >= -since - 1 if since < 0 else last > since
        if inside or p in opened:
            hashes[found], kinds[found] = pair.member, pair.kind
            found += 1
        p = np.int64(pair.next)
    return hashes[:found], kinds[:found]


def members(
    state: State, e: int, minute: int, window: str, log: I64, *, preview: bool = False
) -> tuple[Any, Any]:
    """Hashes uint64[k] and kinds int64[k] of who entity row e met in a window that ends with `minute`.

    window   one of WINDOW_NAMES
    preview  count what open cells hold too
    """
    start = max(window_start(minute, window), 0)
    since = -(start // DAY_MINUTES) - 1 if window == WEEK_NAME else max(start - 1, 0)
    return _members(state.tables, e, minute, since, log, preview)  # type: ignore[no-any-return]


@njit(cache=True)
def _sweep(t: Any, minute: Any) -> Any:
    """Bring sums to `minute`; forget pairs not met for PAIR_DAYS and entities without any, unless open cells
    hold them."""
    release(t, minute)  # the sums of silent entities lag behind
    today = minute // DAY_MINUTES
    in_use = np.zeros(t.pairs.meta[HIGH], np.uint8)
    for e in range(t.entities.meta[HIGH]):
        if t.entities.rows[e].key == 0:
            continue
        c = np.int64(t.entities.rows[e].open)
        while c >= 0:
            o = np.int64(t.cells.rows[c].rows)
            while o >= 0:
                for m in range(3):
                    in_use[t.rows.rows[o].pairs[m]] = 1
                o = np.int64(t.rows.rows[o].next)
            c = np.int64(t.cells.rows[c].next)
    freed = 0
    for e in range(t.entities.meta[HIGH]):
        row = t.entities.rows[e]
        if row.key == 0:
            continue
        shed_sketches(t, e, minute // 60)
        freed += _sweep_pairs(t, e, row, today, in_use)
        if row.members < 0 and row.open < 0 and row.day <= today - ENTITY_DAYS and row.sketches < 0:
            drop(t.entities, e)
    for v in range(t.evidence.meta[HIGH]):
        if t.evidence.rows[v].key != 0 and t.evidence.rows[v].day < today - ENTITY_DAYS:
            drop(t.evidence, v)
    return freed


@inner
def _sweep_pairs(t: Any, e: Any, row: Any, today: Any, in_use: Any) -> Any:
    before, p, freed = np.int64(-1), np.int64(row.members), 0
    while p >= 0:
        pair = t.pairs.rows[p]
        following = np.int64(pair.next)
        # A place is told by its lower half alone: none may outlive its cell by long.
        for k in range(len(pair.last)):
            if pair.last[k] != 0 and whole(t.arena, pair.last[k]) == 0:
                pair.last[k] = 0
                t.pairs.dirty[p >> PAGE_SHIFT] = 1
        if in_use[p] == 0 and np.int64(pair.day[0]) - 1 <= today - PAIR_DAYS:
            if before < 0:
                row.members = following
                t.entities.dirty[e >> PAGE_SHIFT] = 1
            else:
                t.pairs.rows[before].next = following
                t.pairs.dirty[before >> PAGE_SHIFT] = 1
            drop(t.pairs, p)
            freed += 1
        else:
            before = p
        p = following
    return freed


def sweep(state: State, minute: int) -> int:
    """Forget what no window at `minute` or later can show; how many pairs went. Never changes a result."""
    return int(_sweep(state.tables, minute))


def known(state: State) -> set[int]:
    """Hashes of the entities and members that are kept."""
    entities, pairs = state.entities.table.rows, state.pairs.table.rows
    return set(entities["hash"][entities["key"] != 0].tolist()) | set(
        pairs["member"][pairs["key"] != 0].tolist()
    )


def evidence_of(state: State, e: int) -> list[tuple[int, int, int]]:
    """(source, first, last) offsets of an entity's events of about the last day."""
    rows = state.evidence.table.rows
    mine = rows[(rows["key"] != 0) & (rows["entity"] == e)]
    out = []
    for row in mine:
        first, last, before_first, before_last = row["span"].tolist()
        first = min(first, before_first) if before_first >= 0 else first
        out.append((int(row["source"]), first, max(last, before_last)))
    return sorted(out)


assert WINDOW_MINUTES[-1] == SKETCH_HOURS * 60
