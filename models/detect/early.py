"""Open cells that grew -> rows sure to be over a line at their minute's close. Touches the cells' marks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.dtypes import I32, I64, Bools
from models.scoring.features import FEATURES
from models.scoring.rules import RuleSet
from models.windows.columns import View
from models.windows.preview import bounds
from models.windows.state import State

Cells = I32


class Sure(NamedTuple):
    """Rows of open minutes, over a line whatever still comes.

    entities, minutes  int64[n]: rows of the entity table, minutes
    fired              bool[n, rules]: the early thresholds that are crossed
    """

    view: View
    entities: I64
    minutes: I64
    fired: Bools


class Early:
    """Looks at an open cell once each time that it has grown."""

    def __init__(self, state: State, rules: RuleSet) -> None:
        self._state, self._rules = state, rules
        self._grown: list[Cells] = []

    def grew(self, cells: Cells) -> None:
        """Open cells int32[n] have grown since they were last looked at."""
        self._grown.append(cells)

    def drop_closed(self) -> None:
        """Cells were closed: let go of those among them that had grown."""
        self._grown = [self._take()]

    def look_at_all(self) -> None:
        """After a restart: which cells were looked at is not known."""
        cells = self._state.open_cells.astype(np.int32)
        self._state.cells.table.rows["told"][cells] = 1
        self._grown = [cells]

    def sure(self) -> Sure | None:
        """Of the cells that have grown, rows over a line, None = there is none; they count as looked at."""
        cells = self._take()
        if not len(cells) or not self._rules.early.any():
            return None
        self._state.reserve_preview()
        view = View.empty(len(cells))
        entities, minutes = np.empty(len(cells), np.int64), np.empty(len(cells), np.int64)
        filled = bounds(self._state.tables, cells, view.kinds, entities, minutes, view.windows)
        fired = self._fired(view.part(np.arange(filled)))
        over = np.flatnonzero(fired.any(axis=1))
        return Sure(view.part(over), entities[over], minutes[over], fired[over]) if len(over) else None

    def _take(self) -> Cells:
        """The cells that have grown and are still open, each once."""
        cells: Cells = np.unique(np.concatenate([np.empty(0, np.int32), *self._grown]))
        self._grown = []
        rows = self._state.cells.table.rows
        wanted: Cells = cells[(rows["entity"][cells] >= 0) & (rows["told"][cells] == 1)]
        return wanted

    def _fired(self, view: View) -> Bools:
        """bool[n, rules]: early thresholds crossed, from their own features alone."""
        bound = np.zeros((len(view), len(FEATURES)))
        for column in {c for rule in self._rules.rules if rule.early for c in rule.columns}:
            bound[:, column] = FEATURES[column].of(view)
        return self._rules.fired(view.kinds, bound) & self._rules.early
