"""Bytes -> Kafka, ordered per partition, acknowledged by the broker. Touches one producer."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from models.errors import PoolwatchError
from models.wire.routing import MESSAGE_MAX_BYTES
from streams.kafka.refusal import refused
from streams.kafka.security import client_security
from streams.settings import Settings


class KafkaAwayError(PoolwatchError):
    """Kafka does not answer: worth waiting for."""


class Outbox:
    """One idempotent producer: after a failure nothing that was sent later to that partition gets through,
    so that a watermark never overtakes its rows."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect. KafkaAwayError: no broker there. ConfigError: it refuses."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.bootstrap,
            client_id="poolwatch-worker",
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=MESSAGE_MAX_BYTES,
            max_request_size=2 * MESSAGE_MAX_BYTES,
            request_timeout_ms=15_000,
            **client_security(self._settings),
        )
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await producer.stop()
            if refusal := await asyncio.to_thread(refused, self._settings):
                raise refusal from error
            raise KafkaAwayError(f"{type(error).__name__}: {error}") from error
        self._producer = producer

    @property
    def _ready(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise PoolwatchError("outbox: not started")
        return self._producer

    async def partitions(self, topics: list[str]) -> dict[str, int]:
        """How many partitions each topic has; 0 = there is no such topic."""
        cluster = await self._ready.client.fetch_all_metadata()
        return {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}

    async def send(
        self, topic: str, value: bytes, key: bytes | None = None, partition: int | None = None
    ) -> asyncio.Future[Any]:
        """Queue one message; the future is done when the broker has it. Waits while the queue is full."""
        return await self._ready.send(topic, value, key, partition)  # type: ignore[no-any-return]

    async def stop(self) -> None:
        """Send what is queued, let go."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()
