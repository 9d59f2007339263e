"""Rejected records -> topic usage-events-dlq: place and reason, never the content. Decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec

from models.events import Rejected
from streams.outbox import Outbox


class DeadLetter(msgspec.Struct, frozen=True):
    """One rejected record: where it is found, and the rule that it breaks. A repeat has the same key."""

    topic: str
    partition: int
    offset: int
    reason: str

    @property
    def key(self) -> bytes:
        return f"{self.topic}/{self.partition}/{self.offset}".encode()


async def send(
    outbox: Outbox, to: str, topic: str, partition: int, rejected: Iterable[Rejected]
) -> list[asyncio.Future[Any]]:
    """Send one dead letter each; futures as in Outbox.send."""
    letters = [DeadLetter(topic, partition, record.offset, record.reason) for record in rejected]
    return [await outbox.send(to, msgspec.json.encode(letter), letter.key) for letter in letters]
