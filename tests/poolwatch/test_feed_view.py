"""`poolwatch feed` on a real Redis: past alerts, JSON lines that tell where to go on."""

import asyncio
import json

import pytest
from redis.asyncio import Redis

from models.errors import ConfigError, PoolwatchError
from poolwatch import feed_view
from streams.redis import feed, feed_writer
from tests.streams.sample import alert, raw

pytestmark = pytest.mark.redis


async def _tell(url, *alerts):
    async with Redis.from_url(url) as redis:
        await feed_writer.publish(redis, feed.FeedKeys(""), alerts)


@pytest.fixture
def url(redis_url):
    asyncio.run(_tell(redis_url, *[raw(n) for n in range(15)]))
    return redis_url


def test_json_lines_resume_from_their_own_id(url, capfdbinary):
    feed_view.follow(url, after="0", as_json=True, once=True)
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    ids = [line.pop("feed_id") for line in lines]
    assert lines == [alert(n) for n in range(15)]
    feed_view.follow(url, after=ids[11], as_json=True, once=True)
    rest = [json.loads(line)["alert_id"] for line in capfdbinary.readouterr().out.splitlines()]
    assert rest == [alert(n)["alert_id"] for n in (12, 13, 14)]
    for at_the_end in (ids[14], f"{int(ids[14].split('-')[0]) + 1}", "$"):
        feed_view.follow(url, after=at_the_end, as_json=True, once=True)
        assert capfdbinary.readouterr().out == b""


def test_without_a_position_the_newest_few(url, capfd):
    feed_view.follow(url, once=True)
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == feed_view.RECENT
    assert "dev-0014" in lines[-1]
    assert "Personal data of 92 sellers" in lines[-1]


def test_a_later_version_says_that_it_is_one(url, capfd):
    gone = raw(13, 2, superseded_by=alert(14)["alert_id"])
    asyncio.run(_tell(url, raw(14, 2, count=210), gone, raw(12, 2, withdrawn=True)))
    feed_view.follow(url, once=True)
    *first, one, two, three = capfd.readouterr().out.splitlines()
    assert not any("update" in line or "stands no longer" in line for line in first)
    assert "dev-0014  [update 2: over the line for 210 minutes, last 09 Oct 10:37] Personal data" in one
    assert f"[stands no longer: alert {alert(14)['alert_id']} tells it from its beginning]" in two
    assert "[stands no longer: told early" in three


def test_what_is_wrong_is_one_line(url):
    with pytest.raises(ConfigError, match="feed position"):
        feed_view.follow(url, after="yesterday")
    with pytest.raises(PoolwatchError, match="give another with --redis"):
        feed_view.follow("redis://127.0.0.1:1/0")
