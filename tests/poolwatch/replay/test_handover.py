"""A replay's state, left behind: the next offsets are the worker's, what was learnt stays."""

import asyncio

import pytest

from models.decode.decode import Decoder
from models.operations import Operations
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from poolwatch.replay.handover import hand_over
from poolwatch.replay.pipeline import Pipeline
from poolwatch.simulate import Wish
from streams.brokers.mock_kafka import EmbeddedKafka
from streams.brokers.own_redis import EmbeddedRedis
from streams.kafka.topics import Topics
from streams.redis.snapshots import RedisSnapshots
from streams.settings import Settings


async def _loaded(settings, stage, partition):
    store = RedisSnapshots(settings.redis)
    try:
        return await store.load(stage, partition)
    finally:
        await store.close()


@pytest.mark.redis
def test_a_worker_finds_the_state_at_the_topics_end():
    operations = Operations.load()
    pipeline = Pipeline(2, operations, RuleSet.load(), [Model.load()])
    decoder = Decoder(operations)
    for table in Wish("normal", 3, 1, 100, 20).market():
        pipeline.step(decoder.table(table, 0)[0])
    pipeline.finish()
    with EmbeddedRedis() as redis, EmbeddedKafka(dict.fromkeys(Topics.of(Settings()), 2)) as kafka:
        settings = Settings(broker=kafka.url, redis=redis.url, partitions=2)
        watermarks = [fold.watermark_ms for fold in pipeline.folds]
        entities = [detect.entities for detect in pipeline.detects[0]]
        hand_over(pipeline, settings)
        fresh = Pipeline(2, operations, RuleSet.load(), [Model.load()])
        for p in range(2):
            for stage, state in (("fold", fresh.folds[p]), ("detect", fresh.detects[0][p])):
                loaded = asyncio.run(_loaded(settings, stage, p))
                assert loaded.position == 0
                state.restore(loaded.pages)
        cases = asyncio.run(_loaded(settings, "actors", 0))
        fresh.actors[0].restore(cases.pages)
        assert fresh.actors[0].closed_to_ms == pipeline.actors[0].closed_to_ms > 0
        assert [fold.watermark_ms for fold in fresh.folds] == watermarks
        assert [fold.next_offset for fold in fresh.folds] == [0, 0]
        assert [detect.entities for detect in fresh.detects[0]] == entities
        assert sum(entities) > 10
