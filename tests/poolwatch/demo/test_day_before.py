"""The demo's day before, on a real Redis and the embedded broker."""

import asyncio
import json

import pytest

from poolwatch.demo.day_before import learn
from poolwatch.demo.market import HISTORY_MS, DemoMarket
from streams.redis.feed import Feed
from streams.settings import Settings

RULE = """
feature = "sellers_24h"
above = 1
severity = "low"
weight = 0.5
why = "It has two sellers."
do = "Nothing."
cases = [{ it = "two", value = 2, fires = true }, { it = "one", value = 1, fires = false }]
"""


@pytest.mark.redis
def test_alerts_of_the_day_before_name_no_places_for_its_events_lie_in_no_topic(
    embedded_kafka, redis_url, tmp_path
):
    (tmp_path / "two.toml").write_text(RULE)
    settings = Settings(broker=embedded_kafka.url, redis=redis_url, partitions=4, rules=str(tmp_path))
    assert list(learn(DemoMarket(1, HISTORY_MS // 25), settings))

    async def told():
        feed = Feed(redis_url)
        try:
            return [json.loads(alert) for alert in await feed.latest(limit=10)]
        finally:
            await feed.close()

    alerts = asyncio.run(told())
    assert alerts
    assert not any(alert["evidence"] for alert in alerts)
