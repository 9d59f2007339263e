"""Batches of events in; chosen rows, joined batches, ranges out. Pure: moves columns, reads none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from models.dtypes import I32, U64
from models.events import Events

_RAGGED = {"orders": "order_start", "customers": "customer_start"}
_PLAIN = tuple(f.name for f in fields(Events) if f.name not in {*_RAGGED, *_RAGGED.values(), "names"})
_TYPES = {
    "offset": "i8",
    "time_ms": "i8",
    "records": "i8",
    "bytes": "i8",
    "operation": "i2",
    "status": "i2",
    "pii": "u1",
}
Index = npt.NDArray[np.intp]


def no_events() -> Events:
    """A batch without rows."""
    columns: dict[str, Any] = {name: np.empty(0, _TYPES.get(name, "u8")) for name in (*_PLAIN, *_RAGGED)}
    columns |= {start: np.zeros(1, np.int32) for start in _RAGGED.values()}
    return Events(**columns, names={})


def take(events: Events, index: Index) -> Events:
    """The rows at `index`, in that order; `names` is shared and may name more than is left."""
    columns = {name: getattr(events, name)[index] for name in _PLAIN}
    for values, start in _RAGGED.items():
        columns[values], columns[start] = _take_lists(getattr(events, values), getattr(events, start), index)
    return Events(**columns, names=events.names)


def part(events: Events, first: int, last: int) -> Events:
    """Rows first..last-1 without copying."""
    columns = {name: getattr(events, name)[first:last] for name in _PLAIN}
    for values, start in _RAGGED.items():
        bounds = getattr(events, start)[first : last + 1]
        columns[values] = getattr(events, values)[bounds[0] : bounds[-1]]
        columns[start] = bounds - bounds[0]
    return Events(**columns, names=events.names)


def join(batches: Sequence[Events]) -> Events:
    """One batch of all rows, batch after batch; at least one batch."""
    if len(batches) == 1:
        return batches[0]
    columns = {name: np.concatenate([getattr(b, name) for b in batches]) for name in _PLAIN}
    for values, start in _RAGGED.items():
        columns[values] = np.concatenate([getattr(b, values) for b in batches])
        lengths = np.concatenate([np.diff(getattr(b, start)) for b in batches])
        columns[start] = _starts(lengths)
    names: dict[int, str] = {}
    for batch in batches:
        names.update(batch.names)
    return Events(**columns, names=names)


def within(events: Events, from_ms: int | None, until_ms: int | None) -> Events:
    """The rows with from_ms <= time < until_ms; None = no bound."""
    inside = np.ones(len(events), bool)
    if from_ms is not None:
        inside &= events.time_ms >= from_ms
    if until_ms is not None:
        inside &= events.time_ms < until_ms
    return events if inside.all() else take(events, np.flatnonzero(inside))


def placed(events: Events, first_offset: int) -> Events:
    """The same rows at offsets first_offset, first_offset + 1, ..."""
    return replace(events, offset=np.arange(first_offset, first_offset + len(events), dtype=np.int64))


def _take_lists(values: U64, start: I32, index: Index) -> tuple[U64, I32]:
    first = start[index]
    lengths = start[index + 1] - first
    starts = _starts(lengths)
    positions = np.repeat(first - starts[:-1], lengths) + np.arange(starts[-1])
    return values[positions], starts


def _starts(lengths: I32) -> I32:
    starts = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=starts[1:])
    return starts
