"""Rows without a key that keep their number, with the pages that changed. Touches its own rows only."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.compiled import inner
from models.dtypes import I64, U8
from models.errors import ConfigError
from models.memory.arrays import zeros
from models.memory.pages import Pages

#: A page is 256 rows: they are written in runs and read in runs.
PAGE_SHIFT = 8
FIRST_ROWS = 256
#: Places in `meta`: rows ever used, first free row or -1, rows in use.
HIGH, FREE, COUNT = 0, 1, 2


class PoolTable(NamedTuple):
    """What compiled code sees of `Pool`. A row has the field `next` (int32)."""

    rows: Any  # structured[capacity]
    dirty: Any  # uint8[pages]
    meta: Any  # int64[3]: rows ever used, first free row or -1, rows in use


@inner
def claim(table: Any) -> Any:
    """A row that is free, its fields but `next` as they were left. Room must have been reserved."""
    row = table.meta[FREE]
    if row >= 0:
        table.meta[FREE] = table.rows[row].next
    else:
        row = table.meta[HIGH]
        table.meta[HIGH] += 1
    table.meta[COUNT] += 1
    table.rows[row].next = -1
    return row


@inner
def give_back(table: Any, row: Any) -> None:
    """`row` is free, and the first to be used again."""
    table.rows[row].next = table.meta[FREE]
    table.meta[FREE] = row
    table.meta[COUNT] -= 1


@inner
def take_row(table: Any) -> Any:
    """A row, its fields as they were left: the caller sets each. Room must have been reserved."""
    row = claim(table)
    table.dirty[row >> PAGE_SHIFT] = 1
    return row


@inner
def free_row(table: Any, row: Any) -> None:
    """Give `row` back; it is the first to be used again."""
    give_back(table, row)
    table.dirty[row >> PAGE_SHIFT] = 1


class Pool:
    """A growing pool of rows that keep their number, and the pages that changed.

    name   its pages are called `name/0`, `name/1`, ... and `name/meta`
    dtype  structured, with `next` i4
    """

    page_shift = PAGE_SHIFT
    table: Any

    def __init__(self, name: str, dtype: np.dtype[np.void]) -> None:
        self.name = name
        self._dtype = dtype
        self.clear()

    def clear(self) -> None:
        """Forget all rows and which pages changed."""
        self._set(zeros(FIRST_ROWS, self._dtype), np.array([0, -1, 0], np.int64))

    def _set(self, rows: npt.NDArray[np.void], meta: I64) -> None:
        self.table = PoolTable(rows, self._clean(rows), meta)

    def _grow(self, rows: npt.NDArray[np.void]) -> None:
        self._set(rows, self.table.meta)

    def _clean(self, rows: npt.NDArray[np.void]) -> U8:
        return np.zeros(len(rows) >> self.page_shift, np.uint8)

    def _larger(self, size: int) -> int:
        """Rows after growing once: by a quarter. By half would save .15 us an order id while tables fill
        (benchmarks.fold_cost), and hold 100 MB more in vain in a live worker."""
        return size + max(FIRST_ROWS, (size // 4) & ~(FIRST_ROWS - 1))

    def __len__(self) -> int:
        return int(self.table.meta[COUNT])

    @property
    def held_bytes(self) -> int:
        """Memory held."""
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
            size = self._larger(size)
        rows = zeros(size, self._dtype)
        rows[: len(old.rows)] = old.rows
        self._grow(rows)
        self.table.dirty[: len(old.dirty)] = old.dirty

    def changed(self) -> Pages:
        """Pages that changed since the last call."""
        table, page_rows = self.table, 1 << self.page_shift
        pages: Pages = {}
        for page in np.flatnonzero(table.dirty).tolist():
            pages[f"{self.name}/{page}"] = table.rows[page * page_rows : (page + 1) * page_rows].tobytes()
        if pages:
            pages[f"{self.name}/meta"] = table.meta.tobytes()
        table.dirty[:] = 0
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold; ConfigError where a page has another size."""
        self.clear()
        if f"{self.name}/meta" not in pages:
            return
        meta = np.frombuffer(pages[f"{self.name}/meta"], np.int64).copy()
        size, page_rows = len(self.table.rows), 1 << self.page_shift
        while size < meta[HIGH]:
            size = self._larger(size)
        rows = zeros(size, self._dtype)
        for page in range((int(meta[HIGH]) + page_rows - 1) >> self.page_shift):
            content = pages.get(f"{self.name}/{page}", b"")
            if len(content) != page_rows * self._dtype.itemsize:
                raise ConfigError(
                    f"snapshot page {self.name}/{page}: {len(content)} bytes, expected "
                    f"{page_rows * self._dtype.itemsize}; delete the snapshot and replay the history"
                )
            rows[page * page_rows : (page + 1) * page_rows] = np.frombuffer(content, self._dtype)
        self._set(rows, meta)
