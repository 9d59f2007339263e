"""The open chunk of a source partition: its totals so far, and what of them is still to go out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.dtypes import U64
from models.fold.rows import (
    NAMED_PLACES,
    T_CUSTOMERS,
    T_NAMED,
    T_ROWS,
    T_TOUCHED,
    T_UNNAMED,
    Totals,
)
from models.memory.tables import new_index, reindex
from models.wire.sightings import CHUNK_OFFSETS, CUSTOMER, ROW

_IDS = 4  # words of a row: entity, seller, key, other


class OpenChunk:
    """Totals of the open chunk.

    totals  memory that the compiled loop writes to; `reserve` and `double` put larger memory in its place
    texts   of ids that came since the last `drain`, by hash
    """

    def __init__(self) -> None:
        self.texts: list[dict[int, str]] = []
        self.totals = _empty(2 * CHUNK_OFFSETS + 8, 4 * CHUNK_OFFSETS)

    def clear(self) -> None:
        """Begin a chunk: all totals are zero."""
        totals = self.totals
        _words(totals.rows)[: totals.meta[T_ROWS]] = 0
        totals.keys[:] = 0
        totals.slots[:] = -1
        totals.meta[:T_NAMED] = 0
        totals.order[:] = 0

    def forget_named(self) -> None:
        """Nobody may have heard the texts so far: give them again as they come."""
        self.totals.named[:] = 0
        self.totals.meta[T_NAMED] = 0

    def reserve(self, events: int, customers: int) -> None:
        """Have space for so many more."""
        totals = self.totals
        rows, need = int(totals.meta[T_ROWS]) + 2 * events + 8, int(totals.meta[T_CUSTOMERS]) + 2 * customers
        if rows > len(totals.rows) or need > len(totals.customers):
            more = len(totals.rows) * (1 if rows <= len(totals.rows) else 2)
            self._grow(max(rows, more), max(need, len(totals.customers)))

    def double(self) -> None:
        """Have space for twice as many rows."""
        self._grow(2 * len(self.totals.rows), len(self.totals.customers))

    def drain(self) -> tuple[npt.NDArray[np.void], npt.NDArray[np.void], dict[int, str]]:
        """Rows ROW[n] that changed since the last call, as they are now, their new customers CUSTOMER[k], and
        texts of the ids that were not given within the hour."""
        totals = self.totals
        touched = totals.touched[: totals.meta[T_TOUCHED]]
        customers = totals.customers[: totals.meta[T_CUSTOMERS]].view(np.uint8).copy().view(CUSTOMER)
        rows = np.take(_words(totals.rows), touched, axis=0).view(ROW).reshape(-1)
        names = self._names()
        totals.order[touched] = 0
        totals.meta[T_TOUCHED : T_UNNAMED + 1] = 0
        return rows, customers, names

    def _names(self) -> dict[int, str]:
        texts, self.texts = self.texts, []
        unnamed = self.totals.unnamed[: self.totals.meta[T_UNNAMED]]
        ids = _words(self.totals.rows)[unnamed, :_IDS].ravel().tolist()
        return {h: text[h] for text in texts for h in ids if h in text}

    def _grow(self, rows: int, customers: int) -> None:
        old, new = self.totals, _empty(rows, customers)
        for name, was, larger in zip(Totals._fields, old, new, strict=True):
            if name not in ("keys", "slots"):
                larger[: len(was)] = was
        reindex(old.keys, old.slots, new.keys, new.slots)
        self.totals = new


def _empty(rows: int, customers: int) -> Totals:
    keys, slots = new_index(rows)
    return Totals(
        rows=np.zeros(rows, ROW),
        keys=keys,
        slots=slots,
        order=np.zeros(rows, np.int32),
        touched=np.zeros(rows, np.int32),
        customers=np.zeros(customers, CUSTOMER),
        unnamed=np.zeros(rows, np.int32),
        named=np.zeros(NAMED_PLACES, np.uint64),
        meta=np.zeros(T_NAMED + 1, np.int64),
    )


def _words(rows: Any) -> U64:
    """The same memory: uint64[rows, words]."""
    return np.asarray(rows).view(np.uint64).reshape(len(rows), -1)
