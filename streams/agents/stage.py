"""What the stages share: partitions owned, what of a batch is applied, snapshots, acknowledgement.

A stage's output depends on its partition's records alone, so that a crash needs an old snapshot and the
records since. What must hold for that:

- a batch read before a seek is dropped, one that leaves a hole is never applied;
- a snapshot is written only after the broker has acknowledged all that was sent before it;
- a stage whose epoch was taken over writes nothing and drops what it has queued.
"""

from __future__ import annotations

import asyncio
import logging
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from models.errors import Fenced, PoolwatchError
from models.memory.pages import Pages, Stateful
from streams.kafka.transport import Batch
from streams.redis.connect import StoreAwayError
from streams.redis.snapshots import RedisSnapshots
from streams.settings import Settings
from streams.telemetry import metrics
from streams.telemetry.logbook import Logbook
from streams.telemetry.patience import Patience

log = logging.getLogger("poolwatch.worker")

State = TypeVar("State", bound=Stateful)


class Event(Protocol):
    """A Faust event: `ack` moves the committed offset, which is for lag monitoring only."""

    def ack(self) -> bool: ...


@dataclass(slots=True)
class Slot(Generic[State]):
    """One partition, owned until it is dropped. position: the next offset to apply; seek: the stamp that its
    batches must carry; blocked: something is not kept yet that a snapshot would forget, so none is taken."""

    partition: int
    state: State
    epoch: int
    position: int
    seek: int = 0
    fresh: bool = False  # there was no snapshot
    owned: bool = True
    blocked: bool = False
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    sent: set[asyncio.Future[Any]] = field(default_factory=set)
    unacked: deque[tuple[Event, set[asyncio.Future[Any]]]] = field(default_factory=deque)
    saving: asyncio.Task[None] | None = None
    saved_at: float = field(default_factory=time.monotonic)
    read_at: float = field(default_factory=time.monotonic)
    marked: dict[int, tuple[int, bool]] = field(default_factory=dict)


#: What an agent does with what is new in a batch: the values and their offsets.
Apply = Callable[[Slot[State], list[bytes], list[int], Batch], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Shared:
    """What all stages of a session use.

    reread  moves the consumer of (topic, partition) to an offset
    fail    told of an error that only a fresh start heals; called once an error, from any task
    """

    store: RedisSnapshots
    settings: Settings
    patience: Patience
    logbook: Logbook
    reread: Callable[[str, int, int], Awaitable[None]]
    fail: Callable[[BaseException], None]


class Stage(Generic[State]):
    """Partitions of one topic that this worker owns now. new: makes the empty state of a partition."""

    def __init__(self, name: str, topic: str, new: Callable[[int], State], shared: Shared) -> None:
        self.name, self.topic, self._new = name, topic, new
        self.store, self.settings, self.logbook = shared.store, shared.settings, shared.logbook
        self._patience, self._reread, self.fail = shared.patience, shared.reread, shared.fail
        self.slots: dict[int, Slot[State]] = {}

    async def locate(self, partitions: set[int]) -> dict[int, int | None]:
        """Take exactly these partitions: drop all others, take the epochs, load. Returns where to start."""
        self.drop()
        start: dict[int, int | None] = {}
        for partition in sorted(partitions):
            loaded = await self.store.load(self.name, partition)
            state = self._new(partition)
            if loaded.pages:
                state.restore(loaded.pages)
            fresh = loaded.position is None
            self.slots[partition] = Slot(partition, state, loaded.epoch, loaded.position or 0, fresh=fresh)
            start[partition] = loaded.position
        return start

    def moved(self, partition: int, position: int, seek: int) -> None:
        """A seek was made: from here on only batches of its stamp count."""
        slot = self.slots.get(partition)
        if slot is None:
            return
        slot.position, slot.seek = position, seek
        if slot.fresh:
            # Should the topic's start be deleted by retention before the first regular snapshot,
            # a second start must still begin at the same offset.
            slot.fresh = False
            self.capture(slot)

    def drop(self) -> None:
        """Let go of every partition: nothing queued for it is applied or written any more."""
        for slot in self.slots.values():
            slot.owned = False
            if slot.saving:
                slot.saving.cancel()
            metrics.forget(self.name, slot.partition)
        self.slots = {}

    async def handle(self, event: Event, batch: Batch, apply: Apply[State]) -> None:
        """Apply what is new of a batch and acknowledge it; read again where records are missing before it."""
        slot = self._slot_of(batch)
        if slot is not None and batch.begin > slot.position:
            await self._reread(self.topic, batch.partition, slot.position)
            slot = None
        if slot is None:
            event.ack()
            return
        slot.read_at = time.monotonic()
        first = bisect_left(batch.offsets, slot.position)
        values = [value or b"" for value in batch.values[first:]]
        async with slot.busy:
            await apply(slot, values, batch.offsets[first:], batch)
        self._acknowledge(slot, event)

    def _slot_of(self, batch: Batch) -> Slot[State] | None:
        """The slot that a batch goes on with; None = it has nothing new."""
        slot = self.slots.get(batch.partition)
        if slot is None or batch.seek != slot.seek or batch.next <= slot.position:
            return None
        if batch.offsets and batch.offsets[0] < batch.begin:
            raise PoolwatchError(
                f"{self.topic}[{batch.partition}]: it goes on at {batch.offsets[0]}, the snapshot was at "
                f"{batch.begin}: the topic was made anew; use another --prefix, or delete its keys in Redis"
            )
        return slot

    def due(self, slot: Slot[State]) -> bool:
        """Whether a snapshot may be taken now."""
        if slot.blocked or time.monotonic() - slot.saved_at < self.settings.snapshot_s:
            return False
        # One partition's at a time: the pages of all of them, copied, are as large as the state itself.
        return all(other.saving is None or other.saving.done() for other in self.slots.values())

    def capture(self, slot: Slot[State]) -> asyncio.Task[None]:
        """Take a snapshot of the state as it is at `slot.position`; the task writes it in the background."""
        slot.saved_at = time.monotonic()
        pages = slot.state.changed()
        waiting = set(slot.sent)
        slot.saving = asyncio.create_task(self._save(slot, slot.position, pages, waiting))
        slot.saving.add_done_callback(self._saved)
        return slot.saving

    async def write_down(self, slot: Slot[State]) -> bool:
        """Take a snapshot now and wait until it is written; False = the partition is lost."""
        if slot.saving and not slot.saving.done():
            await asyncio.wait([slot.saving])
        saving = self.capture(slot)
        await asyncio.wait([saving])
        return slot.owned and _written(saving)

    async def _save(
        self, slot: Slot[State], position: int, pages: Pages, sent: set[asyncio.Future[Any]]
    ) -> None:
        begun = time.perf_counter()
        if sent:
            await asyncio.wait(sent)
            for future in sent:
                future.result()
        while slot.owned:
            try:
                await self.store.save(self.name, slot.partition, slot.epoch, position, pages)
            except StoreAwayError as error:
                await self._patience.wait("redis", error)
                continue
            except Fenced:
                metrics.FENCED.inc()
                if slot.owned:
                    raise
                return
            self._patience.back("redis")
            metrics.SNAPSHOT_SECONDS.observe(time.perf_counter() - begun, self.name)
            metrics.SNAPSHOT_BYTES.observe(sum(len(page or b"") for page in pages.values()), self.name)
            return

    def _saved(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.fail(task.exception() or PoolwatchError("snapshot failed"))

    def follow(self, slot: Slot[State], future: asyncio.Future[Any]) -> None:
        """Watch something sent: snapshots and acknowledgements wait for it, its failure is a fresh start."""
        slot.sent.add(future)

        def settled(done: asyncio.Future[Any]) -> None:
            slot.sent.discard(done)
            if slot.owned and not done.cancelled() and done.exception() is not None:
                metrics.ERRORS.labels("kafka").inc()
                self.fail(done.exception() or PoolwatchError("send failed"))
            self._settle(slot)

        future.add_done_callback(settled)

    def _acknowledge(self, slot: Slot[State], event: Event) -> None:
        """Acknowledge a batch once all that was sent up to it is with the broker, in order."""
        slot.unacked.append((event, set(slot.sent)))
        self._settle(slot)

    def _settle(self, slot: Slot[State]) -> None:
        while slot.unacked and all(future.done() for future in slot.unacked[0][1]):
            slot.unacked.popleft()[0].ack()

    async def finish(self, at_any_position: bool) -> None:
        """Last snapshots of a worker that stops in order; without them a start repeats some seconds."""
        for slot in list(self.slots.values()):
            async with slot.busy:
                if slot.saving and not slot.saving.done():
                    await asyncio.wait([slot.saving])
                if at_any_position and not slot.blocked:
                    await asyncio.wait([self.capture(slot)])


def _written(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is None
