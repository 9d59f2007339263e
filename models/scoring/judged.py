"""Rows of minutes that were judged together, and who they are about. Reads names only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.dtypes import F64, I64, U64
from models.memory.names import Names
from models.scoring.judge import Verdict
from models.windows.columns import COLUMN, WEEK_NAME, WINDOW_NAMES, View
from models.windows.meetings import LOG_COLUMNS
from models.wire.sightings import ENTITY_KINDS

#: Of rows that were not closed together with others: there is nothing to look back at.
NO_LOG = np.empty((0, LOG_COLUMNS), np.int64)


@dataclass(slots=True)
class Judged:
    """Rows of minutes closed together (or, in preview, of open ones), and where they come from.

    entities, minutes  int64[n]: rows of the entity table, minutes closed
    hashes             uint64[n]: of the entities' ids, which `names` knows
    log                int64[., LOG_COLUMNS]: meetings of the batch, to look back at a minute within it
    """

    view: View
    entities: I64
    minutes: I64
    hashes: U64
    names: Names
    matrix: F64
    verdict: Verdict
    log: I64
    preview: bool = False

    def entity(self, n: int) -> int:
        """Row n's place in the entity table."""
        return int(self.entities[n])

    def minute(self, n: int) -> int:
        """Minute of row n."""
        return int(self.minutes[n])

    def kind(self, n: int) -> str:
        """Kind of row n's entity, in words."""
        return ENTITY_KINDS[self.view.kinds[n]]

    def id(self, n: int) -> str:
        """Text of the id of row n's entity."""
        return self.names[int(self.hashes[n])]

    def window(self, n: int, name: str) -> str:
        """Name of the window in which row n is told: `name`, or the next longer one in which it made a call.

        It may have made none: a row may be a verdict on earlier calls.
        """
        calls = self.view.windows[n, :, COLUMN["calls"]]
        trailing = range(WINDOW_NAMES.index(name), len(calls))
        return next((WINDOW_NAMES[w] for w in trailing if calls[w]), WEEK_NAME)

    def ordered(self, rows: I64) -> list[int]:
        """Rows int64[k] by minute, kind and entity id: the same however they came."""
        ids = [self.names[value] for value in self.hashes[rows].tolist()]
        keyed = zip(
            self.minutes[rows].tolist(), self.view.kinds[rows].tolist(), ids, rows.tolist(), strict=True
        )
        return [n for *_, n in sorted(keyed)]
