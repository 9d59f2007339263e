"""Topic links -> models.actors -> alerts to their topic and feed. Decides nothing."""

from __future__ import annotations

import time

import msgspec

from models.actors.actors import Actors
from models.events import Rejected
from models.wire import links
from streams.agents.dead_letters import DeadLetters
from streams.agents.deliver import Deliver
from streams.agents.stage import Slot, Stage
from streams.kafka.outbox import Outbox
from streams.kafka.topics import Topics
from streams.kafka.transport import Batch
from streams.telemetry import metrics

#: All links go through one partition: cases are of the whole market.
PARTITION = 0


class ActorsAgent:
    """Batches of what detect told in, alerts with their case out."""

    def __init__(self, stage: Stage[Actors], outbox: Outbox, topics: Topics, deliver: Deliver) -> None:
        self.stage, self._deliver = stage, deliver
        self._dead_letters = DeadLetters(stage, outbox, topics.dead_letters)

    async def apply(self, slot: Slot[Actors], values: list[bytes], offsets: list[int], batch: Batch) -> None:
        """What is new of one batch."""
        metrics.BATCH_EVENTS.observe(len(values), "actors")
        begun, bad = time.perf_counter(), []
        answers = []
        for value, offset in zip(values, offsets, strict=True):
            try:
                message = links.decode(value)
            except (msgspec.MsgspecError, UnicodeError) as error:  # only detect writes here
                bad.append(Rejected(offset, f"no links message: {type(error).__name__}"))
                continue
            alerts = slot.state.add(message.partition, message.links, message.alerts)
            answers.append((alerts, message.heard_ms))
        slot.position = batch.next
        metrics.WORK.observe(time.perf_counter() - begun, "actors")
        await self._dead_letters.send(slot, bad)
        due = [alert for alerts, _ in answers for alert in alerts]
        if due:
            for sent in await self._deliver(due):
                self.stage.follow(slot, sent)
            now = time.time()
            for alerts, heard_ms in answers:
                took = max(0.0, now - heard_ms / 1000)
                metrics.LATENCY.observe(took, "event_to_alert", times=len(alerts))
        if self.stage.due(slot):
            self.stage.capture(slot)
