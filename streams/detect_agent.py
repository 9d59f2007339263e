"""Topic sightings -> models.detect -> alerts to their topic and feed. Decides nothing."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from models.alerts import Alert
from models.detect import Detect
from models.events import Rejected
from models.sightings_codec import decode
from streams import dead_letters, metrics
from streams.deliver import Deliver
from streams.gauges import CloseClock
from streams.outbox import Outbox
from streams.stage import Event, HoleError, Slot, Stage
from streams.topics import Topics
from streams.transport import Batch


class DetectAgent:
    """Batches of sightings messages in, alerts out."""

    def __init__(
        self,
        stage: Stage[Detect],
        outbox: Outbox,
        topics: Topics,
        deliver: Deliver,
        reread: Callable[[int, int], Awaitable[None]],
    ) -> None:
        self.stage, self._outbox, self._topics = stage, outbox, topics
        self._deliver, self._reread = deliver, reread
        self._clocks: dict[tuple[int, int], CloseClock] = {}

    async def handle(self, event: Event, batch: Batch) -> None:
        """One batch of one partition."""
        try:
            accepted = self.stage.accept(batch)
        except HoleError:
            await self._reread(batch.partition, self.stage.slots[batch.partition].position)
            accepted = None
        if accepted is None:
            self.stage.acknowledge(None, event)
            return
        slot, values, offsets = accepted
        async with slot.busy:
            await self._detect(slot, values, offsets, batch)
            slot.position = batch.next
            if self.stage.due(slot):
                self.stage.capture(slot)
        self.stage.acknowledge(slot, event)

    async def _detect(
        self, slot: Slot[Detect], values: list[bytes], offsets: list[int], batch: Batch
    ) -> None:
        metrics.BATCH_EVENTS.observe(len(values), "detect")
        clock = self._clock(slot)
        begun = time.perf_counter()
        bad = []
        for value, offset in zip(values, offsets, strict=True):
            try:
                sightings = decode(value)
            except (
                Exception
            ) as error:  # nobody but fold writes here; one broken message must not stop the rest
                bad.append(Rejected(offset, f"no sightings message: {type(error).__name__}"))
                continue
            slot.state.add(sightings)
            clock.saw(sightings, batch.last_timestamp_ms / 1000)
        alerts: list[Alert] = list(slot.state.preview())
        closed = slot.state.close()
        alerts += closed.alerts
        metrics.WORK.observe(time.perf_counter() - begun, "detect")
        clock.closed(closed, slot.state.closed_to_ms)
        if bad:
            metrics.EVENTS.labels("rejected").inc(len(bad))
            to = self._topics.dead_letters
            for sent in await dead_letters.send(
                self._outbox, to, self._topics.sightings, slot.partition, bad
            ):
                self.stage.follow(slot, sent)
        if alerts:
            for sent in await self._deliver(alerts):
                self.stage.follow(slot, sent)
            took = max(0.0, time.time() - batch.last_timestamp_ms / 1000)
            metrics.LATENCY.observe(took, "event_to_alert", times=len(alerts))

    def _clock(self, slot: Slot[Detect]) -> CloseClock:
        """The clock of this holding of the partition: an earlier one's times are not this one's."""
        key = (slot.partition, slot.epoch)
        if key not in self._clocks:
            self._clocks = {k: clock for k, clock in self._clocks.items() if k[0] != slot.partition}
            self._clocks[key] = CloseClock()
        return self._clocks[key]
