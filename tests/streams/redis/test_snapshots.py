"""Snapshots in a real Redis: whole or not at all, and only by who holds the partition."""

import asyncio
import os

import pytest

from models.errors import ConfigError, Fenced
from streams.redis import snapshots
from streams.redis.connect import StoreAwayError, connect
from streams.redis.feed import Feed
from streams.redis.snapshots import RedisSnapshots


@pytest.fixture
def store(redis_url):
    return RedisSnapshots(redis_url, prefix="test")


async def check(store, steps):
    try:
        await steps(store)
    finally:
        await store.close()


def run(store, steps):
    asyncio.run(check(store, steps))


@pytest.mark.redis
def test_nothing_saved_gives_no_position(store):
    async def steps(store):
        loaded = await store.load("fold", 3)
        assert (loaded.epoch, loaded.position, loaded.pages) == (1, None, {})

    run(store, steps)


@pytest.mark.redis
def test_later_pages_replace_earlier_and_none_deletes(store):
    async def steps(store):
        epoch = (await store.load("fold", 3)).epoch
        await store.save("fold", 3, epoch, 4096, {"a": b"1", "b": b"\x00\xff" * 9, "c": b""})
        await store.save("fold", 3, epoch, 8192, {"a": b"2", "b": None, "never": None})
        loaded = await store.load("fold", 3)
        assert (loaded.position, loaded.pages) == (8192, {"a": b"2", "c": b""})

    run(store, steps)


@pytest.mark.redis
def test_stages_and_partitions_do_not_meet(store):
    async def steps(store):
        for stage, partition in (("fold", 1), ("fold", 11), ("detect", 1)):
            epoch = (await store.load(stage, partition)).epoch
            await store.save(stage, partition, epoch, partition, {"page": f"{stage}{partition}".encode()})
        assert (await store.load("fold", 1)).pages == {"page": b"fold1"}
        assert (await store.load("fold", 11)).pages == {"page": b"fold11"}
        assert (await store.load("detect", 1)).pages == {"page": b"detect1"}

    run(store, steps)


@pytest.mark.redis
def test_an_older_epoch_writes_nothing(store):
    # a   load(1) save            save -> Fenced
    # b                  load(2)         save
    async def steps(store):
        a = await store.load("detect", 0)
        await store.save("detect", 0, a.epoch, 10, {"x": b"a"})
        b = await store.load("detect", 0)
        assert not await store.owns("detect", 0, a.epoch)
        assert await store.owns("detect", 0, b.epoch)
        with pytest.raises(Fenced, match=r"detect\[0\]"):
            await store.save("detect", 0, a.epoch, 20, {"x": b"zombie", "y": b"zombie"})
        await store.save("detect", 0, b.epoch, 15, {"z": b"b"})
        assert (await store.load("detect", 0)).pages == {"x": b"a", "z": b"b"}

    run(store, steps)


@pytest.mark.redis
def test_a_large_state_goes_in_parts_and_comes_back_whole(store, monkeypatch):
    monkeypatch.setattr(snapshots, "CHUNK_BYTES", 1_000)
    monkeypatch.setattr(snapshots, "CHUNK_PAGES", 7)

    async def steps(store):
        pages = {f"table/{n}": os.urandom(n * 3) for n in range(100)} | {"big": os.urandom(5_000)}
        epoch = (await store.load("fold", 0)).epoch
        await store.save("fold", 0, epoch, 1, pages)
        assert (await store.load("fold", 0)).pages == pages

    run(store, steps)


@pytest.mark.redis
def test_saving_again_after_a_doubtful_end_is_harmless(store):
    async def steps(store):
        epoch = (await store.load("fold", 0)).epoch
        for _ in range(2):
            await store.save("fold", 0, epoch, 5, {"a": b"1", "b": None})
        assert (await store.load("fold", 0)).pages == {"a": b"1"}

    run(store, steps)


@pytest.mark.redis
def test_nothing_that_was_staged_stays(store, redis_url):
    async def steps(store):
        epoch = (await store.load("fold", 0)).epoch
        await store.save("fold", 0, epoch, 5, {"a": b"1"})
        client = connect(redis_url)
        keys = sorted(key.decode() for key in await client.keys("*"))
        assert keys == [f"test.poolwatch:{{0}}:fold:{rest}" for rest in ("head", "pages")]
        await client.aclose()

    run(store, steps)


@pytest.mark.parametrize("url", ["redis://:word/s3cret@h:6379/0", ":s3cret@h:6379", "redis://:s3cret@h:x"])
def test_an_address_that_cannot_be_read_is_told_without_its_password(url):
    for client in (snapshots.connect, Feed):
        with pytest.raises(ConfigError, match="write redis://HOST:PORT/0") as error:
            client(url)
        assert "s3cret" not in str(error.value)
        assert "word" not in str(error.value).replace("PASSWORD", "")


def test_no_redis_is_said_so():
    async def steps():
        with pytest.raises(StoreAwayError, match="Redis"):
            await RedisSnapshots("redis://127.0.0.1:1/0").load("fold", 0)

    asyncio.run(steps())
