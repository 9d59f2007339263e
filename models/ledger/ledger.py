"""Who saw whose customers, through which key, on which day: samples of open days, and closed days as columns.

State of one sightings partition. Pure: touches its own state only. models.ledger.loop says what is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.dtypes import I64, U8, U32, U64
from models.ledger.loop import DAY_ROW, Limits, enter, forget
from models.ledger.sets import (
    ENTRY_ROW,
    LARGEST_UNITS,
    SIZES,
    UNIT_SHIFT,
    WORD_PAGE_SHIFT,
    LedgerTables,
    lay,
    samples,
)
from models.memory.arrays import zeros
from models.memory.names import Names
from models.memory.pages import Pages, page_of
from models.memory.pool import HIGH
from models.memory.tables import Rows
from models.minutes import DAY_MINUTES
from models.wire.sightings import ROW

_UNITS = 4 * LARGEST_UNITS
_WORD_PAGE = 1 << WORD_PAGE_SHIFT
_META, _WORDS = "ledger-words/meta", "ledger-words"


@dataclass(frozen=True, slots=True)
class LedgerDay:
    """What the ledger knows of one UTC day, n entries in order of their hashes.

    day      days since 1970
    kinds    uint8[n]    places in ENTITY_KINDS
    entities, sellers, keys  uint64[n]: hashes; `names` has their texts
    classes  uint8[n]    bits of PII_CLASSES
    levels   uint8[n]    one customer in 2^level is kept (models.ledger.samples)
    starts   int64[n + 1]: entry i has samples[starts[i]:starts[i + 1]], ascending
    samples  uint32[.]   hashes of customers, all below 2^(32 - level)
    """

    day: int
    kinds: U8
    entities: U64
    sellers: U64
    keys: U64
    classes: U8
    levels: U8
    starts: I64
    samples: U32
    names: dict[int, str]

    def __len__(self) -> int:
        return len(self.kinds)


class Ledger:
    """The open days of one sightings partition. `on` False: keeps nothing."""

    def __init__(self, on: bool = True, limits: Limits | None = None) -> None:
        self.on, self._limits = on, limits or Limits()
        self._days = Rows("ledger-days", DAY_ROW)
        self._entries = Rows("ledger-entries", ENTRY_ROW)
        self._scratch = np.zeros(LARGEST_UNITS << UNIT_SHIFT, np.uint32)
        self._found = np.empty(0, np.int32)
        self._made: LedgerTables | None = None
        self._set(np.zeros(_UNITS << UNIT_SHIFT, np.uint32), _no_regions())
        self._pages = 0  # of words, told
        self._gone: Pages = {}
        self._closed = -1

    def _set(self, words: Any, meta: Any) -> None:
        self._words, self._meta, self._made = words, meta, None
        self._dirty = np.zeros(len(words) >> WORD_PAGE_SHIFT, np.uint8)

    def __len__(self) -> int:
        return len(self._entries)

    def _tables(self) -> LedgerTables:
        """As compiled code takes them."""
        if self._made is None:
            days, entries = self._days.table, self._entries.table
            self._made = LedgerTables(
                days,
                entries,
                self._words,
                self._dirty,
                self._meta,
                self._scratch,
            )
        return self._made

    @property
    def held_bytes(self) -> int:
        """Memory held."""
        return self._days.held_bytes + self._entries.held_bytes + int(self._words.nbytes)

    def add(self, cells: Any, at: Any, rows: Any, places: Any, hashes: Any) -> None:
        """Count customers: their rows int32[k] and hashes uint64[k] (models.wire.sightings.CUSTOMER).

        cells  open cells (models.windows.layout.OPEN_CELL)
        at     int32[n]: the one of each row, -1 = nothing grew
        rows   uint64[n, .]: models.wire.sightings.ROW
        """
        if not self.on:
            return
        if len(self._found) < len(rows):
            self._found = np.empty(2 * len(rows), np.int32)
        self._found[: len(rows)] = -1
        done: Any = np.int64(0)
        while True:
            tables = self._tables()
            done = enter(tables, cells, at, rows, places, hashes, self._found, self._limits, done)
            if done == len(places):
                return
            done = np.int64(done)
            self._room()

    def _room(self) -> None:
        """Room for one customer more, and for many where it was short."""
        self._days.reserve(1)
        self._entries.reserve(1)
        self._made = None
        words, dirty = self._words, self._dirty
        if (len(words) >> UNIT_SHIFT) - int(self._meta[0]) >= LARGEST_UNITS:
            return
        more = zeros(_whole_pages(len(words) * 3 // 2), np.uint32)
        more[: len(words)] = words
        self._set(more, self._meta)
        self._dirty[: len(dirty)] = dirty

    def close(self, closed_to: int, names: Names) -> list[LedgerDay]:
        """The days that end with minute `closed_to` or before, oldest first; they are forgotten."""
        until = (closed_to + 1) // DAY_MINUTES - 1
        if not self.on or until <= self._closed:
            return []
        self._closed = until
        days = [day for day in self._open() if day <= until]
        over = [self._day(day, names) for day in days]  # before they are forgotten
        if days:
            forget(self._tables(), until)
            self._lay()
        return over

    def _lay(self) -> None:
        """Lay the words anew: what is left of a day is little."""
        words, meta = np.zeros_like(self._words), _no_regions()
        meta[0] = lay(self._tables(), words)
        size = _whole_pages(int(meta[0]) + _UNITS << UNIT_SHIFT)
        self._set(words[:size].copy(), meta)
        self._dirty[: self._used_pages()] = 1

    def peek(self, names: Names) -> list[LedgerDay]:
        """The open days as they are, oldest first; they stay open."""
        return [self._day(day, names) for day in self._open()]

    def _open(self) -> list[int]:
        rows = self._days.table.rows[: self._days.table.meta[HIGH]]
        return [int(day) for day in np.unique(rows["day"][rows["key"] != 0])]

    def _day(self, day: int, names: Names) -> LedgerDay:
        rows = self._entries.table.rows[: self._entries.table.meta[HIGH]]
        days = self._days.table.rows[rows["day"]]
        mine = np.flatnonzero((rows["key"] != 0) & (days["day"] == day)).astype(np.int32)
        rows, days = rows[mine], days[mine]
        order = np.lexsort((rows["classes"], rows["name"], rows["seller"], days["entity"], days["kind"]))
        mine, rows, days = mine[order], rows[order], days[order]
        starts = np.concatenate(([0], np.cumsum(rows["count"], dtype=np.int64)))
        found = np.empty(starts[-1], np.uint32)
        samples(self._tables(), mine, starts, found)
        keyed = np.repeat(np.arange(len(mine), dtype=np.uint64) << np.uint64(32), rows["count"]) | found
        keyed.sort()
        ids = [np.ascontiguousarray(column) for column in (days["entity"], rows["seller"], rows["name"])]
        hashes = np.unique(np.concatenate(ids))
        return LedgerDay(
            day=day,
            kinds=days["kind"].astype(np.uint8),
            entities=ids[0],
            sellers=ids[1],
            keys=ids[2],
            classes=np.ascontiguousarray(rows["classes"]),
            levels=rows["level"].astype(np.uint8),
            starts=starts,
            samples=keyed.astype(np.uint32),
            names=dict(zip(hashes.tolist(), names.texts(hashes.tolist()), strict=True)),
        )

    def _used_pages(self) -> int:
        return _whole_pages(int(self._meta[0]) << UNIT_SHIFT) >> WORD_PAGE_SHIFT

    def changed(self) -> Pages:
        """Pages that changed since the last call."""
        pages, self._gone = self._gone, {}
        if not self.on:
            return pages
        pages |= self._days.changed() | self._entries.changed()
        for page in np.flatnonzero(self._dirty).tolist():
            pages[f"{_WORDS}/{page}"] = self._words[page * _WORD_PAGE : (page + 1) * _WORD_PAGE].tobytes()
        used = self._used_pages()
        pages |= {f"{_WORDS}/{page}": None for page in range(used, self._pages)}
        if self._dirty.any() or used != self._pages:
            pages[_META] = self._meta.tobytes()
        self._dirty[:] = 0
        self._pages = used
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold; where the ledger is off, they are told as gone. ConfigError: size."""
        self.__init__(self.on, self._limits)  # type: ignore[misc]
        if not self.on:
            self._gone = {name: None for name in pages if name.startswith("ledger-")}
            return
        self._days.restore(pages)
        self._entries.restore(pages)
        self._made = None
        if _META not in pages:
            return
        meta = np.frombuffer(pages[_META], np.int64).copy()
        self._set(np.zeros(_whole_pages(int(meta[0]) + _UNITS << UNIT_SHIFT), np.uint32), meta)
        self._pages = self._used_pages()
        for page in range(self._pages):
            content = page_of(pages, f"{_WORDS}/{page}", 4 * _WORD_PAGE)
            self._words[page * _WORD_PAGE : (page + 1) * _WORD_PAGE] = np.frombuffer(content, np.uint32)


def _whole_pages(words: int) -> int:
    """So many words or more, in whole pages."""
    return -(-words // _WORD_PAGE) * _WORD_PAGE


def _no_regions() -> Any:
    meta = np.full(1 + SIZES, -1, np.int64)
    meta[0] = 0
    return meta


assert ROW.names is not None
assert ROW.names[:3] == ("entity", "seller", "key"), "the loop takes them by place"
