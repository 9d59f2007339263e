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


async def reject(
    stage: Stage[Any],
    slot: Slot[Any],
    outbox: Outbox,
    to: str,
    rejected: Sequence[Rejected],
    outcome: str = "rejected",
) -> None:
    """Count records of the slot's partition, and send a dead letter each to topic `to`."""
    if rejected:
        stage.logbook.rejected(rejected)
        metrics.EVENTS.labels(outcome).inc(len(rejected))
    for record in rejected:
        letter = DeadLetter(stage.topic, slot.partition, record.offset, record.reason)
        stage.follow(slot, await outbox.send(to, msgspec.json.encode(letter), letter.key))
