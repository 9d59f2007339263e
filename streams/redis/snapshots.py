"""Pages of state <-> Redis, fenced by epoch. Decides nothing.

Per stage and partition:

    poolwatch:{3}:fold:head         hash    epoch, position
    poolwatch:{3}:fold:pages        hash    page name -> page
    poolwatch:{3}:fold:part:E:N     string  pages on their way in, by epoch E; expires by itself
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from redis.exceptions import RedisError, ResponseError

from models.errors import Fenced
from models.memory.pages import Pages
from streams.redis.connect import away, connect

#: Bytes sent to Redis in one go: short enough that nobody else waits long for Redis.
CHUNK_BYTES = 4 << 20
#: Pages read at once.
CHUNK_PAGES = 1_000
STAGED_S = 600


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `load` gives: the epoch now owned, the position to go on from (None = no snapshot), the pages."""

    epoch: int
    position: int | None
    pages: dict[str, bytes]


def fenced(stage: str, partition: int, mine: int, now: int) -> Fenced:
    return Fenced(f"{stage}[{partition}]: epoch {mine} was taken over by {now}; this worker joins again")


# KEYS: head, pages, staged parts; ARGV: epoch, position, names of pages that go. A part is, for each page,
# two lengths, its name, its content (Redis' cmsgpack knows no binary); runs are as long as Lua's stack bears.
_COMMIT = """
local now = redis.call('HGET', KEYS[1], 'epoch')
if now ~= ARGV[1] then return redis.error_reply('FENCED ' .. tostring(now)) end
for i = 3, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 0 then return redis.error_reply('STAGED part is gone: ' .. KEYS[i]) end
end
for i = 3, #ARGV, 1000 do redis.call('HDEL', KEYS[2], unpack(ARGV, i, math.min(i + 999, #ARGV))) end
for i = 3, #KEYS do
  local part = redis.call('GET', KEYS[i])
  local at, run = 1, {}
  while at <= #part do
    local name, page
    name, page, at = struct.unpack('<I4I4', part, at)
    run[#run + 1] = string.sub(part, at, at + name - 1)
    run[#run + 1] = string.sub(part, at + name, at + name + page - 1)
    at = at + name + page
    if #run == 1000 or at > #part then
      redis.call('HSET', KEYS[2], unpack(run))
      run = {}
    end
  end
  redis.call('DEL', KEYS[i])
end
redis.call('HSET', KEYS[1], 'position', ARGV[2])
return 1
"""


class RedisSnapshots:
    """Snapshots in Redis. Pages are first sent in parts under names of their own, then one script files them:
    a snapshot is there whole or not at all, and no part holds others up for long."""

    def __init__(self, url: str, prefix: str = "") -> None:
        """`prefix` as in Settings.prefix."""
        self._redis = connect(url)
        self._root = f"{prefix}.poolwatch" if prefix else "poolwatch"
        self._commit = self._redis.register_script(_COMMIT)

    def _key(self, stage: str, partition: int, rest: str) -> str:
        return f"{self._root}:{{{partition}}}:{stage}:{rest}"

    async def load(self, stage: str, partition: int) -> Loaded:
        """Take the partition: from now on older epochs are fenced. StoreAwayError: no Redis."""
        try:
            head = self._key(stage, partition, "head")
            # The epoch first: whoever owned the partition can change nothing from here on.
            epoch = int(await self._redis.hincrby(head, "epoch", 1))
            position = await self._redis.hget(head, "position")
            key = self._key(stage, partition, "pages")
            names: list[bytes] = await self._redis.hkeys(key)
            pages: dict[str, bytes] = {}
            for start in range(0, len(names), CHUNK_PAGES):
                part = names[start : start + CHUNK_PAGES]
                found = await self._redis.hmget(key, part)
                pages.update({name.decode(): page for name, page in zip(part, found, strict=True)})
        except RedisError as error:
            raise away(error) from error
        return Loaded(epoch, None if position is None else int(position), pages)

    async def save(self, stage: str, partition: int, epoch: int, position: int, pages: Pages) -> None:
        """All pages and the position, the next offset to apply, or nothing.

        Fenced: somebody else took the partition since. StoreAwayError: no Redis.
        """
        try:
            staged = await self._stage(stage, partition, epoch, pages)
            keys = [self._key(stage, partition, "head"), self._key(stage, partition, "pages"), *staged]
            gone = [name for name, page in pages.items() if page is None]
            await self._commit(keys=keys, args=[epoch, position, *gone])
        except ResponseError as error:
            text = str(error)
            if text.startswith("FENCED"):
                raise fenced(stage, partition, epoch, int(text.split()[1])) from None
            raise away(error) from error
        except RedisError as error:
            raise away(error) from error

    async def _stage(self, stage: str, partition: int, epoch: int, pages: Pages) -> list[str]:
        """Send pages that come, in parts of about CHUNK_BYTES; returns the parts' keys."""
        keys = []
        for number, part in enumerate(_parts(pages)):
            keys.append(self._key(stage, partition, f"part:{epoch}:{number}"))
            await self._redis.set(keys[-1], part, ex=STAGED_S)
        return keys

    async def owns(self, stage: str, partition: int, epoch: int) -> bool:
        """Whether `epoch` is still the newest. StoreAwayError: no Redis."""
        try:
            return int(await self._redis.hget(self._key(stage, partition, "head"), "epoch") or 0) == epoch
        except RedisError as error:
            raise away(error) from error

    async def close(self) -> None:
        """Let go of connections."""
        await self._redis.aclose()


def _parts(pages: Pages) -> Iterator[bytes]:
    """Pages that come, as _COMMIT reads them, cut once a part has CHUNK_BYTES."""
    part: list[bytes] = []
    size = 0
    for name, page in pages.items():
        if page is None:
            continue
        text = name.encode()
        part += (struct.pack("<II", len(text), len(page)), text, page)
        size += len(page)
        if size >= CHUNK_BYTES:
            yield b"".join(part)
            part, size = [], 0
    if part:
        yield b"".join(part)
