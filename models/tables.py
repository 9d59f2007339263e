"""Hash tables uint64 -> int32; tables of rows that do not move. Touches its arguments only."""

from __future__ import annotations

import builtins
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.compiled import inner, leaf
from models.errors import ConfigError
from models.pages import Pages

#: A page is 64 rows: small enough that scattered changes stay cheap, large enough to be few.
PAGE_SHIFT = 6
PAGE_ROWS = 1 << PAGE_SHIFT
HIGH, FREE, COUNT = 0, 1, 2


def new_index(capacity: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    """Empty index (keys uint64[n], slots int32[n]) that holds `capacity` keys at a load of at most 2/3."""
    size = 16
    while size * 2 < capacity * 3:
        size *= 2
    return np.zeros(size, np.uint64), np.full(size, -1, np.int32)


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
    row = table.meta[FREE]
    if row >= 0:
        table.meta[FREE] = table.rows[row].next
    else:
        row = table.meta[HIGH]
        table.meta[HIGH] += 1
    table.meta[COUNT] += 1
    table.rows[row].key = key
    table.rows[row].next = -1
    table.dirty[row >> PAGE_SHIFT] = 1
    insert(table.keys, table.slots, key, row)
    return row


@inner
def drop(table: Any, row: Any) -> None:
    """Free `row`; it is the first to be used again."""
    remove(table.keys, table.slots, table.rows[row].key)
    table.rows[row].key = 0
    table.rows[row].next = table.meta[FREE]
    table.meta[FREE] = row
    table.meta[COUNT] -= 1
    table.dirty[row >> PAGE_SHIFT] = 1


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


class Rows:
    """A growing table of rows that keep their number, its index, and the pages that changed.

    name   its pages are called `name/0`, `name/1`, ... and `name/meta`
    dtype  structured, with `key` u8 and `next` i4
    """

    def __init__(self, name: str, dtype: np.dtype[np.void]) -> None:
        self.name = name
        self._dtype = dtype
        self.clear()

    def clear(self) -> None:
        """Forget all rows and which pages changed."""
        self._set(np.zeros(PAGE_ROWS * 4, self._dtype), np.array([0, -1, 0], np.int64))

    def _set(self, rows: npt.NDArray[np.void], meta: npt.NDArray[np.int64]) -> None:
        keys, slots = new_index(len(rows))
        _index_all(rows, meta[HIGH], keys, slots)
        self.table = Table(rows, np.zeros(len(rows) >> PAGE_SHIFT, np.uint8), meta, keys, slots)

    def __len__(self) -> int:
        return int(self.table.meta[COUNT])

    @property
    def bytes(self) -> int:
        """Memory held, index included."""
        return sum(int(array.nbytes) for array in self.table)

    def reserve(self, more: int, most: int | None = None) -> None:
        """Make room for `more` rows beyond those in use, but for no more than `most` in all."""
        need = len(self) + more
        if most is not None:
            need = min(need, most)
        old = self.table
        if need <= len(old.rows):
            return
        size = len(old.rows)
        while size < need:
            size *= 2
        rows = np.zeros(size, self._dtype)
        rows[: len(old.rows)] = old.rows
        self._set(rows, old.meta)
        self.table.dirty[: len(old.dirty)] = old.dirty

    def changed(self) -> Pages:
        """Pages that changed since the last call."""
        table = self.table
        pages: Pages = {}
        for page in np.flatnonzero(table.dirty).tolist():
            pages[f"{self.name}/{page}"] = table.rows[page * PAGE_ROWS : (page + 1) * PAGE_ROWS].tobytes()
        if pages:
            pages[f"{self.name}/meta"] = table.meta.tobytes()
        table.dirty[:] = 0
        return pages

    def restore(self, pages: dict[str, builtins.bytes]) -> None:
        """Become what `pages` hold; ConfigError where a page has another size."""
        self.clear()
        if f"{self.name}/meta" not in pages:
            return
        meta = np.frombuffer(pages[f"{self.name}/meta"], np.int64).copy()
        size = len(self.table.rows)
        while size < meta[HIGH]:
            size *= 2
        rows = np.zeros(size, self._dtype)
        for page in range((int(meta[HIGH]) + PAGE_ROWS - 1) >> PAGE_SHIFT):
            content = pages.get(f"{self.name}/{page}", b"")
            if len(content) != PAGE_ROWS * self._dtype.itemsize:
                raise ConfigError(
                    f"snapshot page {self.name}/{page}: {len(content)} bytes, expected "
                    f"{PAGE_ROWS * self._dtype.itemsize}; delete the snapshot and replay the history"
                )
            rows[page * PAGE_ROWS : (page + 1) * PAGE_ROWS] = np.frombuffer(content, self._dtype)
        self._set(rows, meta)
