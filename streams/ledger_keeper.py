"""A worker's closed days of the ledger -> their files, before a snapshot forgets them. Decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from models.errors import PoolwatchError
from models.ledger import LedgerDay
from streams import ledger_files
from streams.patience import Patience
from streams.settings import Settings
from streams.stage import Slot


class LedgerKeeper:
    """Writes days into the folder of the settings; waits where it cannot be written."""

    def __init__(self, settings: Settings, patience: Patience) -> None:
        self._settings, self._patience = settings, patience

    async def keep(self, slot: Slot[Any], days: Sequence[LedgerDay]) -> None:
        """Return once the days are on disk, or the partition is not held any more."""
        folder, keep_days = self._settings.ledger, self._settings.ledger_days
        while days and slot.held:
            try:
                await asyncio.to_thread(ledger_files.write, folder, slot.partition, days, keep_days)
            except PoolwatchError as error:
                await self._patience.wait("ledger", error)
                continue
            self._patience.back("ledger")
            return
