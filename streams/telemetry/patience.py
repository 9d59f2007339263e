"""Errors of Kafka, Redis, the ledger's folder -> waiting; one clear line when one goes away or is back."""

from __future__ import annotations

import asyncio
import logging
import time

from streams.telemetry import metrics

#: An outage shorter than this is no news.
MOMENT_S = 1.0

log = logging.getLogger("poolwatch.worker")


class Patience:
    """Who is away since when. One for all tasks of a worker, so that each outage is logged once."""

    def __init__(self, wait_s: float, addresses: dict[str, str]) -> None:
        """`addresses`: system ("kafka", "redis", "ledger") -> the address that is shown."""
        self._wait_s, self._addresses = wait_s, addresses
        self._failing: dict[str, float] = {}
        self._logged: set[str] = set()

    def away(self, system: str, error: BaseException) -> None:
        """`system` did not answer. Logged once it has not for a moment: an old connection often breaks."""
        metrics.ERRORS.labels(system).inc()
        now = time.monotonic()
        since = self._failing.setdefault(system, now)
        if system not in self._logged and now - since >= MOMENT_S:
            self._logged.add(system)
            text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            log.warning("%s %s is away (%s); waiting, nothing is lost", system, self._addresses[system], text)

    def back(self, system: str) -> None:
        """`system` answered."""
        since = self._failing.pop(system, None)
        if since is not None and system in self._logged:
            self._logged.discard(system)
            log.warning("%s is back after %.0f s; going on", system, time.monotonic() - since)

    async def wait(self, system: str, error: BaseException) -> None:
        """`system` did not answer: say so once, and pause before the next try."""
        self.away(system, error)
        await asyncio.sleep(self._wait_s if system in self._logged else min(self._wait_s, MOMENT_S / 4))
