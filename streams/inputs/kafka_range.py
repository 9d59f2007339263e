"""A Kafka topic in, from its beginning to its end as it is now; blocks of events out. Touches Kafka."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from models.errors import PoolwatchError
from streams.inputs.inputs import Input
from streams.kafka.refusal import refused
from streams.kafka.security import librdkafka_security
from streams.settings import Settings, from_environment

TIMEOUT_S = 10.0
SILENCE_S = 30.0
#: A poll waits so long for a full block: also for the last one of a partition, which is seldom full.
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Partition(Input):
    """Offsets first..last-1 of one partition. size: how many."""

    partition: int = 0
    first: int = 0
    last: int = 0


def partitions_of(item: Input) -> list[Partition]:
    """The topic's partitions and the ranges that they hold now. PoolwatchError: no broker, no such topic."""
    consumer = open_consumer(item)
    try:
        found = consumer.list_topics(item.topic, timeout=TIMEOUT_S).topics[item.topic]
        if found.error or not found.partitions:
            raise PoolwatchError(f"{item.name}: no such topic; `poolwatch topics` creates those of poolwatch")
        ranges = {
            p: consumer.get_watermark_offsets(TopicPartition(item.topic, p), timeout=TIMEOUT_S)
            for p in sorted(found.partitions)
        }
    except KafkaException as error:
        raise unreachable(item, error) from error
    finally:
        consumer.close()
    return [
        Partition(item.name, "kafka", "", last - first, partition, first, last)
        for partition, (first, last) in ranges.items()
    ]


def messages(item: Partition, rows: int) -> Iterator[tuple[list[bytes], list[int]]]:
    """(values, offsets) of the partition's range, at most `rows` at a time.

    PoolwatchError: no broker, or it refuses; records were deleted before they could be read.
    """
    if item.first == item.last:
        return
    consumer = open_consumer(item)
    try:
        consumer.assign([TopicPartition(item.topic, item.partition, item.first)])
        position, heard = item.first, time.monotonic()
        while position < item.last:
            got = consumer.consume(min(rows, 10_000), timeout=POLL_S)
            errors = [m.error() for m in got if m.error()]
            read = [m for m in got if not m.error()]
            records = [m for m in read if m.offset() < item.last]
            if records:
                yield [m.value() or b"" for m in records], [m.offset() for m in records]
            if any(error.code() == KafkaError._PARTITION_EOF for error in errors):
                return
            position = max([position, *(m.offset() + 1 for m in read)])
            if errors:
                raise _broken(item, errors[0], position)
            if read:
                heard = time.monotonic()
            if time.monotonic() - heard >= SILENCE_S:
                raise PoolwatchError(
                    f"{item.name}: Kafka has been silent for {SILENCE_S:.0f} s at offset {position}"
                )
    except KafkaException as error:
        raise unreachable(item, error) from error
    finally:
        consumer.close()


def open_consumer(item: Input) -> Any:
    """A consumer that joins no group and commits nothing."""
    return Consumer(
        {
            "bootstrap.servers": item.broker,
            "group.id": "poolwatch-replay",  # needed by the client; nothing is joined or committed
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",  # the default goes on at the topic's end
            "isolation.level": "read_uncommitted",
            "log_level": 0,
            **librdkafka_security(_settings(item)),
        }
    )


def _broken(item: Partition, error: KafkaError, position: int) -> PoolwatchError:
    """The one clear line of a partition that cannot be read on."""
    where = f"{item.name}: partition {item.partition}, offset {position}"
    if error.code() == KafkaError._AUTO_OFFSET_RESET:
        return PoolwatchError(
            f"{where}: deleted before it was read (the topic's retention); start again with what is left"
        )
    return PoolwatchError(f"{where}: {error.str()}")


def _settings(item: Input) -> Settings:
    """An input is but an address: how to talk to the broker the environment says."""
    return from_environment(os.environ, broker=f"kafka://{item.broker}")


def unreachable(item: Input, error: KafkaException) -> PoolwatchError:
    """The one clear line of it."""
    return refused(_settings(item)) or PoolwatchError(
        f"{item.name}: no Kafka answers at {item.broker} ({error.args[0].str()})"
    )
