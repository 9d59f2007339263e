"""Alerts -> topic alerts (key alert_id) and the Redis feed. Twice is harmless: a later version replaces."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from redis.exceptions import RedisError

from models.alerts.alerts import Alert
from streams.kafka.outbox import Outbox
from streams.kafka.topics import Topics
from streams.redis import feed_writer
from streams.redis.connect import connect
from streams.redis.feed import FeedKeys
from streams.settings import Settings
from streams.telemetry import metrics
from streams.telemetry.patience import Patience


def contract(alert: Alert, events_topic: str) -> bytes:
    """The alert as the contract has it: evidence is named by topic."""
    fields: dict[str, Any] = msgspec.to_builtins(alert)
    fields["evidence"] = [{"topic": events_topic, **place} for place in fields["evidence"]]
    return msgspec.json.encode(fields)


class Deliver:
    """Sends alert versions to both; waits while Redis is away."""

    def __init__(self, outbox: Outbox, topics: Topics, settings: Settings, patience: Patience) -> None:
        self._outbox, self._topics, self._patience = outbox, topics, patience
        self._redis: Any = connect(settings.redis)
        self._keys = FeedKeys(settings.prefix)
        self._keep = feed_writer.Keep(entries=settings.feed_length, days=settings.feed_days)

    async def __call__(self, alerts: Sequence[Alert]) -> list[asyncio.Future[Any]]:
        """Queue for the topic and tell the feed. Returns the futures of the topic's messages."""
        texts = [contract(alert, self._topics.events) for alert in alerts]
        sent = [
            await self._outbox.send(self._topics.alerts, text, alert.alert_id.encode())
            for alert, text in zip(alerts, texts, strict=True)
        ]
        while True:
            try:
                first = await feed_writer.publish(self._redis, self._keys, texts, self._keep)
                break
            except (RedisError, OSError) as error:
                await self._patience.wait("redis", error)
        self._patience.back("redis")
        metrics.count_alerts(alerts, first)
        return sent

    async def beat(self) -> None:
        """Tell the feed that this worker runs; one that is missed is made up for by the next.

        So an outage is noticed even where nothing else is to be told meanwhile.
        """
        try:
            await feed_writer.beat(self._redis, self._keys)
        except (RedisError, OSError) as error:
            self._patience.away("redis", error)
        else:
            self._patience.back("redis")

    async def close(self) -> None:
        await self._redis.aclose()
