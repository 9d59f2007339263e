"""A Redis address -> a client that fails soon, and whose waits can be cancelled. Decides nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis

from models.errors import ConfigError, PoolwatchError
from streams.settings import REDIS_FORM, shown

#: Fails soon: callers wait and say so.
IMPATIENT = {"socket_connect_timeout": 2, "socket_timeout": 10, "retry": None}


class StoreAwayError(PoolwatchError):
    """Redis does not answer or refuses: worth waiting for."""


def away(error: Exception) -> StoreAwayError:
    return StoreAwayError(f"Redis: {type(error).__name__}: {str(error)[:200]}")


def connect(url: str, **options: Any) -> Any:
    """redis.asyncio client; connects at first use. `options` of Redis.from_url, in place of IMPATIENT.

    ConfigError: no such address; nothing that the client says of it, which may be a part of the password.
    """
    try:
        client = Redis.from_url(url, **(options or IMPATIENT))
    except ValueError:
        raise ConfigError(f"redis {shown(url)}: {REDIS_FORM}") from None
    pool: Any = client.connection_pool
    kind = pool.connection_class
    pool.connection_class = type(kind.__name__, (_Cancellable, kind), {})
    return client


class _Cancellable:
    """redis-py sends under asyncio.wait_for, which before Python 3.12 drops a cancellation that comes as the
    sending ends (CPython issue 86296): who follows the feed would do so for ever."""

    async def send_packed_command(self, *command: Any, **options: Any) -> None:
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        await super().send_packed_command(*command, **options)  # type: ignore[misc]
        if task and task.cancelling() > before:
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]  # an answer is on its way
            raise asyncio.CancelledError
