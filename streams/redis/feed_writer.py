"""How alerts enter the feed in Redis. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from streams.redis.feed import LATEST_ALERTS, READ_ALERTS, FeedKeys, heads
from streams.settings import Settings

# A version that is not newer than the one held changes nothing, so telling an alert again is harmless and
# no reader sees it twice. ARGV: entries, alerts, ms to keep; alert_id, version, last_seen, JSON of each.
_PUBLISH = """
local first = {}
for i = 4, #ARGV, 4 do
  local old = redis.call('HGET', KEYS[2], ARGV[i])
  if not old or cjson.decode(old)['version'] < tonumber(ARGV[i + 1]) then
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 3])
    redis.call('ZADD', KEYS[3], ARGV[i + 2], ARGV[i])
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'alert', ARGV[i + 3])
    if not old then first[#first + 1] = ARGV[i] end
  end
end
local function drop(ids)
  for _, id in ipairs(ids) do
    redis.call('HDEL', KEYS[2], id)
    redis.call('ZREM', KEYS[3], id)
  end
end
local newest = redis.call('ZREVRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2] or '0'
local aged = string.format('(%.0f', tonumber(newest) - tonumber(ARGV[3]))
drop(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', aged, 'LIMIT', 0, 1000))
local surplus = redis.call('ZCARD', KEYS[3]) - tonumber(ARGV[2])
if surplus > 0 then drop(redis.call('ZRANGE', KEYS[3], 0, math.min(surplus, 1000) - 1)) end
return first
"""


@dataclass(frozen=True, slots=True)
class Keep:
    """How much the feed keeps, at most. Age is event time, counted back from the newest alert."""

    entries: int = Settings().feed_length
    alerts: int = LATEST_ALERTS
    days: float = Settings().feed_days


# One clock, that of Redis, says when a worker was heard of and how long ago that is.
_BEAT = """
local now = redis.call('TIME')
return redis.call('SET', KEYS[1], string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000)))
"""


async def beat(redis: Any, keys: FeedKeys) -> None:
    """Tell readers of the feed that a worker runs. Errors of `redis` are the caller's."""
    await redis.eval(_BEAT, 1, keys.worker)


async def publish(redis: Any, keys: FeedKeys, alerts: Iterable[bytes], keep: Keep = Keep()) -> set[str]:
    """Tell alerts (contract JSON, one each) to the feed; ids of those that it held in no version.

    `redis` is an asyncio client; its errors are the caller's to meet: telling all again is harmless.
    """
    first: set[str] = set()
    batch: list[bytes | str | int] = []
    for raw in alerts:
        head = heads.decode(raw)
        batch += [head.alert_id, head.version, head.last_seen, raw]
        if len(batch) >= 4 * READ_ALERTS:
            first |= await _run(redis, keys, keep, batch)
            batch = []
    return first | (await _run(redis, keys, keep, batch) if batch else set())


async def _run(redis: Any, keys: FeedKeys, keep: Keep, batch: Sequence[bytes | str | int]) -> set[str]:
    limits = (keep.entries, keep.alerts, int(keep.days * 86_400_000))
    first = await redis.eval(_PUBLISH, 3, keys.stream, keys.latest, keys.order, *limits, *batch)
    return {alert_id.decode() for alert_id in first}
