"""Customers of a message's rows -> samples of the open days' entries. Compiled; touches its tables only.

An entry is what one entity read in one UTC day of one seller, through one key, of one set of classes. It
holds the customers whose 32-bit hash lies below 2^(32 - level): all at level 0, one in 2^level above. The
level is the least at which no more than ENTRY_MOST remain, and the same for all entries of an entity and
day (DAY_MOST): what is kept depends on the customers alone, never on the order in which they came.

source  Flajolet, On adaptive sampling (1990); Dasgupta et al., A framework for estimating stream
        expression cardinalities (2016): such samples merge without bias
"""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from models.compiled import inner, leaf
from models.hashing import mixed
from models.ledger.sets import (
    LARGEST_UNITS,
    UNIT_SHIFT,
    free_region,
    grow,
    put,
    raise_level,
    take_region,
)
from models.memory.pool import COUNT
from models.memory.tables import PAGE_SHIFT, drop, find, take
from models.minutes import DAY_MINUTES
from models.wire.sightings import CLASS_SHIFT, ROW

#: Customers that an entry keeps, and that all entries of an entity and day keep together.
ENTRY_MOST, DAY_MOST = 2_048, 65_536
assert ENTRY_MOST * 4 <= (LARGEST_UNITS << UNIT_SHIFT) * 3, "the largest region is at most 3/4 full"
_VALUE_SHIFT = CLASS_SHIFT - 32
_KIND = ROW.fields["kind"][1] // 8  # type: ignore[index]
assert ROW.fields["kind"][1] % 8 == 4, "the upper half of a word"  # type: ignore[index]

DAY_ROW = np.dtype(
    [
        ("key", "u8"),
        ("next", "i4"),
        ("entries", "i4"),  # first of its entries
        ("entity", "u8"),
        ("day", "i4"),
        ("kind", "i4"),
        ("total", "i4"),  # kept in its entries; ENTRY_MOST for an entry of a higher level
        ("level", "i4"),
    ]
)


class Limits(NamedTuple):
    """Customers kept."""

    entry: int = ENTRY_MOST
    day: int = DAY_MOST


@inner
def _raise_day(book: Any, d: Any, limits: Any) -> None:
    """Raise the level of an entity's day until its entries keep no more than they may together."""
    day = book.days.rows[d]
    while day.total > limits.day:
        day.level += 1
        day.total = 0
        before, n = np.int64(-1), np.int64(day.entries)
        while n >= 0:
            entry = book.entries.rows[n]
            following = np.int64(entry.next)
            if entry.level < day.level:
                raise_level(book, entry, np.int64(day.level))
                book.entries.dirty[n >> PAGE_SHIFT] = 1
            if entry.count == 0 and entry.level == day.level:
                if before < 0:
                    day.entries = following
                else:
                    book.entries.rows[before].next = following
                    book.entries.dirty[before >> PAGE_SHIFT] = 1
                free_region(book, np.int64(entry.place), np.int64(entry.size))
                drop(book.entries, n)
            else:
                day.total += limits.entry if entry.level > day.level else entry.count
                before = n
            n = following


@inner
def _day_of(book: Any, entity: Any, kind: Any, day: Any) -> Any:
    """The row of an entity's day, new or known."""
    key = mixed(mixed(entity, np.uint64(kind + 1)), np.uint64(day + 1))
    d = find(book.days.keys, book.days.slots, key)
    if d >= 0:
        return d
    d = take(book.days, key)
    row = book.days.rows[d]
    row.entries, row.entity, row.day, row.kind, row.total, row.level = -1, entity, day, kind, 0, 0
    return d


@inner
def _entry_of(
    book: Any, entity: Any, kind: Any, day: Any, seller: Any, name: Any, classes: Any, value: Any
) -> Any:
    """The entry, new or known; -1 where there is none and its day does not keep `value`."""
    which = np.uint64((day << 8) | (kind << 7)) | classes
    key = mixed(mixed(mixed(entity, which), seller), name)
    n = np.int64(find(book.entries.keys, book.entries.slots, key))
    if n >= 0:
        return n
    d = np.int64(_day_of(book, entity, kind, day))
    row = book.days.rows[d]
    if value >> (32 - np.int64(row.level)):
        return np.int64(-1)
    n = np.int64(take(book.entries, key))
    entry = book.entries.rows[n]
    entry.day, entry.seller, entry.name, entry.classes = d, seller, name, classes
    entry.count, entry.level, entry.size = 0, row.level, 0
    entry.place = take_region(book, 0)
    entry.next = row.entries
    row.entries = n
    book.days.dirty[d >> PAGE_SHIFT] = 1
    return n


@inner
def _count(book: Any, n: Any, value: Any, limits: Any) -> bool:
    """Enter a customer that lies below the entry's level. True where the level of its day rose."""
    entry = book.entries.rows[n]
    if not put(book, entry, value):
        return False
    d = np.int64(entry.day)
    day = book.days.rows[d]
    book.entries.dirty[n >> PAGE_SHIFT] = 1
    entry.count += 1
    if entry.level == day.level:
        day.total += 1
        book.days.dirty[d >> PAGE_SHIFT] = 1
    if entry.count > limits.entry:
        day.total -= 1 if entry.level == day.level else 0
        while entry.count > limits.entry:
            raise_level(book, entry, np.int64(entry.level) + 1)
    elif np.int64(entry.count) * 4 > 3 << np.int64(entry.size) << UNIT_SHIFT:
        grow(book, entry)
    if day.total > limits.day:
        _raise_day(book, d, limits)
        return True
    return False


@inner
def _has_room(book: Any) -> bool:
    """Whether one customer more can be entered, whatever that asks for."""
    units = (len(book.words) >> UNIT_SHIFT) - book.meta[0]
    rows = min(len(book.days.rows) - book.days.meta[COUNT], len(book.entries.rows) - book.entries.meta[COUNT])
    return units >= LARGEST_UNITS and rows > 0


@leaf
def enter(
    book: Any, cells: Any, at: Any, longs: Any, places: Any, hashes: Any, found: Any, limits: Any, start: int
) -> int:
    """Enter customers from `start` on; where it stopped: at their end, or where there is no room.

    found   int32[>= n], -1 at first: the entry that a row was last counted in. The rest: `Ledger.add`
    """
    for k in range(start, len(places)):
        r, classes = places[k], hashes[k] >> np.uint64(CLASS_SHIFT)
        if classes == 0 or at[r] < 0:
            continue
        if not _has_room(book):
            return k
        value = np.int64((hashes[k] >> np.uint64(_VALUE_SHIFT)) & np.uint64(0xFFFFFFFF))
        value = max(value, 1)
        n = np.int64(found[r])
        if n < 0 or np.int64(book.entries.rows[n].classes) != np.int64(classes):
            day, kind = (
                np.int64(cells[at[r]].minute) // DAY_MINUTES,
                np.int64(longs[r, _KIND] >> np.uint64(32)),
            )
            n = _entry_of(book, longs[r, 0], kind, day, longs[r, 1], longs[r, 2], classes, value)
            if n < 0:
                continue
            found[r] = n
        if value >> (32 - np.int64(book.entries.rows[n].level)):
            continue
        if _count(book, n, value, limits):
            found[:] = -1  # entries may have gone
    return len(places)


@leaf
def forget(book: Any, until: int) -> None:
    """Drop the days up to `until`. Their regions are not given back: the words are laid anew after it."""
    for d in range(book.days.meta[0]):
        if book.days.rows[d].key == 0 or book.days.rows[d].day > until:
            continue
        n = np.int64(book.days.rows[d].entries)
        while n >= 0:
            following = np.int64(book.entries.rows[n].next)
            drop(book.entries, n)
            n = following
        drop(book.days, d)
