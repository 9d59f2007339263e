"""Hash tables uint64 -> int32; tables of rows that do not move. Touches its arguments only."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.compiled import inner, leaf
from models.dtypes import I32, I64, U64
from models.memory.arrays import zeros
from models.memory.pool import HIGH, Pool, claim, give_back

#: A page is 64 rows: small enough that scattered changes stay cheap, large enough to be few.
PAGE_SHIFT = 6


def index_size(capacity: int) -> int:
    """Places of an index, a power of two, that holds `capacity` keys at a load of at most 2/3."""
    size = 16
    while size * 2 < capacity * 3:
        size *= 2
    return size


def new_index(capacity: int) -> tuple[U64, I32]:
    """Empty index (keys uint64[n], slots int32[n]) for `capacity` keys."""
    size = index_size(capacity)
    slots = zeros(size, np.int32)
    slots[:] = -1
    return zeros(size, np.uint64), slots


@inner
def find(keys: Any, slots: Any, key: Any) -> Any:
    """Slot of `key`, -1 = absent. `key` is well mixed and not 0."""
    mask = len(keys) - 1
    at = np.int64(key & np.uint64(mask))
    while keys[at] != np.uint64(0):
        if keys[at] == key:
            return slots[at]
        at = (at + 1) & mask
    return np.int32(-1)


@inner
def insert(keys: Any, slots: Any, key: Any, slot: Any) -> None:
    """Enter `key`, which must be absent; at least one place must be free."""
    mask = len(keys) - 1
    at = np.int64(key & np.uint64(mask))
    while keys[at] != np.uint64(0):
        at = (at + 1) & mask
    keys[at] = key
    slots[at] = slot


@inner
def remove(keys: Any, slots: Any, key: Any) -> None:
    """Take `key` out, if present, and close the gap (Knuth, TAOCP 3, 6.4, algorithm R): no tombstones."""
    mask = len(keys) - 1
    at = np.int64(key & np.uint64(mask))
    while keys[at] != key:
        if keys[at] == np.uint64(0):
            return
        at = (at + 1) & mask
    gap = at
    while True:
        at = (at + 1) & mask
        if keys[at] == np.uint64(0):
            break
        home = np.int64(keys[at] & np.uint64(mask))
        if ((at - home) & mask) >= ((at - gap) & mask):  # its home is not after the gap: it may move there
            keys[gap] = keys[at]
            slots[gap] = slots[at]
            gap = at
    keys[gap] = np.uint64(0)
    slots[gap] = -1


class Table(NamedTuple):
    """What compiled code sees of `Rows`. A row has the fields `key` (uint64, 0 = free) and `next` (int32)."""

    rows: Any  # structured[capacity]
    dirty: Any  # uint8[pages]
    meta: Any  # int64[3]: rows ever used, first free row or -1, rows in use
    keys: Any  # uint64[], index
    slots: Any  # int32[], index


@inner
def take(table: Any, key: Any) -> Any:
    """A row for `key` (absent so far), its other fields as they were left: the caller sets each."""
    row = claim(table)
    table.rows[row].key = key
    table.dirty[row >> PAGE_SHIFT] = 1
    insert(table.keys, table.slots, key, row)
    return row


@inner
def drop(table: Any, row: Any) -> None:
    """Free `row`; it is the first to be used again."""
    remove(table.keys, table.slots, table.rows[row].key)
    table.rows[row].key = 0
    give_back(table, row)
    table.dirty[row >> PAGE_SHIFT] = 1


@inner
def append(table: Any, row: Any, ends: Any, head: int, tail: int) -> None:
    """Put `row` last in a list through `next`, whose first and last row `ends` tells, -1 = none."""
    last = ends[tail]
    if last >= 0:
        table.rows[last].next = row
        table.dirty[last >> PAGE_SHIFT] = 1
    else:
        ends[head] = row
    ends[tail] = row


@inner
def drop_first(table: Any, ends: Any, head: int, tail: int) -> None:
    """Free the first row of such a list."""
    row = ends[head]
    ends[head] = table.rows[row].next
    if ends[head] < 0:
        ends[tail] = -1
    drop(table, row)


@leaf
def _index_all(rows: Any, high: int, keys: Any, slots: Any) -> None:
    for row in range(high):
        if rows[row].key != 0:
            insert(keys, slots, rows[row].key, row)


@leaf
def reindex(old_keys: Any, old_slots: Any, keys: Any, slots: Any) -> None:
    """Enter all of an index into a larger, empty one."""
    for i in range(len(old_keys)):
        if old_keys[i] != 0:
            insert(keys, slots, old_keys[i], old_slots[i])


class Rows(Pool):
    """A pool of rows with a key, and its index. dtype: with `key` u8, too."""

    page_shift = PAGE_SHIFT

    def _set(self, rows: npt.NDArray[np.void], meta: I64) -> None:
        keys, slots = new_index(len(rows))
        _index_all(rows, meta[HIGH], keys, slots)
        self.table = Table(rows, self._clean(rows), meta, keys, slots)

    def _grow(self, rows: npt.NDArray[np.void]) -> None:
        old = self.table
        keys, slots = old.keys, old.slots
        if index_size(len(rows)) > len(keys):
            keys, slots = new_index(len(rows))
            reindex(old.keys, old.slots, keys, slots)
        self.table = Table(rows, self._clean(rows), old.meta, keys, slots)
