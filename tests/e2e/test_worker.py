"""A worker on the embedded brokers: alerts come out, bad records go to the dead letters and stop nothing."""

import asyncio
import json
from pathlib import Path

import pytest

from streams import worker
from streams.feed import Feed
from streams.producer import FastProducer
from streams.settings import Settings
from tests.e2e import chaos

pytestmark = pytest.mark.redis


async def until(ready, limit_s=180):
    async with asyncio.timeout(limit_s):
        while not await ready():
            await asyncio.sleep(0.2)


def test_alerts_and_dead_letters(embedded_kafka, redis_url):
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
        running = asyncio.create_task(worker.run(settings, stop))
        with FastProducer(settings, "usage-events") as producer:
            producer.send(chaos.events(3, 2_000, 500))
            producer.send([(b"x", b'{"broken'), (b"x", b""), (b"x", b'{"customers": "alice@example.org"}')])
            producer.send(chaos.events(4, 500, 500))
        feed = Feed(redis_url)

        async def alerted():
            return len({entry.head.entity_id for entry in await feed.read("0", count=10_000)}) >= 60

        await until(alerted)
        stop.set()
        await asyncio.wait_for(running, 30)
        await feed.close()

    asyncio.run(go())
    letters = [
        value for part in chaos.read_all(settings, "usage-events-dlq").values() for _, _, value in part
    ]
    assert len(letters) == 3
    assert not any(b"alice" in letter for letter in letters)
    assert {tuple(json.loads(letter)) for letter in letters} == {("topic", "partition", "offset", "reason")}
