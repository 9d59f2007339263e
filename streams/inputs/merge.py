"""Blocks of several inputs in; one stream of events by time out. Holds one block for each that overlaps.

Each input keeps its own order (what came late there comes late here); between inputs time decides. A broken
clock in one input holds no other back: times far outside its block are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.batches import Index, join, no_events, part, take
from models.dtypes import I32, I64
from models.errors import PoolwatchError
from models.events import Events, Rejected
from models.minutes import HOUR_MS
from streams.inputs.readers import Block

MOST_OPEN = 500  # file descriptors, and memory


@dataclass(slots=True)
class Merged:
    """Events by time, the input of each, and what was rejected by the way, by input."""

    events: Events
    source: I32
    rejected: list[tuple[int, Rejected]]
    position: dict[int, int]  # bytes read of each input that is open or was just ended


@dataclass(slots=True)
class _Open:
    """One input that is being read: the rest of its block and when that comes."""

    source: int
    blocks: Iterator[Block]
    events: Events
    when: I64
    at: int = 0

    def advance(self, rejected: list[tuple[int, Rejected]], position: dict[int, int]) -> bool:
        """Take the next block that has events; False at the end."""
        for block in self.blocks:
            rejected.extend((self.source, r) for r in block.rejected)
            position[self.source] = block.position
            if len(block.events):
                previous = int(self.when[-1]) if len(self.when) else None
                self.when = arrival_ms(block.events.time_ms, previous)
                self.events, self.at = block.events, 0
                return True
        return False


def merge(first_ms: Sequence[int], read: Callable[[int, int], Iterator[Block]]) -> Iterator[Merged]:
    """All events of inputs 0..n-1, where input i begins at first_ms[i].

    read(i, n)  gives the blocks of input i, which overlaps with n others as far as is known
    """
    waiting = sorted(range(len(first_ms)), key=lambda i: (first_ms[i], i))[::-1]
    active: list[_Open] = []
    while waiting or active:
        rejected: list[tuple[int, Rejected]] = []
        position: dict[int, int] = {}
        while waiting and (not active or first_ms[waiting[-1]] <= min(int(o.when[-1]) for o in active)):
            source = waiting.pop()
            if len(active) == MOST_OPEN:
                raise PoolwatchError(
                    f"more than {MOST_OPEN} inputs overlap in time; give fewer at once, or join them"
                )
            opened = _Open(source, read(source, len(active)), no_events(), np.empty(0, np.int64))
            if opened.advance(rejected, position):
                active.append(opened)
        active.sort(key=lambda o: o.source)
        events, sources = _step(active)
        active = [o for o in active if o.at < len(o.when) or o.advance(rejected, position)]
        yield Merged(events, sources, rejected, position)


def gathered(stream: Iterable[Merged], rows: int) -> Iterator[Merged]:
    """The same, small parts joined until they have `rows` events."""
    waiting: list[Merged] = []
    for merged in stream:
        waiting.append(merged)
        if sum(len(m.events) for m in waiting) >= rows:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[Merged]) -> Merged:
    if len(parts) == 1:
        return parts[0]
    position: dict[int, int] = {}
    for merged in parts:
        position |= merged.position
    return Merged(
        join([m.events for m in parts]),
        np.concatenate([m.source for m in parts]),
        [r for m in parts for r in m.rejected],
        position,
    )


def _step(active: list[_Open]) -> tuple[Events, I32]:
    """What may go out now: up to the time at which the first of the open blocks ends."""
    if not active:
        return no_events(), np.empty(0, np.int32)
    if len(active) == 1 and active[0].at == 0:
        only = active[0]
        only.at = len(only.when)
        return only.events, np.full(only.at, only.source, np.int32)
    cut = min(int(o.when[-1]) for o in active)
    parts, whens, sources = [], [], []
    for o in active:
        end = o.at + int(np.searchsorted(o.when[o.at :], cut, "right"))
        parts.append(part(o.events, o.at, end))
        whens.append(o.when[o.at : end])
        sources.append(np.full(end - o.at, o.source, np.int32))
        o.at = end
    order: Index = np.argsort(np.concatenate(whens), kind="stable")
    return take(join(parts), order), np.concatenate(sources)[order]


def arrival_ms(time_ms: I64, previous: int | None = None) -> I64:
    """int64[n], never falling: when each event of a block arrived, as far as its neighbours tell.

    The highest time so far; times beyond all neighbours (10 interquartile ranges and an hour) do not count.
    """
    low, high = np.quantile(time_ms, (0.25, 0.75))
    counted = np.where(time_ms > high + 10 * (high - low) + HOUR_MS, np.iinfo(np.int64).min, time_ms)
    start = int(counted[counted > np.iinfo(np.int64).min].min()) if previous is None else previous
    return np.maximum(np.maximum.accumulate(counted), start)
