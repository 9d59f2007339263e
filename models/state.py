"""Tables of one sightings partition, and their pages. Pure data; models.enter, models.windows fill them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.arena import (
    CELL_DISTINCT,
    MINUTE,
    NEXT,
    VALUES,
    Arena,
    after,
    at,
    bits_of,
    first_place,
    rank,
    whole,
)
from models.columns import (
    COLUMNS,
    DAY_DISTINCTS,
    DAY_SUMMED,
    DISTINCT_NAMES,
    DISTINCT_START,
    FIRST_DISTINCT,
    WEEK_DAYS,
    WINDOW_MINUTES,
)
from models.compiled import inner, leaf
from models.hashing import finish
from models.memory import zeros
from models.pages import Pages
from models.pool import HIGH, Pool
from models.sightings import SUM_NAMES
from models.sketch import REGISTERS
from models.tables import Rows

WINDOWS = len(WINDOW_MINUTES)
#: Sorts of meeting that one pair can remember: the widest group of DISTINCTS.
SLOTS = max(b - a for a, b in pairwise(DISTINCT_START))
#: A day of an entity: pairs last met on it, sums, and (sellers, sellers_pii) met on it at all.
RING_SUMMED = len(DAY_DISTINCTS)
RING_MET = RING_SUMMED + len(DAY_SUMMED)
RING = RING_MET + 2

ENTITY_ROW = np.dtype(
    [
        ("key", "u8"),
        ("hash", "u8"),
        ("next", "i4"),
        ("kind", "i4"),
        ("members", "i4"),  # first of its pairs
        ("sketches", "i4"),  # newest of its customer sketches
        ("open", "i4"),  # first of its open cells
        ("day", "i4"),  # newest day in the ring, -1 = none
        ("minute", "i4"),  # newest closed minute in which it was active
        ("throttled_minute", "i4"),
        ("throttled_keys", "i4"),
        ("orders_logged", "i4"),
        ("ring", "i8", (WEEK_DAYS * RING,)),
    ]
)
#: An entity and a member of it. `last` has a place in the arena (lower half) for each sort of meeting.
PAIR_ROW = np.dtype(
    [
        ("key", "u8"),
        ("member", "u8"),
        ("next", "i4"),  # next pair of the entity
        ("entity", "i4"),
        ("last", "u4", (SLOTS,)),
        ("day", "u2", (RING_SUMMED,)),  # UTC day of the last meeting, plus 1; 0 = never
        ("taken", "i4"),
        ("needed", "i4"),
        ("kind", "i4"),  # SELLER, KEY, OTHER
    ]
)
#: An entity's customers of an hour: codes of HyperLogLog while they are few, then a row of registers.
FEW = 56
SKETCH_ROW = np.dtype(
    [
        ("next", "i4"),  # the hour before
        ("hour", "i4"),
        ("count", "i4"),  # of codes
        ("registers", "i4"),  # -1 = none
        ("codes", "u2", (FEW,)),
    ]
)
REGISTERS_ROW = np.dtype([("next", "i4"), ("registers", "u1", (REGISTERS,))])
#: Where an entity's events of one source stand: of the day `day`, and of the days before.
EVIDENCE_ROW = np.dtype(
    [
        ("key", "u8"),
        ("next", "i4"),
        ("entity", "i4"),
        ("source", "i4"),
        ("day", "i4"),
        ("span", "i8", (4,)),  # first, last of the day; first, last before
    ]
)
CHUNK_ROW = np.dtype([("key", "u8"), ("next", "i4"), ("pad", "i4"), ("sums", "i8", (len(SUM_NAMES),))])
OPEN_CELL = np.dtype(
    [
        ("next", "i4"),  # next open cell of the entity
        ("entity", "i4"),  # -1 = free
        ("minute", "i4"),
        ("rows", "i4"),
        ("count", "i4"),  # of rows
        ("customers", "i4"),
        ("told", "i4"),  # 1 = waits for preview
        ("seen", "i4"),  # newest row that preview counted, -1 = none
        ("sums", "i8", (len(SUM_NAMES),)),
    ]
)
#: What sightings of one seller, key and other entity bring to an open cell; many messages add to one row.
OPEN_ROW = np.dtype(
    [
        ("next", "i4"),
        ("cell", "i4"),  # -1 = free
        ("pairs", "i4", (3,)),
        ("bits", "i4"),
        ("taken", "i4"),
        ("needed", "i4"),
        ("reads", "i4"),
        ("deeds", "i4"),
    ]
)
#: Customers of an open cell: codes of HyperLogLog; 0 = none yet.
OPEN_CUSTOMERS = np.dtype([("next", "i4"), ("codes", "u2", (6,))])


#: Arrays of as many rows.
Arrays = tuple[npt.NDArray[Any], ...]


class Tables(NamedTuple):
    """What compiled code sees. What follows the arena follows from the rest and is never stored."""

    entities: Any
    pairs: Any
    sketches: Any
    registers: Any
    evidence: Any
    cells: Any
    rows: Any
    customers: Any
    arena: Any
    sums: Any  # int64[entities, windows, COLUMNS]: running
    tails: Any  # int64[entities, windows]: place of the oldest cell in each window, 0 = none
    heads: Any  # int64[entities]: place of the newest cell, 0 = none
    guess: Any  # float64[entities, 2]: customers and the hour for which they were estimated, -1 = anew
    open_bits: Any  # uint8[pairs]: meetings that preview counted
    open_row: Any  # int32[pairs]: the open row of the pair that was used last, if it is still there
    fresh: Any  # int32[open cells, windows, DISTINCTS]: members that only open cells hold, by preview


@inner
def mixed(a: Any, b: Any) -> Any:
    """Key of two 64-bit values; not 0."""
    key = finish(finish(a) + b)
    return key if key != np.uint64(0) else np.uint64(1)


@inner
def drop_count(words: Any, i: Any, column: Any) -> None:
    """One less in a column of the cell at word i that is there."""
    below = bits_of(words, i) & ((np.int64(1) << column) - 1)
    words[i + VALUES + rank(below)] -= 1


@inner
def cell_value(words: Any, i: Any, column: Any) -> Any:
    """A column of the cell at word i."""
    bits = bits_of(words, i)
    if not (bits >> column) & 1:
        return np.int64(0)
    return np.int64(words[i + VALUES + rank(bits & ((np.int64(1) << column) - 1))])


@leaf
def _relink(t: Any) -> None:
    """Links between an entity's cells, and the cells' distinct counts, from the pairs."""
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
            words[at(t.arena, t.heads[entity]) + NEXT] = _short(place)
        t.heads[entity] = place
        for w in range(WINDOWS):
            if t.tails[entity, w] == 0:
                t.tails[entity, w] = place
        place = after(t.arena, place)


@inner
def _short(place: Any) -> Any:
    return np.int32(np.uint32(place & 0xFFFFFFFF))


@leaf
def _recount(t: Any, starts: Any) -> None:
    words = t.arena.words
    for p in range(t.pairs.meta[HIGH]):
        pair = t.pairs.rows[p]
        if pair.key == 0:
            continue
        for k in range(starts[pair.kind + 1] - starts[pair.kind]):
            place = whole(t.arena, pair.last[k])
            if place:
                i = at(t.arena, place)
                column = CELL_DISTINCT + starts[pair.kind] + k
                below = bits_of(words, i) & ((np.int64(1) << column) - 1)
                words[i + VALUES + rank(below)] += 1


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
                short = np.uint32(words[i + NEXT])
                t.tails[entity, w] = whole(t.arena, short)
                continue
            add_cell(t.sums[entity, w], words, i, 1)
        place = after(t.arena, place)


@inner
def add_cell(sums: Any, words: Any, i: Any, sign: Any) -> None:
    """Add (or with -1 take) the cell at word i to int64[COLUMNS]."""
    bits = bits_of(words, i)
    v = i + VALUES
    column = 0
    while bits:
        if bits & 1:
            value = np.int64(words[v]) * sign
            v += 1
            if column < CELL_DISTINCT:
                sums[column] += value
            elif column < CELL_DISTINCT + len(DISTINCT_NAMES):
                sums[column + 1] += value
            else:
                sums[BYTES] += value << 31
        bits >>= 1
        column += 1
    sums[CELL_DISTINCT] += sign


BYTES = COLUMNS.index("bytes")
assert COLUMNS.index("minutes") == CELL_DISTINCT == FIRST_DISTINCT - 1, "cells have no column for minutes"


def _longer(arrays: Arrays, count: int) -> Arrays:
    """The same arrays with 0 behind, each of `count` rows."""
    if count == len(arrays[0]):
        return arrays
    longer = []
    for array in arrays:
        shape = (count, *array.shape[1:])
        longer.append(zeros(math.prod(shape), array.dtype).reshape(shape))
        longer[-1][: len(array)] = array
    return tuple(longer)


class State:
    """Everything that detect remembers, but names, alerts and the sources' positions."""

    def __init__(self) -> None:
        self.entities = Rows("entities", ENTITY_ROW)
        self.pairs = Rows("pairs", PAIR_ROW)
        self.sketches = Pool("sketches", SKETCH_ROW)
        self.registers = Pool("registers", REGISTERS_ROW)
        self.evidence = Rows("evidence", EVIDENCE_ROW)
        self.cells = Pool("open-cells", OPEN_CELL)
        self.rows = Pool("open-rows", OPEN_ROW)
        self.customers = Pool("open-customers", OPEN_CUSTOMERS)
        self.arena = Arena()
        self._forget_beside()

    def _forget_beside(self) -> None:
        """What follows from the rest, empty: of entities, of pairs, of open cells."""
        self._of_entities: Arrays = (
            np.zeros((0, WINDOWS, len(COLUMNS)), np.int64),
            np.zeros((0, WINDOWS), np.int64),
            np.zeros(0, np.int64),
            np.zeros((0, 2)),
        )
        self._of_pairs: Arrays = (np.zeros(0, np.uint8), np.zeros(0, np.int32))
        self._of_cells: Arrays = (np.zeros((0, WINDOWS, len(DISTINCT_NAMES)), np.int32),)

    def _parts(self) -> tuple[Any, ...]:
        return (
            self.entities,
            self.pairs,
            self.sketches,
            self.registers,
            self.evidence,
            self.cells,
            self.rows,
            self.customers,
        )

    @property
    def tables(self) -> Tables:
        """As compiled code takes them; anew after each `reserve`."""
        parts = [part.table for part in self._parts()]
        beside = (*self._of_entities, *self._of_pairs, *self._of_cells)
        return Tables(*parts, self.arena.table, *beside)  # type: ignore[call-arg]

    def reserve(self, rows: int, customers: int) -> None:
        """Make room for what `rows` more sightings and `customers` more customers can need."""
        self.entities.reserve(rows)
        self.pairs.reserve(3 * rows)
        self.evidence.reserve(rows)
        self.cells.reserve(rows)
        self.rows.reserve(rows)
        self.customers.reserve(customers)
        self._follow()

    def reserve_preview(self) -> None:
        """Make room for what preview counts. A backlog, which is not previewed, needs none."""
        self._of_cells = _longer(self._of_cells, len(self.cells.table.rows))

    def reserve_close(self, cells: int) -> None:
        """Make room for what closing that many open cells can need."""
        self.arena.reserve(cells)
        self.sketches.reserve(cells)
        self.registers.reserve(cells)

    def _follow(self) -> None:
        self._of_entities = _longer(self._of_entities, len(self.entities.table.rows))
        self._of_pairs = _longer(self._of_pairs, len(self.pairs.table.rows))

    @property
    def held_bytes(self) -> dict[str, int]:
        """Memory held, by part."""
        held = {part.name: part.held_bytes for part in self._parts()}
        held["cells"] = self.arena.held_bytes
        for name, beside in (
            ("entities", self._of_entities),
            ("pairs", self._of_pairs),
            ("open-cells", self._of_cells),
        ):
            held[name] += sum(array.nbytes for array in beside)
        return held

    def changed(self) -> Pages:
        """Pages that changed since the last call."""
        pages = self.arena.changed()
        for part in self._parts():
            pages |= part.changed()
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold."""
        for part in (*self._parts(), self.arena):
            part.restore(pages)
        self._forget_beside()
        self._follow()
        tables = self.tables
        tables.guess[:] = -1.0
        rows = self.cells.table.rows
        rows["told"], rows["seen"] = 0, -1
        _relink(tables)
        _recount(tables, np.array(DISTINCT_START))
        _resum(tables, np.array(WINDOW_MINUTES))
