"""Topic sightings -> models.detect -> topic links, and early alerts to the feed. Decides nothing."""

from __future__ import annotations

import time

from models.alerts.alerts import Alert
from models.detect.closed import Closed
from models.detect.detect import Detect
from models.errors import PoolwatchError
from models.events import Rejected
from models.wire.codec import decode
from models.wire.links import Message, encode
from streams.agents.actors import PARTITION
from streams.agents.dead_letters import DeadLetters
from streams.agents.deliver import Deliver
from streams.agents.gauges import CloseClock
from streams.agents.ledger_keeper import LedgerKeeper
from streams.agents.stage import Slot, Stage
from streams.kafka.outbox import Outbox
from streams.kafka.topics import Topics
from streams.kafka.transport import Batch
from streams.telemetry import metrics

#: Early alerts cost a snapshot each time: no more often than this a partition.
EARLY_S = 0.3
#: A batch older than this is backlog.
BEHIND_S = 10.0


class DetectAgent:
    """Batches of sightings messages in; alerts, and what actors are to know, out."""

    def __init__(
        self,
        stage: Stage[Detect],
        outbox: Outbox,
        topics: Topics,
        deliver: Deliver,
        keeper: LedgerKeeper,
    ) -> None:
        self.stage, self._outbox, self._topics = stage, outbox, topics
        self._dead_letters = DeadLetters(stage, outbox, topics.dead_letters)
        self._deliver, self._keeper = deliver, keeper
        self._previewed: dict[int, float] = {}
        self._clocks: dict[tuple[int, int], CloseClock] = {}

    async def apply(self, slot: Slot[Detect], values: list[bytes], offsets: list[int], batch: Batch) -> None:
        """What is new of one batch of one partition."""
        metrics.BATCH_EVENTS.observe(len(values), "detect")
        begun = time.perf_counter()
        bad = self._add(slot, values, offsets, batch)
        early = self._preview(slot, batch)
        slot.position = batch.next
        took = time.perf_counter() - begun
        await self._dead_letters.send(slot, bad)
        if early:
            # What is told early depends on timing. It must be known after a crash, or the alert that
            # stands for it in the end could not say so: so it is written down before it is told.
            if not await self.stage.write_down(slot):
                return
            await self._publish(slot, early, batch)
        begun = time.perf_counter()
        closed = slot.state.close()
        metrics.WORK.observe(took + time.perf_counter() - begun, "detect")
        self._clock(slot).closed(closed, slot.state.closed_to_ms)
        await self._keeper.keep(slot, closed.ledger)
        await self._hand_on(slot, closed, batch)
        if self.stage.due(slot):
            self.stage.capture(slot)

    def _add(
        self, slot: Slot[Detect], values: list[bytes], offsets: list[int], batch: Batch
    ) -> list[Rejected]:
        clock, bad = self._clock(slot), []
        for value, offset in zip(values, offsets, strict=True):
            try:
                sightings = decode(value)
            except PoolwatchError as error:
                bad.append(Rejected(offset, str(error)))
                continue
            except Exception as error:  # only fold writes here; yet one broken message must not stop the rest
                bad.append(Rejected(offset, f"no sightings message: {type(error).__name__}"))
                continue
            slot.state.add(sightings)
            clock.saw(sightings, batch.last_timestamp_ms / 1000)
        return bad

    def _preview(self, slot: Slot[Detect], batch: Batch) -> list[Alert]:
        """Alerts before their minute's close. Behind the stream there are none: the close is near anyway.
        None without a snapshot either (see `apply`)."""
        now = time.time()
        if (
            slot.blocked
            or now - batch.last_timestamp_ms / 1000 > BEHIND_S
            or now - self._previewed.get(slot.partition, 0.0) < EARLY_S
        ):
            return []
        early = slot.state.preview()
        if early:
            self._previewed[slot.partition] = now
        return list(early)

    async def _publish(self, slot: Slot[Detect], alerts: list[Alert], batch: Batch) -> None:
        if not alerts:
            return
        for sent in await self._deliver(alerts):
            self.stage.follow(slot, sent)
        took = max(0.0, time.time() - batch.last_timestamp_ms / 1000)
        metrics.LATENCY.observe(took, "event_to_alert", times=len(alerts))

    async def _hand_on(self, slot: Slot[Detect], closed: Closed, batch: Batch) -> None:
        """What a close gave, to actors; also that it gave nothing, once for each minute."""
        links, position = closed.links, (closed.links.until, closed.links.idle)
        if slot.marked.get(PARTITION) == position and not (closed.alerts or links.suspects):
            return
        slot.marked[PARTITION] = position
        message = Message(slot.partition, links, closed.alerts, batch.last_timestamp_ms)
        for part in encode(message):
            sent = await self._outbox.send(self._topics.links, part, partition=PARTITION)
            self.stage.follow(slot, sent)

    def _clock(self, slot: Slot[Detect]) -> CloseClock:
        """The clock of this holding of the partition: an earlier one's times are not this one's."""
        key = (slot.partition, slot.epoch)
        if key not in self._clocks:
            self._clocks = {k: clock for k, clock in self._clocks.items() if k[0] != slot.partition}
            self._clocks[key] = CloseClock()
        return self._clocks[key]
