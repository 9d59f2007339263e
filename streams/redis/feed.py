"""The alert feed in Redis: its layout, and how it is read and followed. Decides nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from redis.exceptions import RedisError

from models.errors import ConfigError, PoolwatchError
from streams.redis.connect import connect
from streams.settings import shown

#: Alerts whose newest version is kept.
LATEST_ALERTS = 10_000
READ_ENTRIES = 500
READ_ALERTS = 200
BLOCK_MS = 5_000
RETRY_S = (0.1, 0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class FeedKeys:
    """Names of the feed's keys under a prefix ("" = none).

    stream  entries {alert: JSON}, one per alert version; entry ids are the feed's positions
    latest  hash alert_id -> JSON of its newest version
    order   sorted set alert_id -> time of that version's last_seen, for paging and for bounding `latest`
    worker  Redis' own time, in ms, when a worker last said that it runs
    """

    prefix: str = ""

    @property
    def stream(self) -> str:
        return f"{self.prefix}.poolwatch:alerts" if self.prefix else "poolwatch:alerts"

    @property
    def latest(self) -> str:
        return f"{{{self.stream}}}:latest"

    @property
    def order(self) -> str:
        return f"{{{self.stream}}}:order"

    @property
    def worker(self) -> str:
        return f"{{{self.stream}}}:worker"


class Head(msgspec.Struct, frozen=True):
    """What the feed itself needs to know of an alert; the rest is passed on as it came."""

    alert_id: str
    version: int
    time: int
    severity: str
    entity_kind: str
    entity_id: str
    last_seen: int
    case: str = ""
    superseded_by: str | None = None
    withdrawn: bool = False

    @property
    def stands(self) -> bool:
        """Whether it still counts (models.alerts.alerts.Alert.stands)."""
        return self.superseded_by is None and not self.withdrawn


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert version at its place in the feed."""

    id: str
    head: Head
    raw: bytes

    def alert(self) -> dict[str, Any]:
        """The alert as the contract has it."""
        return msgspec.json.decode(self.raw, type=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Lost:
    """Redis does not answer, or refuses; `follow` goes on trying."""

    reason: str


@dataclass(frozen=True, slots=True)
class Back:
    """Redis answers again, and the feed goes on where it was."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Entries after the position asked for are gone: the newest versions are still in `Feed.latest`."""


heads = msgspec.json.Decoder(Head)


def position(text: str) -> str:
    """A feed position as a person or a browser gives it: 0 (all that is kept), $ (what comes) or an entry id.

    ConfigError where it is none of them.
    """
    if text in ("0", "$") or re.fullmatch(r"[0-9]{1,19}(-[0-9]{1,19})?", text):
        return text
    raise ConfigError(f"feed position {text[:40]!r}: give 0, $ or an id such as 1700000000000-0")


def order(entry_id: str) -> tuple[int, int]:
    """Sorts positions other than $: 1700000000000 is before 1700000000000-1."""
    time, _, number = entry_id.partition("-")
    return int(time), int(number or 0)


class Feed:
    """Reads the feed of one Redis. Every wait is bounded; `follow` outlives a lost connection."""

    def __init__(self, url: str, prefix: str = "") -> None:
        self.url, self.keys = shown(url), FeedKeys(prefix)
        self._redis: Any = connect(
            url, socket_connect_timeout=5, socket_timeout=BLOCK_MS / 1000 + 5, health_check_interval=30
        )

    async def close(self) -> None:
        await self._redis.aclose()

    async def check(self) -> None:
        """PoolwatchError where Redis does not answer."""
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            raise PoolwatchError(
                f"redis {self.url}: {error}; start it (docker compose up redis) or give another with --redis"
            ) from None

    async def heard(self) -> tuple[int | None, int]:
        """(when a worker last said that it runs, None = never; now), both in ms by Redis' clock."""
        said = await self._redis.get(self.keys.worker)
        seconds, micros = await self._redis.time()
        return (None if said is None else int(said)), seconds * 1000 + micros // 1000

    async def end(self) -> str:
        """Position of the newest entry: "0" where there is none."""
        newest = await self._redis.xrevrange(self.keys.stream, count=1)
        return newest[0][0].decode() if newest else "0"

    async def recent(self, count: int) -> str:
        """Position from which the newest `count` entries follow."""
        newest = await self._redis.xrevrange(self.keys.stream, count=count + 1)
        return newest[-1][0].decode() if len(newest) > count else "0"

    async def cut(self, after: str) -> bool:
        """Whether entries later than `after` may be gone already, as the stream keeps only so many."""
        oldest = await self._redis.xrange(self.keys.stream, count=1)
        if not oldest:  # an empty stream: a Redis that lost all, or a feed that has not begun
            return order(after) > (0, 0)
        newest = await self.end()
        return order(after) > order(newest) or (0, 0) < order(after) < order(oldest[0][0].decode())

    async def read(self, after: str, count: int = READ_ENTRIES, block_ms: int = 0) -> list[Entry]:
        """Entries after a position, oldest first, at most `count`; waits up to `block_ms` for the first."""
        answer = await self._redis.xread({self.keys.stream: after}, count=count, block=block_ms or None)
        return [_entry(place, fields) for _, entries in answer for place, fields in entries]

    async def follow(self, after: str = "$") -> AsyncIterator[Entry | Lost | Back | Cut]:
        """Entries after a position, then each as it comes; none lost or doubled over a reconnect."""
        tries, begun = 0, False
        while True:
            try:
                after = await self.end() if after == "$" else after
                if not begun and await self.cut(after):
                    yield Cut()
                begun = True
                entries = await self.read(after, block_ms=0 if tries else BLOCK_MS)  # Back is told at once
            except (RedisError, OSError) as error:
                if tries == 0:
                    yield Lost(f"redis {self.url}: {error}")
                begun = False  # whatever came back may have lost entries
                await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
                tries += 1
                continue
            if tries:
                yield Back()
            tries = 0
            for entry in entries:
                yield entry
                after = entry.id

    async def alert(self, alert_id: str) -> bytes | None:
        """Newest version of one alert as JSON."""
        raw: bytes | None = await self._redis.hget(self.keys.latest, alert_id)
        return raw

    async def latest(
        self,
        wanted: Callable[[Head], bool] = lambda _: True,
        *,
        since_ms: int = 0,
        skip: int = 0,
        limit: int = 50,
    ) -> list[bytes]:
        """Newest versions of the alerts that are wanted and were seen since, last seen first, as JSON."""
        found: list[bytes] = []
        passed = 0
        for start in range(0, LATEST_ALERTS, READ_ALERTS):
            ids = await self._redis.zrevrangebyscore(
                self.keys.order, "+inf", since_ms, start=start, num=READ_ALERTS
            )
            stored = await self._redis.hmget(self.keys.latest, ids) if ids else []
            fitting = [raw for raw in stored if raw is not None and wanted(heads.decode(raw))]
            found += fitting[max(0, skip - passed) :]
            passed += len(fitting)
            if len(found) >= limit or len(ids) < READ_ALERTS:
                break
        return found[:limit]


def _entry(place: bytes, fields: dict[bytes, bytes]) -> Entry:
    raw = fields[b"alert"]
    return Entry(place.decode(), heads.decode(raw), raw)
