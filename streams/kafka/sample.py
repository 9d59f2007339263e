"""A topic in; a sample of its newest records out. Decides nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.kafka.security import librdkafka_security
from streams.settings import Settings

SAMPLE_RECORDS = 1_000
SAMPLE_WAIT_S = 3.0
POLL_S = 0.1

#: (partition, key, value)
Record = tuple[int | None, bytes | None, bytes]


def newest(settings: Settings, topic: str, partitions: int) -> Iterator[Record]:
    """The newest records, SAMPLE_RECORDS about, evenly of all partitions; no longer than SAMPLE_WAIT_S.

    KafkaException: a partition cannot be read.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": settings.name("poolwatch-doctor"),
            "log_level": 0,
        }
        | {"enable.auto.commit": False, "enable.partition.eof": True}
        | librdkafka_security(settings)
    )
    try:
        each = max(1, SAMPLE_RECORDS // partitions)
        places = []
        for p in range(partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=SAMPLE_WAIT_S)
            places.append(TopicPartition(topic, p, max(low, high - each)))
        consumer.assign(places)
        ended: set[int | None] = set()
        give_up = time.monotonic() + SAMPLE_WAIT_S
        while len(ended) < partitions and time.monotonic() < give_up:
            for message in consumer.consume(SAMPLE_RECORDS, timeout=POLL_S):
                error = message.error()
                if error is None:
                    yield message.partition(), message.key(), message.value() or b""
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()
