"""Cells (entity, active minute) in a circular arena, oldest first. Touches its words, and sums given to it.

A cell has a header and the columns that are not 0, so a quiet minute costs little and a silent one nothing.
Distinct counts in a cell fall as members move on to newer cells; they never rise once the cell is written, so
a column that is absent stays absent. Links and counts follow from the rest of the state and are made anew on
restore: a page of cells changes while it is being filled only.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from models.compiled import inner
from models.memory.arrays import zeros
from models.memory.pages import Pages, page_of
from models.windows.columns import COLUMN, DISTINCT_NAMES, FIRST_DISTINCT, SUMMED

#: Words (int32) of a segment; a cell never straddles one, its first word is kept free, and it is a page.
SEGMENT_SHIFT = 14
SEGMENT_WORDS = 1 << SEGMENT_SHIFT
HEAD, TAIL = 0, 1

ENTITY, MINUTE, NEXT, MASK_LOW, MASK_HIGH, VALUES = range(6)
#: Places of a cell's values: the sums, the distinct counts, and the upper half of `bytes`.
CELL_DISTINCT = len(SUMMED)
CELL_BYTES = SUMMED.index("bytes")
CELL_BYTES_HIGH = CELL_DISTINCT + len(DISTINCT_NAMES)
CELL_COLUMNS = CELL_BYTES_HIGH + 1
CELL_WORDS = VALUES + CELL_COLUMNS
assert CELL_COLUMNS <= 62, "two mask words of 31 bits"
assert COLUMN["minutes"] == CELL_DISTINCT == FIRST_DISTINCT - 1, "a window has active minutes in between"

LIMIT = (1 << 31) - 1


class ArenaTable(NamedTuple):
    """What compiled code sees. Places count words since the beginning of time and never come again."""

    words: Any  # int32[segments * SEGMENT_WORDS]
    meta: Any  # int64[2]: next place to write, place of the oldest cell


@inner
def at(table: Any, place: Any) -> Any:
    """Index in `words` of a place."""
    segments = len(table.words) >> SEGMENT_SHIFT
    return (((place >> SEGMENT_SHIFT) % segments) << SEGMENT_SHIFT) + (place & (SEGMENT_WORDS - 1))


@inner
def whole(table: Any, low: Any) -> Any:
    """Place of its lower 32 bits; 0 = none, or no longer kept."""
    if low == 0:
        return np.int64(0)
    back = (table.meta[HEAD] - np.int64(low)) & 0xFFFFFFFF
    place = table.meta[HEAD] - back
    return place if place >= table.meta[TAIL] else np.int64(0)


@inner
def short(place: Any) -> Any:
    """A place's lower 32 bits, as links and pairs keep it; `whole` gives it back."""
    return np.uint32(place & 0xFFFFFFFF)


@inner
def bits_of(words: Any, i: Any) -> Any:
    """Which columns a cell has, as 62 bits."""
    return np.int64(words[i + MASK_LOW]) | (np.int64(words[i + MASK_HIGH]) << 31)


@inner
def rank(bits: Any) -> Any:
    """How many bits are set."""
    b = np.uint64(bits)
    b = b - ((b >> np.uint64(1)) & np.uint64(0x5555555555555555))
    b = (b & np.uint64(0x3333333333333333)) + ((b >> np.uint64(2)) & np.uint64(0x3333333333333333))
    b = (b + (b >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((b * np.uint64(0x0101010101010101)) >> np.uint64(56))


@inner
def cell_value(words: Any, i: Any, column: Any) -> Any:
    """A column of the cell at word i."""
    bits = bits_of(words, i)
    if not (bits >> column) & 1:
        return np.int64(0)
    return np.int64(words[i + VALUES + rank(bits & ((np.int64(1) << column) - 1))])


@inner
def add_count(words: Any, i: Any, column: Any, more: Any) -> None:
    """Add to a column, which must be there, of the cell at word i."""
    below = bits_of(words, i) & ((np.int64(1) << column) - 1)
    words[i + VALUES + rank(below)] += more


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
                sums[CELL_BYTES] += value << 31
        bits >>= 1
        column += 1
    sums[CELL_DISTINCT] += sign


@inner
def next_place(table: Any) -> Any:
    """Where the next cell will stand."""
    place = table.meta[HEAD]
    if (place & (SEGMENT_WORDS - 1)) + CELL_WORDS > SEGMENT_WORDS:
        place = ((place >> SEGMENT_SHIFT) + 1) << SEGMENT_SHIFT
    return place + 1 if (place & (SEGMENT_WORDS - 1)) == 0 else place


@inner
def write(table: Any, entity: Any, minute: Any, values: Any) -> Any:
    """Append a cell of int64[CELL_COLUMNS] (bytes whole, its upper half 0); values above int32 are capped."""
    place = next_place(table)
    words = table.words
    i = at(table, place)
    words[i + ENTITY] = entity
    words[i + MINUTE] = minute
    words[i + NEXT] = 0
    values[CELL_BYTES_HIGH] = values[CELL_BYTES] >> 31
    values[CELL_BYTES] &= LIMIT
    bits = np.int64(0)
    end = i + VALUES
    for c in range(CELL_COLUMNS):
        if values[c] != 0:
            bits |= np.int64(1) << c
            words[end] = min(values[c], LIMIT)
            end += 1
    words[i + MASK_LOW] = bits & LIMIT
    words[i + MASK_HIGH] = bits >> 31
    table.meta[HEAD] = place + (end - i)
    return place


@inner
def first_place(table: Any, place: Any) -> Any:
    """Place of the first cell at or after `place`; HEAD where there is none."""
    while place < table.meta[HEAD]:
        inside = place & (SEGMENT_WORDS - 1)
        if inside == 0:
            place += 1
        elif inside + CELL_WORDS > SEGMENT_WORDS:
            # No cell begins so late in a segment.
            place = ((place >> SEGMENT_SHIFT) + 1) << SEGMENT_SHIFT
        else:
            return place
    return table.meta[HEAD]


@inner
def after(table: Any, place: Any) -> Any:
    """Place of the cell after the one at `place`; HEAD where there is none."""
    i = at(table, place)
    return first_place(table, place + VALUES + rank(bits_of(table.words, i)))


@njit(cache=True)
def _move(old: Any, new: Any, segments: Any) -> None:
    for s in range(old.meta[TAIL] >> SEGMENT_SHIFT, (old.meta[HEAD] >> SEGMENT_SHIFT) + 1):
        a = (s % (len(old.words) >> SEGMENT_SHIFT)) << SEGMENT_SHIFT
        b = (s % segments) << SEGMENT_SHIFT
        new[b : b + SEGMENT_WORDS] = old.words[a : a + SEGMENT_WORDS]


class Arena:
    """The cells of one detect. Pages `cells/N` are segments; those of the past are given as gone."""

    def __init__(self) -> None:
        self._set(np.zeros(4 * SEGMENT_WORDS, np.int32), np.array([1, 1], np.int64))
        self._saved = [0, 0]  # first segment in the pages and kept, first segment that may have changed

    def _set(self, words: Any, meta: Any) -> None:
        self.table = ArenaTable(words, meta)

    @property
    def held_bytes(self) -> int:
        """Memory held."""
        return int(self.table.words.nbytes)

    @property
    def used_bytes(self) -> int:
        """Memory of the cells kept."""
        return 4 * int(self.table.meta[HEAD] - self.table.meta[TAIL])

    def reserve(self, cells: int) -> None:
        """Make room for `cells` more, whatever they hold."""
        head, tail = (int(p) for p in self.table.meta)
        per_segment = (SEGMENT_WORDS - 1) // CELL_WORDS
        need = (head >> SEGMENT_SHIFT) - (tail >> SEGMENT_SHIFT) + 2 + cells // per_segment + 1
        segments = len(self.table.words) >> SEGMENT_SHIFT
        if need <= segments:
            return
        segments = max(need, segments + segments // 4)
        words = zeros(segments * SEGMENT_WORDS, np.int32)
        _move(self.table, words, segments)
        self._set(words, self.table.meta)

    def changed(self) -> Pages:
        """Segments written since the last call, and those that hold no cell any more."""
        head, tail = (int(p) >> SEGMENT_SHIFT for p in self.table.meta)
        pages: Pages = {f"cells/{s}": None for s in range(self._saved[0], tail)}
        segments = len(self.table.words) >> SEGMENT_SHIFT
        for s in range(max(tail, self._saved[1]), head + 1):
            start = (s % segments) << SEGMENT_SHIFT
            pages[f"cells/{s}"] = self.table.words[start : start + SEGMENT_WORDS].tobytes()
        pages["cells/meta"] = self.table.meta.tobytes()
        self._saved = [tail, head]
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold, links and distinct counts as when written. ConfigError: size."""
        if "cells/meta" not in pages:
            self.__init__()  # type: ignore[misc]
            return
        meta = np.frombuffer(pages["cells/meta"], np.int64).copy()
        head, tail = (int(p) >> SEGMENT_SHIFT for p in meta)
        segments = head - tail + 4
        words = zeros(segments * SEGMENT_WORDS, np.int32)
        for s in range(tail, head + 1):
            content = page_of(pages, f"cells/{s}", 4 * SEGMENT_WORDS)
            start = (s % segments) << SEGMENT_SHIFT
            words[start : start + SEGMENT_WORDS] = np.frombuffer(content, np.int32)
        self._set(words, meta)
        self._saved = [tail, head]
