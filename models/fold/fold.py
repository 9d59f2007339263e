"""Usage events -> sightings. Pure: touches its own state only."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from models.batches import join, part
from models.dtypes import I64
from models.errors import PoolwatchError
from models.events import Events, Rejected
from models.fold.chunk import OpenChunk
from models.fold.layout import (
    C_AHEAD,
    C_CHUNK,
    C_DUPLICATES,
    C_EVENTS,
    C_HIGHEST,
    C_LATE,
    C_NEXT,
    C_ORDERS_FORGOTTEN,
    C_PENDING,
    C_SEEN_FORGOTTEN,
)
from models.fold.loop import AHEAD, DONE, ROOM, fold_events
from models.fold.pending import Pending
from models.fold.rows import ORDER_COUNTS, WHOLE, Columns
from models.fold.state import FoldLimits, FoldState
from models.memory.pages import Pages
from models.memory.tables import Rows
from models.operations import Operations
from models.wire.sightings import CHUNK_OFFSETS, Sightings

_COLUMNS = Columns._fields
_TALLIED = [C_EVENTS, C_DUPLICATES, C_LATE]


@dataclass(frozen=True, slots=True)
class Folded:
    """What one step gave. accepted (in time), duplicates and late count records, those that earlier steps
    left pending too."""

    sightings: Sightings
    accepted: int
    duplicates: int
    late: int
    ahead: list[Rejected]


def split_at_chunks(events: Events) -> list[Events]:
    """Cut where the source's chunks of CHUNK_OFFSETS end."""
    if not len(events):
        return []
    chunks = events.offset // CHUNK_OFFSETS
    cuts = [0, *(np.flatnonzero(np.diff(chunks)) + 1).tolist(), len(events)]
    if len(cuts) == 2:
        return [events]
    return [part(events, a, b) for a, b in pairwise(cuts)]


class Fold:
    """Folds one source partition.

    A record more than an hour ahead of all before it is pending: either its clock is wrong, or the partition
    was silent. Each later record that reaches its time (less an hour) speaks for it, each other one against
    it. 3 against: it is rejected (`Folded.ahead`). 16 for: it and those near it are folded, in their order,
    and the partition's time moves. The very first record needs 2. So silence of any length loses nothing
    and delays 16 records; one clock in ten being wrong moves nothing. `finish` decides at the end of history.
    """

    def __init__(self, partition: int, operations: Operations, limits: FoldLimits | None = None) -> None:
        self.partition = partition
        self.limits = limits or FoldLimits()
        self._operations = operations
        self._state = FoldState()
        self._pending = Pending(self._state, operations, self.limits)
        self._ahead: list[Rejected] = []
        self._chunk = OpenChunk()

    # -- facts about the state

    @property
    def watermark_ms(self) -> int:
        """No row with an earlier time comes any more; 0 before the first record is believed."""
        return max(0, int(self._state.clock[C_HIGHEST]) - self.limits.lateness_ms)

    @property
    def highest_ms(self) -> int:
        """Highest time of a record that was believed; -1 before the first."""
        return int(self._state.clock[C_HIGHEST])

    @property
    def next_offset(self) -> int:
        """Offset after the last record folded, pending or dropped as a duplicate; -1 at the start."""
        return int(self._state.clock[C_NEXT])

    @property
    def pending_ms(self) -> I64:
        """Times int64[n] of the records that are pending."""
        return self._pending.times_ms

    def counts(self) -> dict[str, int]:
        """Records by outcome since the start, rows of state, and bytes of memory."""
        clock = self._state.clock
        names = {
            "events": C_EVENTS,
            "duplicates": C_DUPLICATES,
            "late": C_LATE,
            "ahead": C_AHEAD,
            "held": C_PENDING,
            "orders_forgotten": C_ORDERS_FORGOTTEN,
            "duplicates_forgotten": C_SEEN_FORGOTTEN,
        }
        rows = {f"{t.name}_rows": len(t) for t in self._state.tables}
        size = sum(t.held_bytes for t in self._state.tables)
        return {name: int(clock[at]) for name, at in names.items()} | rows | {"bytes": size}

    def tables(self) -> tuple[Rows, ...]:
        """The tables of state: orders, pairs, sellers, keys, event ids seen."""
        return self._state.tables

    # -- the work

    def step(self, events: Events) -> Folded:
        """Fold records of one chunk. PoolwatchError where they span two: see `split_at_chunks`."""
        clock = self._state.clock
        before = clock[_TALLIED]
        if len(events):
            chunk = int(events.offset[0]) // CHUNK_OFFSETS
            if int(events.offset[-1]) // CHUNK_OFFSETS != chunk:
                raise PoolwatchError("fold: one step takes one chunk; cut the batch with split_at_chunks")
            if chunk > clock[C_CHUNK]:
                self._open(chunk)
        self._run(events)
        return self._folded(before)

    def finish(self) -> Folded:
        """The history ends here: decide every pending record. It is folded if most later records agree with
        its time, or if none contradicts it and it is at most a week ahead; else it is rejected."""
        before = self._state.clock[_TALLIED]
        while self._pending:
            self._settle(at_end=True)
        return self._folded(before)

    def mark(self, idle: bool = False) -> Sightings:
        """A message without rows: the watermark alone."""
        return Sightings(self.partition, int(self._state.clock[C_CHUNK]), self.watermark_ms, idle)

    # -- state

    def changed(self) -> Pages:
        """Pages that changed. Take them between chunks: the open chunk's totals are not in them."""
        return {**self._state.changed(), "fold/held": self._pending.page()}

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold. ConfigError where they are of another version."""
        self._state.restore(pages)
        self._pending.restore(pages.get("fold/held"))
        self._open(int(self._state.clock[C_CHUNK]))
        self._chunk.forget_named()

    def moved(self, next_offset: int) -> None:
        """The source goes on at `next_offset`, whatever came before: a replay hands over to a worker."""
        self._open(-1)
        self._state.clock[C_NEXT] = next_offset

    # -- inside

    def _open(self, chunk: int) -> None:
        self._state.clock[C_CHUNK] = chunk
        self._chunk.clear()

    def _run(self, events: Events, believed: bool = False) -> None:
        self._chunk.texts.append(events.names)
        columns = Columns(*(_fixed(getattr(events, name)) for name in _COLUMNS))
        self._state.reserve(len(events), len(events.orders), self.limits)
        kinds, deeds = self._operations.columns()
        self._chunk.reserve(len(events), len(events.customers))
        memory, counts, at = self._state.memory(), np.zeros((WHOLE + 1, ORDER_COUNTS), np.int64), 0
        while True:
            at, why = fold_events(
                memory, self._chunk.totals, columns, at, believed, counts, kinds, deeds, self.limits
            )
            if why == DONE:
                return
            if why == ROOM:
                self._chunk.double()
                continue
            if why == AHEAD:
                self._pending.add(events, at)
                at += 1
            else:
                self._settle()
            # What came to be believed used memory that this batch counts on.
            self._state.reserve(len(events) - at, len(events.orders), self.limits)
            self._chunk.reserve(len(events) - at, len(events.customers))
            memory = self._state.memory()

    def _settle(self, at_end: bool = False) -> None:
        """Fold what is believed by now, in its order; reject what is not."""
        believed, rejected = self._pending.settle(at_end)
        self._ahead += rejected
        if believed:
            self._run(join(believed), believed=True)

    def _folded(self, before: I64) -> Folded:
        clock = self._state.clock
        sightings = Sightings(self.partition, int(clock[C_CHUNK]), self.watermark_ms)
        sightings.rows, sightings.customers, sightings.names = self._chunk.drain()
        ahead, self._ahead = self._ahead, []
        folded, duplicates, late = (clock[_TALLIED] - before).tolist()
        return Folded(sightings, folded - late, duplicates, late, ahead)


def _fixed(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same memory, read-only: one type, and so one compiled loop, wherever the column came from."""
    view = column.view()
    view.setflags(write=False)
    return view
