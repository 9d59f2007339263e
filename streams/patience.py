"""Errors of Kafka and Redis -> waiting, with one clear line when one goes away and one when it is back."""

from __future__ import annotations

import asyncio
import logging
import time

from streams import metrics

log = logging.getLogger("poolwatch.worker")


class Patience:
    """Who is away since when. One for all tasks of a worker, so that each outage is told once."""

    def __init__(self, wait_s: float, addresses: dict[str, str]) -> None:
        """`addresses`: system ("kafka", "redis") -> the address that is shown."""
        self._wait_s, self._addresses = wait_s, addresses
        self._away: dict[str, float] = {}

    def away(self, system: str, error: BaseException) -> None:
        """`system` does not answer."""
        metrics.ERRORS.labels(system).inc()
        if system not in self._away:
            self._away[system] = time.monotonic()
            text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            log.warning("%s %s is away (%s); waiting, nothing is lost", system, self._addresses[system], text)

    def back(self, system: str) -> None:
        """`system` answered."""
        since = self._away.pop(system, None)
        if since is not None:
            log.warning("%s is back after %.0f s; going on", system, time.monotonic() - since)

    async def wait(self, system: str, error: BaseException) -> None:
        """`system` does not answer: say so once, and pause before the next try."""
        self.away(system, error)
        await asyncio.sleep(self._wait_s)
