"""Rejected records -> topic usage-events-dlq: place and reason, never the content. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from models.events import Rejected
from streams.agents.stage import Slot, Stage
from streams.kafka.outbox import Outbox
from streams.telemetry import metrics


class DeadLetter(msgspec.Struct, frozen=True):
    """One rejected record: where it is found, and the rule that it breaks. A repeat has the same key."""

    topic: str
    partition: int
    offset: int
    reason: str

    @property
    def key(self) -> bytes:
        return f"{self.topic}/{self.partition}/{self.offset}".encode()


class DeadLetters:
    """Where one stage's rejected records go: to topic `to`."""

    def __init__(self, stage: Stage[Any], outbox: Outbox, to: str) -> None:
        self._stage, self._outbox, self._to = stage, outbox, to

    async def send(self, slot: Slot[Any], rejected: Sequence[Rejected], outcome: str = "rejected") -> None:
        """Count records of the slot's partition, and send a dead letter each."""
        if rejected:
            self._stage.logbook.rejected(rejected)
            metrics.EVENTS.labels(outcome).inc(len(rejected))
        for record in rejected:
            letter = DeadLetter(self._stage.topic, slot.partition, record.offset, record.reason)
            sent = await self._outbox.send(self._to, msgspec.json.encode(letter), letter.key)
            self._stage.follow(slot, sent)
