"""Tables just restored -> what follows from them and is never stored. Touches these tables only."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.compiled import leaf
from models.memory.pool import HIGH
from models.windows.arena import (
    CELL_DISTINCT,
    MINUTE,
    NEXT,
    VALUES,
    add_cell,
    add_count,
    after,
    at,
    bits_of,
    first_place,
    short,
    whole,
)
from models.windows.columns import DISTINCT_NAMES, DISTINCT_START, WINDOW_MINUTES
from models.windows.layout import WINDOWS, Tables


def rebuild(t: Tables) -> None:
    """Make anew links, counts and running sums (0 so far) and what preview counted."""
    t.guess[:] = -1.0
    t.cells.rows["told"], t.cells.rows["seen"] = 0, -1
    _relink(t)
    _recount(t, np.array(DISTINCT_START))
    _resum(t, np.array(WINDOW_MINUTES))


@leaf
def _relink(t: Any) -> None:
    """Links between an entity's cells, its newest and its oldest; distinct counts of 0."""
    words, end = t.arena.words, t.arena.meta[0]
    place = first_place(t.arena, t.arena.meta[1])
    while place < end:
        i = at(t.arena, place)
        bits, next_value = bits_of(words, i), i + VALUES
        for column in range(CELL_DISTINCT + len(DISTINCT_NAMES)):
            if (bits >> column) & 1:
                if column >= CELL_DISTINCT:
                    words[next_value] = 0
                next_value += 1
        entity = words[i]
        words[i + NEXT] = 0
        if t.heads[entity]:
            words[at(t.arena, t.heads[entity]) + NEXT] = np.int32(short(place))
        t.heads[entity] = place
        for w in range(WINDOWS):
            if t.tails[entity, w] == 0:
                t.tails[entity, w] = place
        place = after(t.arena, place)


@leaf
def _recount(t: Any, starts: Any) -> None:
    """The cells' distinct counts, from the pairs."""
    words = t.arena.words
    for p in range(t.pairs.meta[HIGH]):
        pair = t.pairs.rows[p]
        if pair.key == 0:
            continue
        for k in range(starts[pair.kind + 1] - starts[pair.kind]):
            place = whole(t.arena, pair.last[k])
            if place:
                add_count(words, at(t.arena, place), CELL_DISTINCT + starts[pair.kind] + k, 1)


@leaf
def _resum(t: Any, minutes: Any) -> None:
    """Running sums: the cells of each window as of each entity's newest cell."""
    words, end = t.arena.words, t.arena.meta[0]
    place = first_place(t.arena, t.arena.meta[1])
    while place < end:
        i = at(t.arena, place)
        entity, minute = words[i], words[i + MINUTE]
        newest = words[at(t.arena, t.heads[entity]) + MINUTE]
        for w in range(WINDOWS):
            if minute <= newest - minutes[w]:
                t.tails[entity, w] = whole(t.arena, np.uint32(words[i + NEXT]))
                continue
            add_cell(t.sums[entity, w], words, i, 1)
        place = after(t.arena, place)
