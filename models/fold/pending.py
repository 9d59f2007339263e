"""Records far ahead of their partition -> believed or rejected, once later ones tell whose clock is right.
Touches the state given to it only.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from models.batches import no_events, take
from models.dtypes import I64, Bools
from models.events import Events, Rejected
from models.fold.layout import C_AHEAD, C_HIGHEST, C_NEXT, C_PENDING
from models.fold.rows import Columns
from models.fold.state import FoldLimits, FoldState
from models.minutes import DAY_MINUTES, MINUTE_MS
from models.operations import Operations

_COLUMNS = Columns._fields
_REASON = "time is more than an hour ahead of the partition, and the records after it do not follow"
_WEEK_MS = 7 * DAY_MINUTES * MINUTE_MS

Mask = Bools


class Pending:
    """Records that wait to be believed, in order of coming; how later ones vote is in `state.votes`."""

    def __init__(self, state: FoldState, operations: Operations, limits: FoldLimits) -> None:
        self._state, self._operations, self._limits = state, operations, limits
        self._records: list[Events] = []

    def __len__(self) -> int:
        return len(self._records)

    @property
    def times_ms(self) -> I64:
        """int64[n]."""
        return self._state.votes[0, : len(self)]

    def add(self, events: Events, i: int) -> None:
        """Event i waits from now on."""
        time, event = int(events.time_ms[i]), events.event[i : i + 1].view(np.int64)[0]
        self._state.votes[:, len(self)] = (time, event, 0, 0)
        self._records.append(_alone(events, i, self._operations))
        self._state.clock[C_PENDING] = len(self)
        self._state.clock[C_NEXT] = int(events.offset[i]) + 1

    def settle(self, at_end: bool = False) -> tuple[list[Events], list[Rejected]]:
        """Those that are believed, in their order; those that are not. The rest goes on waiting."""
        believed, wrong = self._verdicts(at_end)
        out = [e for e, yes in zip(self._records, believed, strict=True) if yes]
        rejected = [
            Rejected(int(e.offset[0]), _REASON) for e, no in zip(self._records, wrong, strict=True) if no
        ]
        left = np.flatnonzero(~(believed | wrong))
        votes = self._state.votes
        votes[:, : len(left)] = votes[:, left]
        self._records = [self._records[place] for place in left.tolist()]
        self._state.clock[C_PENDING] = len(self)
        self._state.clock[C_AHEAD] += len(rejected)
        return out, rejected

    def _verdicts(self, at_end: bool) -> tuple[Mask, Mask]:
        """Which are believed, and which are wrong, by the votes so far; at the end there are no others."""
        time, _, support, against = self._state.votes[:, : len(self)]
        highest = int(self._state.clock[C_HIGHEST])
        wrong = against >= self._limits.against_records
        if at_end:
            near = highest < 0 or time <= highest + _WEEK_MS
            agreed = ~wrong & ((support > against) | ((against == 0) & near))
        else:
            need = self._limits.jump_records if highest >= 0 else self._limits.start_records
            agreed = ~wrong & (support >= need)
        # The partition's time moves to the last that is agreed on: what is near to it is believed too.
        reach = max(int(time[agreed].max()) if agreed.any() else -1, highest) + self._limits.ahead_ms
        believed = ~wrong & (time <= reach)
        if highest < 0 and not agreed.any():
            believed[:] = False
        if at_end and not believed.any():
            wrong[:] = True
        return believed, wrong

    def page(self) -> bytes:
        """The records; the votes on them are in the state's own pages."""
        return msgspec.msgpack.encode(
            [
                ([getattr(e, name).tobytes() for name in _COLUMNS], list(e.names), list(e.names.values()))
                for e in self._records
            ]
        )

    def restore(self, page: bytes | None) -> None:
        """Become what `page` holds; None = no record."""
        self._records = []
        empty = no_events()
        dtypes = [getattr(empty, name).dtype for name in _COLUMNS]
        for columns, hashes, texts in msgspec.msgpack.decode(page) if page else ():
            arrays = {n: np.frombuffer(c, t) for n, c, t in zip(_COLUMNS, columns, dtypes, strict=True)}
            self._records.append(Events(**arrays, names=dict(zip(hashes, texts, strict=True))))


def _alone(events: Events, i: int, operations: Operations) -> Events:
    """Event i by itself, on memory of its own, as another process may meet it."""
    one = take(events, np.array([i]))
    operation = np.array([operations.lasting(int(one.operation[0]))], one.operation.dtype)
    ids = (int(column[0]) for column in (one.developer, one.seller, one.key, one.origin))
    return replace(one, operation=operation, names={h: events.names[h] for h in ids if h in events.names})
