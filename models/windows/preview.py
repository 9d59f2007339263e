"""Open cells -> lower bounds of sums and distinct counts at their minute's close. Touches its tables only.

What is bounded can only rise until the close, so a threshold that it crosses will be crossed at the close.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.compiled import inner, leaf
from models.windows.arena import CELL_DISTINCT, MINUTE, at, whole
from models.windows.columns import BIT, DISTINCT_NAMES, DISTINCT_START, FIRST_DISTINCT, WINDOW_MINUTES
from models.windows.layout import WINDOWS
from models.windows.windows import shed

_MINUTES = np.array(WINDOW_MINUTES)
_STARTS = np.array(DISTINCT_START)
_KINDS = len(DISTINCT_NAMES)
#: Sellers that are unneeded may cease to be so within the minute: never counted early.
_CERTAIN_BITS = sum(BIT.values()) & ~BIT["sellers_unneeded"]


@inner
def _count_fresh(t: Any, c: Any) -> None:
    """Count the members that the cell's new rows bring and no closed cell of the window holds."""
    cell = t.cells.rows[c]
    if cell.seen < 0:
        t.fresh[c] = 0
    o = np.int64(cell.rows)
    while o >= 0 and o != cell.seen:
        row = t.rows.rows[o]
        bits = row.bits & _CERTAIN_BITS
        for m in range(3):
            p = row.pairs[m]
            mine = (bits >> _STARTS[m]) & ((1 << (_STARTS[m + 1] - _STARTS[m])) - 1)
            new = mine & ~np.int64(t.open_bits[p])
            t.open_bits[p] |= np.uint8(new)
            for k in range(_STARTS[m + 1] - _STARTS[m]):
                if not (new >> k) & 1:
                    continue
                place = whole(t.arena, t.pairs.rows[p].last[k])
                last = np.int64(t.arena.words[at(t.arena, place) + MINUTE]) if place else np.int64(-1_000_000)
                for w in range(WINDOWS):
                    if last <= cell.minute - _MINUTES[w]:
                        t.fresh[c, w, _STARTS[m] + k] += 1
        o = np.int64(row.next)
    cell.seen = cell.rows


@inner
def _recount(t: Any, e: Any) -> None:
    """Count all open cells of an entity anew: one of them was closed."""
    c = np.int64(t.entities.rows[e].open)
    while c >= 0:
        cell = t.cells.rows[c]
        if cell.seen >= 0:
            cell.seen = -1
            o = np.int64(cell.rows)
            while o >= 0:
                for m in range(3):
                    t.open_bits[t.rows.rows[o].pairs[m]] = 0
                o = np.int64(t.rows.rows[o].next)
        c = np.int64(cell.next)


@leaf
def recount(t: Any, entities: Any) -> None:
    """After a close: what preview counted of these entities' open cells no longer holds. int64[n]."""
    for n in range(len(entities)):
        _recount(t, entities[n])


@inner
def _bound(t: Any, c: Any, out: Any) -> None:
    cell = t.cells.rows[c]
    e, minute = np.int64(cell.entity), np.int64(cell.minute)
    for w in range(WINDOWS):
        for column in range(out.shape[1]):
            out[w, column] = t.sums[e, w, column]
        shed(t, t.tails[e, w], w, minute, out[w])
    o = np.int64(t.entities.rows[e].open)
    while o >= 0:
        other = t.cells.rows[o]
        for w in range(WINDOWS):
            if minute - _MINUTES[w] < other.minute <= minute:
                for s in range(len(other.sums)):
                    out[w, s] += other.sums[s]
                out[w, CELL_DISTINCT] += 1
                for k in range(_KINDS if other.seen >= 0 else 0):
                    out[w, FIRST_DISTINCT + k] += t.fresh[o, w, k]
        o = np.int64(other.next)


@leaf
def bounds(t: Any, cells: Any, kinds: Any, entities: Any, minutes: Any, windows: Any) -> Any:
    """Lower bounds for open cells int32[n]; closed ones are passed over. How many rows were filled.

    kinds uint8[n], entities int64[n], minutes int64[n], windows int64[n, windows, COLUMNS]: out.
    """
    for n in range(len(cells)):
        cell = t.cells.rows[cells[n]]
        if cell.entity >= 0 and cell.told == 1:
            _count_fresh(t, cells[n])
    filled = 0
    for n in range(len(cells)):
        cell = t.cells.rows[cells[n]]
        if cell.entity < 0 or cell.told == 0:
            continue
        cell.told = 0
        _bound(t, cells[n], windows[filled])
        kinds[filled] = t.entities.rows[cell.entity].kind
        entities[filled] = cell.entity
        minutes[filled] = cell.minute
        filled += 1
    return filled
