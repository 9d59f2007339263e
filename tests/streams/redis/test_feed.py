"""The feed on a real Redis: told twice is told once, newest versions, following over a restart, bounds."""

import asyncio
import json
import tracemalloc

import pytest
from redis.asyncio import Redis

from models.errors import ConfigError, PoolwatchError
from streams.brokers.own_redis import EmbeddedRedis
from streams.redis import feed, feed_writer
from streams.redis.feed import Back, Cut, Entry, Feed, FeedKeys, Lost
from streams.redis.feed_writer import Keep
from tests.streams.sample import alert, raw

pytestmark = pytest.mark.redis
KEYS = FeedKeys("test")
KEEP = Keep()


@pytest.fixture(scope="module")
def one_redis(redis_server):
    """A Redis of this module's own, that can be killed and started again."""
    assert redis_server  # where there is none, this has skipped or failed
    with EmbeddedRedis() as made:
        yield made


@pytest.fixture
def server(one_redis):
    """The same, emptied. What it is told it has written when it answers: a kill loses none of it."""
    run(_prepare(one_redis.url))
    return one_redis


async def _prepare(url):
    async with Redis.from_url(url) as redis:
        await redis.flushall()
        await redis.config_set("appendfsync", "always")


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


async def tell(server, *alerts, keep=KEEP):
    async with Redis.from_url(server.url) as redis:
        return await feed_writer.publish(redis, KEYS, alerts, keep)


async def listened(server):
    """Wait until somebody waits for what comes."""
    async with Redis.from_url(server.url) as redis, asyncio.timeout(20):
        while not (await redis.info("clients"))["blocked_clients"]:
            await asyncio.sleep(0.02)


async def take(stream, count):
    """The next `count` things that `follow` yields."""
    return [await asyncio.wait_for(anext(stream), 20) for _ in range(count)]


def names(things):
    return [(t.head.alert_id[-2:], t.head.version) if isinstance(t, Entry) else type(t) for t in things]


def test_told_twice_is_told_once_and_an_older_version_changes_nothing(server):
    async def go():
        assert await tell(server, raw(1), raw(1, 3)) == {alert(1)["alert_id"]}
        assert await tell(server, raw(1), raw(1, 2), raw(1, 4), raw(2, 2)) == {alert(2)["alert_id"]}
        reader = Feed(server.url, "test")
        entries = await reader.read("0")
        held = [json.loads(one) for one in await reader.latest()]
        one = json.loads(await reader.alert(alert(1)["alert_id"]))
        await reader.close()
        return names(entries), held, one

    entries, held, one = run(go())
    assert entries == [("01", 1), ("01", 3), ("01", 4), ("02", 2)]
    assert held == [alert(1, 4), alert(2, 2)]  # last seen first
    assert one == alert(1, 4)


def test_the_prefix_is_in_every_key():
    assert FeedKeys("").stream == "poolwatch:alerts"
    assert KEYS.stream == "test.poolwatch:alerts"
    assert KEYS.latest == "{test.poolwatch:alerts}:latest"


def test_the_feed_is_bounded(server):
    async def go():
        for start in range(0, 3_000, 500):
            told = [raw(n, seller_ids=[], key_ids=[]) for n in range(start, start + 500)]
            await tell(server, *told, keep=Keep(entries=1_000, alerts=300, days=1))
        reader = Feed(server.url, "test")
        held = await reader.latest(limit=10_000)
        stream = await reader._redis.xlen(KEYS.stream)
        first = await take(reader.follow("1-0"), 1)
        await reader.close()
        return [json.loads(one) for one in held], stream, first

    held, stream, first = run(go())
    span_ms = held[0]["last_seen"] - held[-1]["last_seen"]
    assert len(held) == 24 * 60 // 7 + 1  # an alert each 7 minutes, a day kept
    assert span_ms <= 86_400_000
    assert 1_000 <= stream < 1_200
    assert names(first) == [Cut]


def test_so_many_alerts_are_kept_those_seen_last(server):
    async def go():
        await tell(server, *[raw(n) for n in range(30)], keep=Keep(alerts=10))
        await tell(server, raw(25, 20), raw(30), keep=Keep(alerts=10))
        reader = Feed(server.url, "test")
        held = [json.loads(one)["alert_id"] for one in await reader.latest(limit=100)]
        await reader.close()
        return held

    assert run(go()) == [alert(n)["alert_id"] for n in (25, 30, 29, 28, 27, 26, 24, 23, 22, 21)]


def test_paging_and_filter(server):
    async def go():
        await tell(server, *[raw(n) for n in range(450)])
        reader = Feed(server.url, "test")
        pages = [
            [
                json.loads(one)["alert_id"]
                for one in await reader.latest(lambda h: h.severity == "critical", skip=s)
            ]
            for s in (0, 50, 100)
        ]
        since = await reader.latest(since_ms=alert(440)["last_seen"], limit=500)
        await reader.close()
        return pages, since

    pages, since = run(go())
    wanted = [alert(n)["alert_id"] for n in reversed(range(450)) if n % 4 == 2]
    assert pages == [wanted[:50], wanted[50:100], wanted[100:]]
    assert len(since) == 10


def test_what_is_skipped_is_not_held(server):
    """The peak of a page far down is that of the first."""

    async def go():
        padding = "x" * 20_000
        await tell(server, *[raw(n, pad=padding) for n in range(1_500)])
        reader = Feed(server.url, "test")
        peaks = []
        for skip in (0, 1_450):
            tracemalloc.start()
            assert len(await reader.latest(skip=skip, limit=50)) == 50
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        await reader.close()
        return peaks

    first, far = run(go())
    assert far < 2.5 * first


@pytest.mark.slow
def test_follow_outlives_a_killed_redis(server):
    # told      1 2 | killed | started | 3 2(v2)
    # followed  1 2   Lost     Back      3 2(v2)
    async def go():
        await tell(server, raw(1), raw(2))
        reader = Feed(server.url, "test")
        stream = reader.follow("0")
        seen = await take(stream, 2)
        server.kill()
        seen += await take(stream, 1)
        with pytest.raises(PoolwatchError, match="start it"):
            await reader.check()
        server.start()
        seen += await take(stream, 1)
        await tell(server, raw(1), raw(3), raw(2, 2))
        seen += await take(stream, 2)
        await reader.close()
        return names(seen)

    assert run(go()) == [("01", 1), ("02", 1), Lost, Back, ("03", 1), ("02", 2)]


def test_follow_outlives_a_redis_that_refuses(server):
    # told       1 | refused | 2
    # followed   1   Lost      Back 2
    async def go():
        await tell(server, raw(1))
        reader = Feed(server.url, "test")
        stream = reader.follow("0")
        seen = await take(stream, 1)
        async with Redis.from_url(server.url) as redis:
            await redis.rename(KEYS.stream, "aside")
            await redis.set(KEYS.stream, "no stream")
            seen += await take(stream, 1)
            await redis.rename("aside", KEYS.stream)
        seen += await take(stream, 1)
        await tell(server, raw(2))
        seen += await take(stream, 1)
        await reader.close()
        return seen

    seen = run(go())
    assert names(seen) == [("01", 1), Lost, Back, ("02", 1)]
    assert "WRONGTYPE" in seen[1].reason


def test_follow_from_now_and_from_an_id(server):
    async def go():
        await tell(server, raw(1), raw(2), raw(3))
        reader, other = Feed(server.url, "test"), Feed(server.url, "test")
        second = (await reader.read("0"))[1].id
        later = names(await take(reader.follow(second), 1))
        waiting = asyncio.create_task(take(other.follow(), 1))
        await listened(server)
        await tell(server, raw(4))
        now = names(await waiting)
        await reader.close()
        await other.close()
        return later, now

    assert run(go()) == ([("03", 1)], [("04", 1)])


@pytest.mark.parametrize("text", ["0", "$", "1700000000000-0", "17"])
def test_positions(text):
    assert feed.position(text) == text


@pytest.mark.parametrize("text", ["", "now", "1-2-3", "-1", "1" * 30, "1-0\n", "١٢"])
def test_a_wrong_position_is_named(text):
    with pytest.raises(ConfigError, match="feed position"):
        feed.position(text)


def test_a_wrong_address_is_one_line():
    with pytest.raises(ConfigError, match="redis localhost:6379: write redis:"):
        Feed("localhost:6379")


@pytest.mark.parametrize("warm", [True, False])
def test_a_follower_that_is_cancelled_ends_at_whatever_step_it_is(server, warm):
    async def follow(follower):
        async for _ in follower.follow("0"):
            pass

    async def go(steps):
        follower = Feed(server.url, "test")
        if warm:
            await follower.check()
        following = asyncio.create_task(follow(follower))
        for _ in range(steps):
            await asyncio.sleep(0)
        following.cancel()
        ended, _ = await asyncio.wait([following], timeout=20)
        following.cancel()
        await follower.close()
        return bool(ended)

    assert [steps for steps in range(40) if not run(go(steps))] == []
