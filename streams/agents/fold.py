"""Topic usage-events -> models.fold -> topic sightings (and dead letters). Decides nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from models.decode.decode import Decoder
from models.events import Events, Rejected
from models.fold.fold import Fold, split_at_chunks
from models.wire.codec import encode
from models.wire.routing import cut, route
from models.wire.sightings import CHUNK_OFFSETS, Sightings
from streams.agents.dead_letters import DeadLetters
from streams.agents.stage import Slot, Stage
from streams.kafka.outbox import Outbox
from streams.kafka.topics import Topics
from streams.kafka.transport import Batch
from streams.telemetry import metrics


class FoldAgent:
    """Batches of usage events in, messages of sightings out; marks where nothing else tells the watermark.

    end_offset  asks the broker where a partition ends, now
    """

    def __init__(
        self,
        stage: Stage[Fold],
        decoder: Decoder,
        outbox: Outbox,
        topics: Topics,
        destinations: int,
        end_offset: Callable[[int], Awaitable[int]],
    ) -> None:
        self.stage, self._decoder, self._outbox, self._topics = stage, decoder, outbox, topics
        self._destinations, self._end_offset = destinations, end_offset
        self._dead_letters = DeadLetters(stage, outbox, topics.dead_letters)
        self._settings = stage.settings

    async def apply(self, slot: Slot[Fold], values: list[bytes], offsets: list[int], batch: Batch) -> None:
        """What is new of one batch of one partition."""
        begun = time.perf_counter()
        events, rejected = self._decode(values, offsets)
        metrics.WORK.observe(time.perf_counter() - begun, "decode")
        metrics.BATCH_EVENTS.observe(len(values), "fold")
        self.stage.logbook.met(events)
        await self._dead_letters.send(slot, rejected)
        parts = {int(part.offset[0]) // CHUNK_OFFSETS: part for part in split_at_chunks(events) if len(part)}
        for chunk in range(slot.position // CHUNK_OFFSETS, (batch.next - 1) // CHUNK_OFFSETS + 1):
            if chunk in parts:
                await self._step(slot, parts[chunk])
            slot.position = min((chunk + 1) * CHUNK_OFFSETS, batch.next)
            if slot.position == (chunk + 1) * CHUNK_OFFSETS and self.stage.due(slot):
                self.stage.capture(slot)
        if values:
            took = max(0.0, time.time() - batch.last_timestamp_ms / 1000)
            metrics.LATENCY.observe(took, "send_to_fold")

    def _decode(self, values: list[bytes], offsets: list[int]) -> tuple[Events, list[Rejected]]:
        try:
            return self._decoder.records(values, offsets)
        except Exception:  # a record that the decoder does not survive must not stop its partition
            good, bad = [], []
            for place, (value, offset) in enumerate(zip(values, offsets, strict=True)):
                try:
                    self._decoder.records([value], [offset])
                    good.append(place)
                except Exception as error:
                    bad.append(Rejected(offset, f"the decoder failed: {type(error).__name__}"))
            events, rejected = self._decoder.records([values[i] for i in good], [offsets[i] for i in good])
            return events, [*rejected, *bad]

    async def _step(self, slot: Slot[Fold], events: Events) -> None:
        begun = time.perf_counter()
        folded = slot.state.step(events)
        messages = [
            (partition, message, encode(message))
            for partition, routed in enumerate(route(folded.sightings, self._destinations))
            if len(routed.rows)  # the others are told by a mark
            for message in cut(routed)
        ]
        metrics.WORK.observe(time.perf_counter() - begun, "fold")
        metrics.SIGHTINGS.inc(len(folded.sightings.rows))
        outcomes = {"accepted": folded.accepted, "duplicate": folded.duplicates, "late": folded.late}
        for outcome, count in outcomes.items():
            metrics.EVENTS.labels(outcome).inc(count)
        for partition, message, value in messages:
            await self._send(slot, partition, message, value)
        await self._dead_letters.send(slot, folded.ahead, "ahead")

    async def _send(self, slot: Slot[Fold], partition: int, message: Sightings, value: bytes) -> None:
        sent = await self._outbox.send(self._topics.sightings, value, partition=partition)
        self.stage.follow(slot, sent)
        slot.marked[partition] = (message.watermark_ms, message.idle)

    async def mark_forever(self) -> None:
        """Tell every sightings partition each source's watermark, every mark_ms while it moves."""
        while True:
            await asyncio.sleep(self._settings.mark_ms / 1000)
            for slot in list(self.stage.slots.values()):
                if slot.seek and not slot.busy.locked():
                    await self._mark(slot)

    async def _mark(self, slot: Slot[Fold]) -> None:
        silent = time.monotonic() - slot.read_at >= self._settings.idle_s
        said = any(idle for _, idle in slot.marked.values())
        idle = silent and (said or await self._at_end(slot))
        # While the broker was asked a batch may have come: its messages tell the watermark.
        if (
            not slot.owned
            or slot.busy.locked()
            or (idle and time.monotonic() - slot.read_at < self._settings.idle_s)
        ):
            return
        async with slot.busy:
            message = slot.state.mark(idle=idle)
            now = (message.watermark_ms, message.idle)
            value = encode(message)
            for partition in range(self._destinations):
                if slot.marked.get(partition) != now:
                    await self._send(slot, partition, message, value)

    async def _at_end(self, slot: Slot[Fold]) -> bool:
        """Whether the broker confirms that there is nothing more, and this worker is the one to say so."""
        if await self._end_offset(slot.partition) != slot.position:
            slot.read_at = time.monotonic()
            return False
        return await self.stage.store.owns(self.stage.name, slot.partition, slot.epoch)
