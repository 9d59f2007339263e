"""Events and rejected records of fold -> lines in the worker's log, each once or at most once a minute."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence

from models.events import Events, Rejected
from models.minutes import MINUTE_MS
from models.operations import Operations
from models.scoring.missing import Came, needing, switched_off
from models.scoring.rules import RuleSet

log = logging.getLogger("poolwatch.worker")

LOOK_S = 5.0
REJECTED_S = 60.0
#: What has not come in so many minutes of event time and so many events is worth a word.
ENOUGH_MS, ENOUGH_EVENTS = 10 * MINUTE_MS, 1_000


class Logbook:
    """What an operator should read of what comes, since the worker's start. dead_letters: their topic."""

    def __init__(self, operations: Operations, rules: RuleSet, dead_letters: str) -> None:
        self._rules, self._dead_letters = rules, dead_letters
        self._came = Came(operations)
        self._first_ms, self._last_ms = 1 << 62, 0
        self._missing: tuple[str, ...] | None = None  # as logged
        self._rejected: Counter[str] = Counter()
        self._logged_at = -REJECTED_S

    def met(self, events: Events) -> None:
        """Accepted events came."""
        if len(events):
            self._came.add(events)
            self._first_ms = min(self._first_ms, int(events.time_ms.min()))
            self._last_ms = max(self._last_ms, int(events.time_ms.max()))

    def rejected(self, records: Sequence[Rejected]) -> None:
        """Records went to the dead letters."""
        self._rejected.update(record.reason for record in records)

    def log_due(self, at_end: bool = False) -> None:
        """Log what is due. at_end: what waits for its minute, too."""
        if self._rejected and (at_end or time.monotonic() - self._logged_at >= REJECTED_S):
            (reason, _), *_ = self._rejected.most_common(1)
            count = self._rejected.total()
            log.warning(
                "%d records rejected, see topic %s; most often: %s", count, self._dead_letters, reason
            )
            self._rejected.clear()
            self._logged_at = time.monotonic()
        if self._missing is None:
            self._log_missing()
        elif came := set(self._missing) - set(self._came.missing):
            log.info("%s came after all", ", ".join(f for f in self._missing if f in came))
            self._missing = self._came.missing

    def _log_missing(self) -> None:
        if self._came.calls < ENOUGH_EVENTS or self._last_ms - self._first_ms < ENOUGH_MS:
            return
        self._missing = self._came.missing
        off = switched_off(needing(self._missing), self._missing, self._rules)
        for said in (off.said(), self._came.unlisted().said()):
            if said:
                log.warning("in %d events so far: %s", self._came.calls, said)

    async def log_forever(self) -> None:
        """Log again and again what is due."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.log_due()
