"""(key, value) batches -> a Kafka topic, at a set rate or as fast as it goes. Touches one producer."""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaException, Producer

from models.errors import PoolwatchError
from streams.kafka.refusal import refused
from streams.kafka.security import librdkafka_security
from streams.settings import Settings

#: Seconds in which a broker must answer at all, and in which it may make a topic.
ANSWER_S, TOPIC_S = 10.0, 3.0


class FastProducer:
    """Context manager; leaving it waits until the broker has everything.

    rate   events a second, None = as fast as it goes
    The key decides the partition as in Kafka's own clients (murmur2), so every producer agrees.
    """

    def __init__(
        self, settings: Settings, topic: str, rate: float | None = None, compression: str = "lz4"
    ) -> None:
        self._topic, self._rate, self._broker, self._settings = topic, rate, settings.broker, settings
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap,
                "client.id": "poolwatch-producer",
                "acks": "all",
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "compression.type": compression,
                "linger.ms": 5,
                "batch.num.messages": 10_000,
                "batch.size": 900_000,
                "queue.buffering.max.messages": 200_000,
                "queue.buffering.max.kbytes": 131_072,
                "message.timeout.ms": 60_000,
                "log_level": 0,
                "error_cb": lambda _: None,  # a failed delivery is told by `_delivered`
                **librdkafka_security(settings),
            }
        )
        self._failed: str = ""
        self.sent = 0
        self._begun = time.monotonic()

    def _delivered(self, error: Any, _: Any) -> None:
        if error is not None:
            self._failed = str(error.str())

    def send(self, batch: Iterable[tuple[bytes, bytes]]) -> int:
        """Queue a batch; waits for room and for the rate. Returns how many. PoolwatchError: not delivered."""
        produce, poll, topic = self._producer.produce, self._producer.poll, self._topic
        count = 0
        for key, value in batch:
            while True:
                try:
                    produce(topic, value, key, on_delivery=self._delivered)
                    break
                except BufferError:
                    poll(0.05)
                    self._check()
            count += 1
            if not count & 1023:
                poll(0)
        poll(0)
        self._check()
        self.sent += count
        if self._rate:
            ahead = self._begun + self.sent / self._rate - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
        return count

    def flush(self, timeout_s: float = 60.0) -> None:
        """Wait until the broker has everything. PoolwatchError: it has not, in that time."""
        left = self._producer.flush(timeout_s)
        self._check()
        if left:
            raise PoolwatchError(f"{self._broker}: {left} events could not be delivered in {timeout_s:g} s")

    def _check(self) -> None:
        if self._failed:
            raise PoolwatchError(f"{self._broker}: {self._topic}: {self._failed}")

    def __enter__(self) -> Self:
        """PoolwatchError: no broker there, or no such topic."""
        give_up = time.monotonic() + TOPIC_S
        while (error := self._topic_error()) is not None:
            if time.monotonic() > give_up:
                mend = "`poolwatch topics` creates those of poolwatch"
                raise PoolwatchError(f"{self._broker}: topic {self._topic}: {error}; {mend}")
            time.sleep(0.2)
        self._begun = time.monotonic()
        return self

    def _topic_error(self) -> str | None:
        """What is wrong with the topic; a broker that makes topics by itself needs a moment."""
        try:
            found = self._producer.list_topics(self._topic, timeout=ANSWER_S).topics[self._topic].error
        except KafkaException as error:
            raise refused(self._settings) or PoolwatchError(
                f"{self._broker}: no Kafka answers ({error.args[0].str()}); start it or give another address"
            ) from error
        return None if found is None else str(found.str())

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.flush()
        else:
            try:
                self._producer.purge()
            except KafkaException:  # what is queued is dropped in any case
                return
