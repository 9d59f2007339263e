"""Rows without a key that keep their number, with the pages that changed. Touches its own rows only."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.compiled import inner
from models.errors import ConfigError
from models.pages import Pages
from models.tables import COUNT, FREE, HIGH

#: A page is 256 rows: they are written in runs and read in runs.
PAGE_SHIFT = 8
PAGE_ROWS = 1 << PAGE_SHIFT


class PoolTable(NamedTuple):
    """What compiled code sees of `Pool`. A row has the field `next` (int32)."""

    rows: Any  # structured[capacity]
    dirty: Any  # uint8[pages]
    meta: Any  # int64[3]: rows ever used, first free row or -1, rows in use


@inner
def take_row(table: Any) -> Any:
    """A row, its fields as they were left: the caller sets each. Room must have been reserved."""
    row = table.meta[FREE]
    if row >= 0:
        table.meta[FREE] = table.rows[row].next
    else:
        row = table.meta[HIGH]
        table.meta[HIGH] += 1
    table.meta[COUNT] += 1
    table.rows[row].next = -1
    table.dirty[row >> PAGE_SHIFT] = 1
    return row


@inner
def free_row(table: Any, row: Any) -> None:
    """Give `row` back; it is the first to be used again."""
    table.rows[row].next = table.meta[FREE]
    table.meta[FREE] = row
    table.meta[COUNT] -= 1
    table.dirty[row >> PAGE_SHIFT] = 1


class Pool:
    """A growing pool of rows. `name`: its pages are `name/0`, `name/1`, ... and `name/meta`."""

    def __init__(self, name: str, dtype: np.dtype[np.void]) -> None:
        self.name = name
        self._dtype = dtype
        self._set(np.zeros(PAGE_ROWS, dtype), np.array([0, -1, 0], np.int64))

    def _set(self, rows: npt.NDArray[np.void], meta: npt.NDArray[np.int64]) -> None:
        self.table = PoolTable(rows, np.zeros(len(rows) >> PAGE_SHIFT, np.uint8), meta)

    def __len__(self) -> int:
        return int(self.table.meta[COUNT])

    @property
    def held_bytes(self) -> int:
        """Memory held."""
        return sum(int(array.nbytes) for array in self.table)

    def reserve(self, more: int) -> None:
        """Make room for `more` rows beyond those in use."""
        old = self.table
        if len(self) + more <= len(old.rows):
            return
        size = len(old.rows)
        while size < len(self) + more:
            size += max(PAGE_ROWS, (size // 2) & ~(PAGE_ROWS - 1))
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

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold; ConfigError where a page has another size."""
        meta = np.array([0, -1, 0], np.int64)
        if f"{self.name}/meta" in pages:
            meta = np.frombuffer(pages[f"{self.name}/meta"], np.int64).copy()
        count = max(1, (int(meta[HIGH]) + PAGE_ROWS - 1) >> PAGE_SHIFT)
        rows = np.zeros(count * PAGE_ROWS, self._dtype)
        for page in range((int(meta[HIGH]) + PAGE_ROWS - 1) >> PAGE_SHIFT):
            content = pages.get(f"{self.name}/{page}", b"")
            if len(content) != PAGE_ROWS * self._dtype.itemsize:
                raise ConfigError(
                    f"snapshot page {self.name}/{page}: {len(content)} bytes, expected "
                    f"{PAGE_ROWS * self._dtype.itemsize}; delete the snapshot and replay the history"
                )
            rows[page * PAGE_ROWS : (page + 1) * PAGE_ROWS] = np.frombuffer(content, self._dtype)
        self._set(rows, meta)
