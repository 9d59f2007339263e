"""Pages of state <-> Redis (or memory), fenced by epoch. Decides nothing.

Per stage and partition, all with the partition as hash tag so that a Redis Cluster serves:

    poolwatch:{3}:fold:head         hash   epoch, position
    poolwatch:{3}:fold:pages        set    names of the pages
    poolwatch:{3}:fold:page:NAME    string one page
    poolwatch:{3}:fold:new:E:NAME   string a page on its way in, expires by itself
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import redis.asyncio as redis_client
from redis.exceptions import RedisError, ResponseError

from models.errors import Fenced, PoolwatchError
from models.pages import Pages

#: Bytes sent to Redis in one go: short enough that nobody else waits long for Redis.
CHUNK_BYTES = 4 << 20
#: Keys in one MGET or one script: Redis' Lua stack and latency both like it small.
CHUNK_KEYS = 1_000
STAGED_S = 600


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `load` gives: the epoch now held, the position to go on from (None = no snapshot), the pages."""

    epoch: int
    position: int | None
    pages: dict[str, bytes]


class SnapshotStore(Protocol):
    """Where snapshots are kept. Positions are the next offset to apply."""

    async def load(self, stage: str, partition: int) -> Loaded:
        """Take the partition: from now on older epochs are fenced. PoolwatchError: store away."""

    async def save(self, stage: str, partition: int, epoch: int, position: int, pages: Pages) -> None:
        """All pages and the position, or nothing. Fenced: somebody else took the partition since."""

    async def holds(self, stage: str, partition: int, epoch: int) -> bool:
        """Whether `epoch` is still the newest."""

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(slots=True)
class _Kept:
    epoch: int = 0
    position: int | None = None
    pages: dict[str, bytes] = field(default_factory=dict)


class MemorySnapshots:
    """Snapshots for one process and its lifetime: tests, and a worker without Redis."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], _Kept] = {}

    def _of(self, stage: str, partition: int) -> _Kept:
        return self._kept.setdefault((stage, partition), _Kept())

    async def load(self, stage: str, partition: int) -> Loaded:
        kept = self._of(stage, partition)
        kept.epoch += 1
        return Loaded(kept.epoch, kept.position, dict(kept.pages))

    async def save(self, stage: str, partition: int, epoch: int, position: int, pages: Pages) -> None:
        kept = self._of(stage, partition)
        if kept.epoch != epoch:
            raise fenced(stage, partition, epoch, kept.epoch)
        for name, page in pages.items():
            if page is None:
                kept.pages.pop(name, None)
            else:
                kept.pages[name] = page
        kept.position = position

    async def holds(self, stage: str, partition: int, epoch: int) -> bool:
        return self._of(stage, partition).epoch == epoch

    async def close(self) -> None:
        return None


def fenced(stage: str, partition: int, mine: int, now: int) -> Fenced:
    return Fenced(f"{stage}[{partition}]: epoch {mine} was taken over by {now}; this worker joins again")


# KEYS: head, set of names, pages that go, (staged, live) of each that comes.
# ARGV: epoch, position, how many go, how many come, names that go, names that come.
_COMMIT = """
local now = redis.call('HGET', KEYS[1], 'epoch')
if now ~= ARGV[1] then return redis.error_reply('FENCED ' .. tostring(now)) end
local gone = tonumber(ARGV[3])
local come = tonumber(ARGV[4])
for i = 1, gone do
  redis.call('SREM', KEYS[2], ARGV[4 + i])
  redis.call('UNLINK', KEYS[2 + i])
end
for i = 1, come do
  local staged = KEYS[2 + gone + 2 * i - 1]
  local live = KEYS[2 + gone + 2 * i]
  if redis.call('EXISTS', staged) == 0 then return redis.error_reply('STAGED ' .. staged) end
end
for i = 1, come do
  local staged = KEYS[2 + gone + 2 * i - 1]
  local live = KEYS[2 + gone + 2 * i]
  redis.call('RENAME', staged, live)
  redis.call('PERSIST', live)
  redis.call('SADD', KEYS[2], ARGV[4 + gone + i])
end
redis.call('HSET', KEYS[1], 'position', ARGV[2])
return 1
"""


class RedisSnapshots:
    """Snapshots in Redis. Pages are first sent under names of their own, then moved in by one script:
    the script is short however large the state is, and a snapshot is there whole or not at all."""

    def __init__(self, url: str, prefix: str = "") -> None:
        """`prefix` as in Settings.prefix."""
        self._redis = connect(url)
        self._root = f"{prefix}.poolwatch" if prefix else "poolwatch"
        self._commit = self._redis.register_script(_COMMIT)

    def _key(self, stage: str, partition: int, rest: str) -> str:
        return f"{self._root}:{{{partition}}}:{stage}:{rest}"

    async def load(self, stage: str, partition: int) -> Loaded:
        try:
            head = self._key(stage, partition, "head")
            # The epoch first: whoever held the partition can change nothing from here on.
            epoch = int(await self._redis.hincrby(head, "epoch", 1))
            position = await self._redis.hget(head, "position")
            names = sorted(
                n.decode() for n in await self._redis.smembers(self._key(stage, partition, "pages"))
            )
            pages: dict[str, bytes] = {}
            for start in range(0, len(names), CHUNK_KEYS):
                part = names[start : start + CHUNK_KEYS]
                found = await self._redis.mget([self._key(stage, partition, f"page:{n}") for n in part])
                pages.update({n: page for n, page in zip(part, found, strict=True) if page is not None})
        except RedisError as error:
            raise away(error) from error
        if len(pages) != len(names):
            raise PoolwatchError(
                f"{stage}[{partition}]: {len(names) - len(pages)} pages of the snapshot are gone from Redis "
                "(maxmemory-policy must be noeviction); delete its keys to start from the topic again"
            )
        return Loaded(epoch, None if position is None else int(position), pages)

    async def save(self, stage: str, partition: int, epoch: int, position: int, pages: Pages) -> None:
        try:
            await self._stage(stage, partition, epoch, pages)
            gone = [name for name, page in pages.items() if page is None]
            come = [name for name, page in pages.items() if page is not None]
            keys = [self._key(stage, partition, "head"), self._key(stage, partition, "pages")]
            keys += [self._key(stage, partition, f"page:{name}") for name in gone]
            for name in come:
                keys += [
                    self._key(stage, partition, f"new:{epoch}:{name}"),
                    self._key(stage, partition, f"page:{name}"),
                ]
            await self._commit(keys=keys, args=[epoch, position, len(gone), len(come), *gone, *come])
        except ResponseError as error:
            text = str(error)
            if text.startswith("FENCED"):
                raise fenced(stage, partition, epoch, int(text.split()[1])) from None
            raise away(error) from error
        except RedisError as error:
            raise away(error) from error

    async def _stage(self, stage: str, partition: int, epoch: int, pages: Pages) -> None:
        for part in _parts(pages):
            async with self._redis.pipeline(transaction=False) as pipe:
                for name, page in part:
                    pipe.set(self._key(stage, partition, f"new:{epoch}:{name}"), page, ex=STAGED_S)
                await pipe.execute()
            await asyncio.sleep(0)

    async def holds(self, stage: str, partition: int, epoch: int) -> bool:
        try:
            return int(await self._redis.hget(self._key(stage, partition, "head"), "epoch") or 0) == epoch
        except RedisError as error:
            raise away(error) from error

    async def close(self) -> None:
        await self._redis.aclose()


def _parts(pages: Pages) -> list[Sequence[tuple[str, bytes]]]:
    """Pages that come, in runs of at most CHUNK_BYTES (or one page) and CHUNK_KEYS."""
    parts: list[Sequence[tuple[str, bytes]]] = []
    part: list[tuple[str, bytes]] = []
    size = 0
    for name, page in pages.items():
        if page is None:
            continue
        if part and (size + len(page) > CHUNK_BYTES or len(part) == CHUNK_KEYS):
            parts.append(part)
            part, size = [], 0
        part.append((name, page))
        size += len(page)
    return [*parts, part] if part else parts


def connect(url: str) -> Any:
    """redis.asyncio client that fails soon: callers wait and say so. Connects at first use."""
    try:
        return redis_client.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=10, retry=None)
    except ValueError as error:
        from models.errors import ConfigError

        raise ConfigError(f"redis {url!r}: write redis://HOST:PORT/0 ({error})") from None


class StoreAwayError(PoolwatchError):
    """Redis does not answer or refuses: worth waiting for."""


def away(error: Exception) -> StoreAwayError:
    return StoreAwayError(f"Redis: {type(error).__name__}: {str(error)[:200]}")
