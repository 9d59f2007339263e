"""What an entity of a kind and size usually does, and the forest over what exceeds it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numba import njit

from models.dtypes import F32, F64, Bools
from models.scoring import forest as forests
from models.scoring.features import FEATURE
from models.scoring.forest import Forest
from models.wire.sightings import ENTITY_KINDS

DEFAULT = Path(__file__).parents[1] / "default.model"

#: What an entity's size is: residuals are taken against these, so that size alone is never unusual.
SIZES = ("sellers_24h", "calls_24h")
KNOTS = 12  # places on each size curve
#: Shares of entities that the sentences quote.
QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.995, 0.999)
#: Shares of entities that the forest's scale is told at.
RANKS = (0.0, 0.5, 0.75, 0.9, 0.95, 0.99)
RESIDUAL_LIMIT = 50.0  # float32 keeps its steps, and one feature cannot outshout the rest
_SIZE_COLUMNS = np.array([FEATURE[s] for s in SIZES])


@dataclass(frozen=True, slots=True, eq=False)
class KindModel:
    """One kind of entity. Values are taken as log(1 + value).

    rows, entities    trained on
    used      bool[features]            columns that the forest sees
    knots     float64[2, KNOTS]         sizes (by SIZES) at which the curves are told, ascending
    typical   float64[2, features, KNOTS]  median at that size, never falling
    spread    float64[features]         how far the upper tenth lies above what is typical, > 0
    quantiles float64[features, len(QUANTILES)]  of the entities' highest values, as they are
    scale     float64[len(RANKS)]       of the entities' highest forest scores, ascending
    """

    rows: int
    entities: int
    used: Bools
    knots: F64
    typical: F64
    spread: F64
    quantiles: F64
    scale: F64
    forest: Forest

    @property
    def known_quantiles(self) -> int:
        """How many of QUANTILES there were entities enough to know: half an entity must lie beyond."""
        return max(1, sum(self.entities * (1.0 - q) >= 0.5 for q in QUANTILES))

    def residuals(self, matrix: F64) -> F32:
        """How much more than typical at this size, in spreads: float32[n, features], 0 = typical or less."""
        excess: F32 = _residuals(
            np.ascontiguousarray(matrix), _SIZE_COLUMNS, self.used, self.knots, self.typical, self.spread
        )
        return excess

    def nines(self, scores: F64) -> F64:
        """Forest scores as the rarity of such an entity: 1 = one in ten, 2 = one in a hundred, and on."""
        known = -np.log10(1.0 - np.array(RANKS))
        per_score = (known[-1] - known[1]) / max(self.scale[-1] - self.scale[1], 1e-6)
        beyond = np.maximum(scores - self.scale[-1], 0.0) * per_score
        rarity: F64 = np.interp(scores, self.scale, known) + beyond
        return rarity

    def unusual(self, matrix: F64) -> F64:
        """Calibrated forest score float64[n], 0..1, higher = more anomalous; a nine halves the rest to 1."""
        nines = self.nines(forests.score(self.forest, self.residuals(matrix)))
        calibrated: F64 = 1.0 - np.exp2(-nines)
        return calibrated


@dataclass(frozen=True, eq=False)
class Model:
    """All that was learnt. `kinds` follows ENTITY_KINDS; None = no such entity in the history.

    off   features that the forest does without, since what they need never came in training
    from_ms, until_ms, rows, seed   what it was trained on
    """

    kinds: tuple[KindModel | None, ...]
    off: tuple[str, ...]
    from_ms: int
    until_ms: int
    rows: int
    seed: int

    @cached_property
    def hash(self) -> str:
        """Version: 16 hex digits of the content."""
        from models.scoring import model_file

        return model_file.digest(self)

    @classmethod
    def untaught(cls) -> Model:
        """Of no history: everything is as usual to it."""
        return cls((None,) * len(ENTITY_KINDS), (), 0, 0, 0, 0)

    @classmethod
    def load(cls, path: str | Path | None = None) -> Model:
        """Model of a file; none, empty = the one shipped. ConfigError: missing, damaged, other features."""
        from models.scoring import model_file

        return model_file.read(Path(path) if path else DEFAULT)

    def save(self, path: str | Path) -> None:
        """Write the file whole or not at all. ConfigError where it cannot be written."""
        from models.scoring import model_file

        model_file.write(self, Path(path))


@njit(cache=True)
def _residuals(matrix, size_columns, used, knots, typical, spread):  # type: ignore[no-untyped-def]
    """Residuals float32[n, features]. Plain twin: tests/models/naive_model.py.

    What both sizes explain is not unusual: the higher of the two curves is typical. Past its last
    knot a curve rises with size one to one, so that the largest are never odd for being large.
    """
    n, columns = matrix.shape
    last = knots.shape[1] - 1
    out = np.zeros((n, columns), np.float32)
    place = np.zeros(2, np.int64)
    part = np.zeros(2)
    beyond = np.zeros(2)
    for r in range(n):
        for s in range(2):
            size = np.log1p(max(matrix[r, size_columns[s]], 0.0))
            k = min(max(np.searchsorted(knots[s], size) - 1, 0), last - 1)
            place[s] = k
            part[s] = min(max((size - knots[s, k]) / (knots[s, k + 1] - knots[s, k]), 0.0), 1.0)
            beyond[s] = max(size - knots[s, last], 0.0)
        for c in range(columns):
            if not used[c] or not matrix[r, c] > 0.0:
                continue
            usual = 0.0
            for s in range(2):
                if c != size_columns[s]:
                    k = place[s]
                    low = typical[s, c, k]
                    usual = max(usual, low + part[s] * (typical[s, c, k + 1] - low) + beyond[s])
            excess = (np.log1p(matrix[r, c]) - usual) / spread[c]
            out[r, c] = min(max(excess, 0.0), RESIDUAL_LIMIT)
    return out
