"""Tables of one sightings partition, and their pages. Pure data; enter and windows fill them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from models.dtypes import I64
from models.memory.arrays import zeros
from models.memory.pages import Pages
from models.memory.pool import HIGH, Pool
from models.memory.tables import Rows
from models.windows.arena import Arena
from models.windows.columns import COLUMNS, DISTINCT_NAMES
from models.windows.layout import (
    ENTITY_ROW,
    EVIDENCE_ROW,
    OPEN_CELL,
    OPEN_CUSTOMERS,
    OPEN_ROW,
    PAIR_ROW,
    REGISTERS_ROW,
    SKETCH_ROW,
    WINDOWS,
    Tables,
)
from models.windows.rebuild import rebuild

#: Arrays of as many rows.
Arrays = tuple[npt.NDArray[Any], ...]


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
    def open_cells(self) -> I64:
        """Places of the open cells, int64[n], ascending."""
        rows = self.cells.table.rows[: self.cells.table.meta[HIGH]]
        return np.flatnonzero(rows["entity"] >= 0)

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
        sizes = {part.name: part.held_bytes for part in self._parts()}
        sizes["cells"] = self.arena.held_bytes
        for name, beside in (
            ("entities", self._of_entities),
            ("pairs", self._of_pairs),
            ("open-cells", self._of_cells),
        ):
            sizes[name] += sum(array.nbytes for array in beside)
        return sizes

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
        rebuild(self.tables)
