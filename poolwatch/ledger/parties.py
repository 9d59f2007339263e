"""A case -> its entities (KIND:ID), from an alerts file or the feed's newest alerts. Reads them only."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from redis.exceptions import RedisError

from models.alerts.alerts import case_of
from models.errors import PoolwatchError
from streams.inputs.adapters import NOT_JSON
from streams.redis.feed import LATEST_ALERTS, Feed, heads
from streams.settings import Settings


def entities_of(case: str, settings: Settings, alerts: str | None = None) -> tuple[str, ...]:
    """Of an alerts file or, where none is given, of the newest alerts that the feed keeps.

    PoolwatchError: no such file or case, no Redis.
    """
    return _in_file(case, alerts) if alerts else asyncio.run(_in_feed(case, settings))


def _in_file(case: str, alerts: str) -> tuple[str, ...]:
    found: set[str] = set()
    try:
        with Path(alerts).open("rb") as file:
            for line in file:
                alert = msgspec.json.decode(line)
                if alert["case"] == case:
                    found.add(case_of(alert["entity_kind"], alert["entity_id"]))
    except OSError as error:
        raise PoolwatchError(f"--alerts {alerts}: cannot be read ({error.strerror})") from error
    except (*NOT_JSON, KeyError, TypeError):
        raise PoolwatchError(f"--alerts {alerts}: no alerts file; `replay --alerts` makes one") from None
    if not found:
        raise PoolwatchError(f"--case {case}: no alert of that case in {alerts}")
    return tuple(sorted(found))


async def _in_feed(case: str, settings: Settings) -> tuple[str, ...]:
    feed = Feed(settings.redis, settings.prefix)
    try:
        await feed.check()
        told = await feed.latest(lambda head: head.case == case, limit=LATEST_ALERTS)
    except RedisError as error:
        raise PoolwatchError(f"redis {feed.url}: {error}") from None
    finally:
        await feed.close()
    if not told:
        raise PoolwatchError(
            f"--case {case}: no alert of that case in the feed of redis {feed.url} ({feed.keys.stream}); "
            "write it as an alert's `case`, mend --redis or --prefix, or give --alerts FILE.jsonl"
        )
    return tuple(sorted({case_of(head.entity_kind, head.entity_id) for head in map(heads.decode, told)}))
