"""A worker's closed days of the ledger -> their files, before a snapshot forgets them. Decides nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from models.errors import PoolwatchError
from models.ledger.ledger import LedgerDay
from streams.agents.stage import Slot
from streams.files import ledger as ledger_files
from streams.settings import Settings
from streams.telemetry.patience import Patience


class LedgerKeeper:
    """Writes days into the folder of the settings. Where it cannot, alerts go on and snapshots wait."""

    def __init__(self, settings: Settings, patience: Patience) -> None:
        self._settings, self._patience = settings, patience
        self._waiting: dict[int, tuple[Slot[Any], list[LedgerDay]]] = {}
        self._tried = 0.0

    async def keep(self, slot: Slot[Any], days: Sequence[LedgerDay]) -> None:
        """Write days, and those that could not be written before. `slot.blocked` tells whether any waits."""
        if days:
            before, left = self._waiting.get(slot.partition, (slot, []))
            # A partition that was lost in between: who owns it now, or this worker again, does those anew.
            self._waiting[slot.partition] = (slot, [*(left if before is slot else []), *days])
            slot.blocked = True
        elif not slot.blocked or time.monotonic() - self._tried < self._settings.wait_s:
            return
        await self._write(slot)

    async def _write(self, slot: Slot[Any]) -> None:
        folder, keep_days = self._settings.ledger, self._settings.ledger_days
        days = self._waiting[slot.partition][1]
        self._tried = time.monotonic()
        try:
            await asyncio.to_thread(ledger_files.write, folder, slot.partition, days, keep_days)
        except PoolwatchError as error:
            self._patience.away("ledger", error)
            return
        self._patience.back("ledger")
        del self._waiting[slot.partition]
        slot.blocked = False
