"""Sets of 32-bit hashes, one an entry of the ledger, in one run of words. Compiled; touches its tables."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from models.compiled import inner, leaf
from models.memory.tables import PAGE_SHIFT

#: Regions of words hold the hashes, open addressing: 16 words and each double of it up to 4,096.
UNIT_SHIFT = 4
SIZES = 9
LARGEST_UNITS = 1 << (SIZES - 1)
WORD_PAGE_SHIFT = 10

ENTRY_ROW = np.dtype(
    [
        ("key", "u8"),
        ("next", "i4"),  # next entry of the day
        ("day", "i4"),
        ("seller", "u8"),
        ("name", "u8"),  # of the key used
        ("place", "i4"),  # of its region, in units
        ("count", "i4"),
        ("level", "i4"),
        ("size", "u1"),
        ("classes", "u1"),
        ("pad", "u2"),
    ]
)


class LedgerTables(NamedTuple):
    """What compiled code sees."""

    days: Any
    entries: Any
    words: Any  # uint32[units << UNIT_SHIFT]: regions; 0 = free place
    dirty: Any  # uint8[pages of words]
    meta: Any  # int64[1 + SIZES]: units ever used; first free region of each size, -1 = none
    scratch: Any  # uint32[]: an entry's hashes while they move


@inner
def _touch(book: Any, place: Any, size: Any) -> None:
    first = (place << UNIT_SHIFT) >> WORD_PAGE_SHIFT
    last = ((place + (1 << size)) << UNIT_SHIFT) - 1 >> WORD_PAGE_SHIFT
    for page in range(first, last + 1):
        book.dirty[page] = 1


@inner
def take_region(book: Any, size: Any) -> Any:
    """Place of an empty region. Room must have been reserved."""
    place = book.meta[1 + size]
    if place >= 0:
        book.meta[1 + size] = np.int64(book.words[place << UNIT_SHIFT]) - 1
    else:
        place = book.meta[0]
        book.meta[0] += 1 << size
    start = place << UNIT_SHIFT
    for i in range(start, start + (1 << size << UNIT_SHIFT)):
        book.words[i] = 0
    _touch(book, place, size)
    return place


@inner
def free_region(book: Any, place: Any, size: Any) -> None:
    """Give a region back: its first word tells the next free one of its size."""
    book.words[place << UNIT_SHIFT] = book.meta[1 + size] + 1
    book.dirty[(place << UNIT_SHIFT) >> WORD_PAGE_SHIFT] = 1
    book.meta[1 + size] = place


@inner
def put(book: Any, entry: Any, value: Any) -> bool:
    """Enter a hash, not 0; False where it is there already."""
    mask = (1 << np.int64(entry.size) << UNIT_SHIFT) - 1
    start = np.int64(entry.place) << UNIT_SHIFT
    at = np.int64(value) & mask
    while book.words[start + at] != 0:
        if np.int64(book.words[start + at]) == np.int64(value):
            return False
        at = (at + 1) & mask
    book.words[start + at] = value
    book.dirty[(start + at) >> WORD_PAGE_SHIFT] = 1
    return True


@inner
def _lift(book: Any, entry: Any) -> Any:
    """Copy an entry's hashes to scratch; how many."""
    start = np.int64(entry.place) << UNIT_SHIFT
    n = 0
    for i in range(start, start + (1 << np.int64(entry.size) << UNIT_SHIFT)):
        if book.words[i] != 0:
            book.scratch[n] = book.words[i]
            n += 1
    return n


@inner
def grow(book: Any, entry: Any) -> None:
    """Move an entry's hashes to a region of twice the size."""
    n = _lift(book, entry)
    free_region(book, np.int64(entry.place), np.int64(entry.size))
    entry.size += 1
    entry.place = take_region(book, np.int64(entry.size))
    for i in range(n):
        put(book, entry, book.scratch[i])


@inner
def raise_level(book: Any, entry: Any, level: Any) -> None:
    """Keep what lies below a level; give back the half of the region that is not needed, again and again."""
    many, n = _lift(book, entry), 0
    for i in range(many):
        if np.int64(book.scratch[i]) >> (32 - level) == 0:
            book.scratch[n] = book.scratch[i]
            n += 1
    entry.level, entry.count = level, n
    size, place = np.int64(entry.size), np.int64(entry.place)
    _touch(book, place, size)
    while size > 0 and n * 8 < 3 << size << UNIT_SHIFT:
        size -= 1
        free_region(book, place + (1 << size), size)
    entry.size = size
    start = place << UNIT_SHIFT
    for i in range(start, start + (1 << size << UNIT_SHIFT)):
        book.words[i] = 0
    for i in range(n):
        put(book, entry, book.scratch[i])


@leaf
def samples(book: Any, order: Any, starts: Any, out: Any) -> None:
    """Hashes of entries int32[n], in that order, unsorted, to out uint32[starts[n]]; starts int64[n + 1]."""
    for i in range(len(order)):
        n = _lift(book, book.entries.rows[order[i]])
        for s in range(n):
            out[starts[i] + s] = book.scratch[s]


@leaf
def lay(book: Any, words: Any) -> int:
    """Move every region to `words`, end to end; units used."""
    used = 0
    for n in range(book.entries.meta[0]):
        entry = book.entries.rows[n]
        if entry.key == 0:
            continue
        start, length = np.int64(entry.place) << UNIT_SHIFT, 1 << np.int64(entry.size) << UNIT_SHIFT
        for i in range(length):
            words[(used << UNIT_SHIFT) + i] = book.words[start + i]
        entry.place = used
        book.entries.dirty[n >> PAGE_SHIFT] = 1
        used += 1 << np.int64(entry.size)
    return used
