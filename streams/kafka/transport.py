"""Faust fed in batches: what one poll returned for one partition becomes ONE Faust message.

A batch is stamped where it is read, in the consumer's own thread: `begin` is the position before the poll,
`next` the one after, and `seek` counts the seeks of its partition. So a stage sees at once whether a batch
continues what it has applied (`begin` <= position < `next`), was read before a seek, or leaves a hole.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from faust.transport.drivers import aiokafka as stock
from faust.types import TP

log = logging.getLogger("poolwatch.worker")

#: Start positions of freshly assigned partitions (stages load their state there); None = beginning.
Locate = Callable[[set[TP]], Awaitable[Mapping[TP, int | None]]]
#: How long the broker may hold a fetch that finds nothing new. While one that asks for quiet partitions alone
#: is held there, the others' records wait too; Faust's own 1,500 ms was seen as such in alerts' latency.
FETCH_WAIT_MS = 50


@dataclass(slots=True, frozen=True)
class Batch:
    """Records of one partition, in order; none where only markers of transactions were read. Offsets may have
    holes (compaction), `begin` to `next` has none."""

    topic: str
    partition: int
    begin: int
    next: int
    seek: int
    values: list[bytes | None]
    offsets: list[int]
    last_timestamp_ms: int


@dataclass(slots=True)
class _Record:
    """What Faust expects of a record; one a batch."""

    topic: str
    partition: int
    offset: int
    value: Batch
    timestamp: int
    timestamp_type: int = 0
    headers: tuple[()] = ()
    key: None = None
    checksum: None = None
    serialized_key_size: int = 0
    serialized_value_size: int = 0


class ConsumerThread(stock.AIOKafkaConsumerThread):
    """Adds the stamps. Only this thread touches `_seeks` and `_next`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.batched_topics: frozenset[str] = self.transport.batched_topics  # type: ignore[attr-defined]
        self._seeks: dict[TP, int] = {}
        self._next: dict[TP, int] = {}

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    async def seek_batched(self, positions: Mapping[TP, int | None]) -> dict[TP, tuple[int, int]]:
        """Move partitions; what was read before shows by its stamp. Returns position and stamp of each."""
        return await self.call_thread(self._seek_batched, dict(positions))  # type: ignore[no-any-return]

    async def _seek_batched(self, positions: dict[TP, int | None]) -> dict[TP, tuple[int, int]]:
        consumer = self._ensure_consumer()
        unknown = [tp for tp, position in positions.items() if position is None]
        first = await consumer.beginning_offsets(unknown) if unknown else {}
        moved = {}
        for tp, wanted in positions.items():
            position = first[tp] if wanted is None else wanted
            consumer.seek(tp, position)
            self._next[tp] = position
            self._seeks[tp] = self._seeks.get(tp, 0) + 1
            moved[tp] = (position, self._seeks[tp])
        return moved

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,  # noqa: ARG002  # of one partition, as in the consumer's own setting
    ) -> Mapping[TP, list[Any]]:
        found = await self._buffered(consumer, active_partitions)
        if not found and timeout:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await consumer._fetcher._create_fetch_waiter()
            found = await self._buffered(consumer, active_partitions)
        # No await from here on: a seek can not come between the poll and its stamp.
        return {
            tp: [self._stamped(tp, piece) for piece in pieces] if tp.topic in self.batched_topics else pieces
            for tp, pieces in found.items()
        }

    async def _buffered(self, consumer: Any, partitions: set[TP]) -> Mapping[TP, list[Any]]:
        """All that was fetched of each partition: of batched topics pieces, of others records."""
        for tp, result in consumer._fetcher._records.items():
            records = getattr(result, "_partition_records", None)  # an error has none
            if tp.topic in self.batched_topics and records is not None:
                records._records_iterator = _Pieces(records, consumer._max_poll_records)
        # Everything at once: aiokafka asks for more only when what it holds is used up.
        return await super()._fetch_records(consumer, partitions, 0, None)

    def _stamped(self, tp: TP, piece: _Piece) -> _Record:
        begin = self._next.get(tp, piece.begin)
        self._next[tp] = piece.next
        seek = self._seeks.get(tp, 0)
        batch = Batch(
            tp.topic, tp.partition, begin, piece.next, seek, piece.values, piece.offsets, piece.timestamp_ms
        )
        return _Record(tp.topic, tp.partition, piece.next - 1, batch, piece.timestamp_ms)


@dataclass(slots=True, frozen=True)
class _Piece:
    begin: int
    values: list[bytes | None]
    offsets: list[int]
    next: int
    timestamp_ms: int


class _Pieces:
    """Takes the place of the iterator in aiokafka's `PartitionRecords`, which makes an object of eleven
    fields of each record. An item is a `_Piece` of at most `limit` records; of none where a fetch holds only
    what is no record (markers of transactions, what compaction left), so that the position still moves."""

    def __init__(self, found: Any, limit: int) -> None:
        self._found, self._limit = found, limit
        self._values: list[bytes | None] = []
        self._offsets: list[int] = []
        self._begin: int = found.next_fetch_offset
        self._timestamp_ms = 0

    def __next__(self) -> _Piece:
        while len(self._values) < self._limit and self._found._records.has_next():
            self._read(self._found._records.next_batch())
        values, self._values = self._values[: self._limit], self._values[self._limit :]
        offsets, self._offsets = self._offsets[: self._limit], self._offsets[self._limit :]
        following = self._offsets[0] if self._offsets else self._found.next_fetch_offset
        if following == self._begin:
            raise StopIteration
        begin, self._begin = self._begin, following
        return _Piece(begin, values, offsets, following, self._timestamp_ms)

    def _read(self, batch: Any) -> None:
        if not batch.is_control_batch:
            # A compressed batch may begin before what was asked for.
            records = [record for record in batch if record.offset >= self._found.next_fetch_offset]
            self._values += [record.value for record in records]
            self._offsets += [record.offset for record in records]
            if records:
                self._timestamp_ms = records[-1].timestamp or 0
        self._found.next_fetch_offset = batch.next_offset


class _ReadOffsets(defaultdict[TP, int | None]):
    """Faust drops what is below the offset it read last; of batched partitions it shall remember none, since
    after a seek back that memory is wrong and the stages check by stamp and position."""

    def __init__(self, batched: frozenset[str]) -> None:
        super().__init__(lambda: None)
        self._batched = batched

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        super().__setitem__(tp, None if tp.topic in self._batched else offset)


class Consumer(stock.Consumer):
    """Stock behaviour for other topics; for batched ones see the module."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._read_offset = _ReadOffsets(self.batched_topics)
        self._unplaced = False
        self._placing = asyncio.Lock()

    transport: Transport
    _thread: ConsumerThread

    @property
    def batched_topics(self) -> frozenset[str]:
        return self.transport.batched_topics

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _new_offset(self, tp: TP) -> int | None:
        if tp.topic not in self.batched_topics:
            return super()._new_offset(tp)
        # One agent of concurrency 1 acknowledges a partition's batches in order: the highest covers the rest.
        acked = self._acked[tp]
        if not acked:
            return None
        highest = max(acked)
        self._acked_index[tp].difference_update(acked)
        acked.clear()
        return highest + 1

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        # A batch's offset is its last record's: what lies between two batches is no gap.
        if tp.topic not in self.batched_topics:
            await super()._add_gap(tp, offset_from, offset_to)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._unplaced = True
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        """Start where the snapshots say: once an assignment, before its flow resumes.

        Faust also calls this when a poll ends while the flow is stopped. There nothing is done: a partition
        that this worker is about to lose may have a new owner, whose epoch must not be taken.
        """
        async with self._placing:
            if not self._unplaced:
                return
            assigned = {tp for tp in self.assignment() if tp.topic in self.batched_topics}
            if assigned != set(self.assignment()):
                await super().perform_seek()
            await self.move(await self.transport.locate(assigned))
            self._unplaced = False

    async def move(self, positions: Mapping[TP, int | None]) -> None:
        """Seek batched partitions and tell the transport's listener the position and stamp that now count."""
        if not positions:
            return
        moved = await self._thread.seek_batched(positions)
        for tp, (position, _) in moved.items():
            self._committed_offset[tp] = None
            self._acked[tp].clear()
            self._acked_index[tp].clear()
            log.info("%s[%d]: from offset %d", tp.topic, tp.partition, position)
        self.transport.moved(moved)

    async def end_offsets(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """The broker's own word, asked now, on where partitions end."""
        return await self._thread.highwaters(*tps)


class Transport(stock.Transport):
    """Faust's Kafka transport with `Consumer`; the worker sets the three attributes before it starts."""

    Consumer = Consumer
    batched_topics: frozenset[str] = frozenset()
    locate: Locate
    moved: Callable[[Mapping[TP, tuple[int, int]]], None]
