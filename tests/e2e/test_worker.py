"""A worker on the embedded brokers: alerts come out, bad records go to the dead letters and stop nothing."""

import asyncio
import json
import logging
from pathlib import Path

import pytest

from streams.kafka.producer import FastProducer
from streams.page.api import WORKER_SILENT_MS
from streams.redis.feed import Feed
from streams.settings import Settings
from streams.worker import worker
from tests.e2e import chaos

pytestmark = pytest.mark.redis


async def until(ready, limit_s=180):
    async with asyncio.timeout(limit_s):
        while not await ready():
            await asyncio.sleep(0.2)


def without(field, pairs):
    for key, value in pairs:
        event = json.loads(value)
        del event[field]
        yield key, json.dumps(event).encode()


@pytest.mark.slow
def test_alerts_and_dead_letters(embedded_kafka, redis_url, caplog):
    caplog.set_level(logging.INFO, "poolwatch.worker")
    settings = Settings(
        broker=embedded_kafka.url,
        redis=redis_url,
        partitions=4,
        rules=str(Path(__file__).with_name("rules")),
        idle_s=1,
        snapshot_s=1,
    )

    async def go():
        stop = asyncio.Event()
        feed = Feed(redis_url)
        heard, _ = await feed.heard()
        assert heard is None
        running = asyncio.create_task(worker.run(settings, stop))
        with FastProducer(settings, "usage-events") as producer:
            producer.send(without("bytes", chaos.events(3, 2_000, 500)))
            producer.send([(b"x", b'{"broken'), (b"x", b""), (b"x", b'{"customers": "alice@example.org"}')])
            producer.send(without("bytes", chaos.events(4, 500, 500)))

        async def alerted():
            return len({entry.head.entity_id for entry in await feed.read("0", count=10_000)}) >= 60

        async def beats():
            heard, now = await feed.heard()
            return heard is not None and now - heard < WORKER_SILENT_MS

        await until(alerted)
        await until(beats, 20)
        stop.set()
        await asyncio.wait_for(running, 30)
        last, _ = await feed.heard()
        await asyncio.sleep(2 * settings.wait_s)
        assert (await feed.heard())[0] == last, "a worker that has ended is silent"
        await feed.close()

    asyncio.run(go())
    said = [record.getMessage() for record in caplog.records]
    told = [line for line in said if "records rejected, see topic usage-events-dlq; most often: " in line]
    assert sum(int(line.split()[0]) for line in told) == 3
    assert any("bytes never came, which switches off 1 of " in line for line in said)
    assert said[-1] == "worker has stopped, in order"
    letters = [
        value for part in chaos.read_all(settings, "usage-events-dlq").values() for _, _, value in part
    ]
    assert len(letters) == 3
    assert not any(b"alice" in letter for letter in letters)
    assert {tuple(json.loads(letter)) for letter in letters} == {("topic", "partition", "offset", "reason")}
