"""A replayed history's state in; snapshots in Redis out, from which workers go on; its alerts told as theirs.
Touches Redis, Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from redis.exceptions import RedisError

from models.errors import ConfigError, PoolwatchError
from models.memory.pages import Stateful
from poolwatch.replay.pipeline import Pipeline
from streams.inputs.inputs import Input
from streams.kafka.producer import FastProducer
from streams.kafka.topics import Topics
from streams.redis.connect import StoreAwayError, away, connect
from streams.redis.feed import FeedKeys
from streams.redis.feed_writer import Keep, publish
from streams.redis.snapshots import RedisSnapshots
from streams.settings import Settings, shown


def check(settings: Settings) -> None:
    """Before the work of a replay: whether its state can be left behind. Raises as `hand_over` does."""
    topics = Topics.of(settings)
    for topic in (topics.events, topics.sightings):
        _positions(settings, topic, settings.partitions, None)
    _positions(settings, topics.links, None, None)

    async def answers() -> None:
        store = RedisSnapshots(settings.redis, settings.prefix)
        try:
            await store.owns("worker", 0, 0)
        except StoreAwayError as error:
            where = shown(settings.redis)
            raise PoolwatchError(f"{where}: no Redis answers ({error}); start it or mend --state") from error
        finally:
            await store.close()

    asyncio.run(answers())


def hand_over(
    pipeline: Pipeline,
    settings: Settings,
    next_offsets: Mapping[tuple[str, str, int], int] | None = None,
    at_end: bool = False,
) -> None:
    """Leave the state so that workers go on after it.

    next_offsets  as the replay tells: where usage-events itself was replayed, workers go on right after that;
                  else with its first message (by the time that Kafka keeps) later than the history's last
    at_end        with the next event to come, whatever the topic holds
    ConfigError: the topics have another number of partitions. PoolwatchError: no broker, no Redis.
    """
    topics = Topics.of(settings)
    after_ms = None if at_end else pipeline.last_ms + 1
    events = _positions(settings, topics.events, pipeline.partitions, after_ms)
    for (broker, topic, p), position in (next_offsets or {}).items():
        if topic == topics.events and set(broker.split(",")) & set(settings.bootstrap.split(",")):
            events[p] = position
    sightings = _positions(settings, topics.sightings, pipeline.partitions, None)
    links = _positions(settings, topics.links, None, None)[0]
    for fold, position in zip(pipeline.folds, events, strict=True):
        fold.moved(position)
    for detect in pipeline.detects[0]:
        detect.moved()
    pipeline.actors[0].moved()
    asyncio.run(_save(pipeline, settings, events, sightings, links))


async def _save(
    pipeline: Pipeline, settings: Settings, events: list[int], sightings: list[int], links: int
) -> None:
    store = RedisSnapshots(settings.redis, settings.prefix)
    try:
        for p in range(pipeline.partitions):
            await _replace(store, "fold", p, events[p], pipeline.folds[p])
            await _replace(store, "detect", p, sightings[p], pipeline.detects[0][p])
        await _replace(store, "actors", 0, links, pipeline.actors[0])
    finally:
        await store.close()


async def _replace(store: RedisSnapshots, stage: str, partition: int, position: int, state: Stateful) -> None:
    """Save all of a state; pages of an older one go."""
    held, pages = await store.load(stage, partition), state.changed()
    gone = dict.fromkeys(held.pages.keys() - pages.keys())
    await store.save(stage, partition, held.epoch, position, {**gone, **pages})


def tell(alerts: Sequence[tuple[str, bytes]], settings: Settings) -> None:
    """Tell alerts (id, contract JSON) to their topic and the feed: a version told before changes nothing.

    PoolwatchError: no broker, no topic, no Redis.
    """
    with FastProducer(settings, Topics.of(settings).alerts) as producer:
        producer.send((alert_id.encode(), text) for alert_id, text in alerts)
    asyncio.run(_feed([text for _, text in alerts], settings))


async def _feed(alerts: list[bytes], settings: Settings) -> None:
    redis = connect(settings.redis)
    keep = Keep(entries=settings.feed_length, days=settings.feed_days)
    try:
        await publish(redis, FeedKeys(settings.prefix), alerts, keep)
    except RedisError as error:
        raise away(error) from error
    finally:
        await redis.aclose()


def _positions(settings: Settings, topic: str, partitions: int | None, time_ms: int | None) -> list[int]:
    """Per partition the first offset at or after `time_ms` (its end: None, or nothing is so late).

    partitions  that the topic must have; None = any
    """
    from confluent_kafka import KafkaException, TopicPartition

    from streams.inputs.kafka_range import TIMEOUT_S, open_consumer, unreachable

    item = Input(f"kafka://{settings.bootstrap}/{topic}", "kafka")
    consumer = open_consumer(item)
    try:
        there = len(consumer.list_topics(topic, timeout=TIMEOUT_S).topics[topic].partitions)
        if not there:
            raise ConfigError(f"{topic}: no such topic; run `poolwatch topics` first")
        if partitions is not None and there != partitions:
            raise ConfigError(
                f"{topic}: has {there} partitions, the replay {partitions}; add --partitions {there}"
            )
        places = []
        for p in range(there):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=TIMEOUT_S)
            found = -1
            if time_ms is not None and low < high:
                asked = [TopicPartition(topic, p, time_ms)]
                found = consumer.offsets_for_times(asked, timeout=TIMEOUT_S)[0].offset
            places.append(found if found >= 0 else high)
        return places
    except KafkaException as error:
        raise unreachable(item, error) from error
    finally:
        consumer.close()
