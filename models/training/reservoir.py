"""Feature rows -> a uniform sample of them, the same however they were cut. Pure, seeded, bounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.dtypes import F32, F64, I64, U64, Bools
from models.scoring.features import FEATURES

RESERVOIR_ROWS = 120_000  # of each kind; 100 MB at 100 features


@dataclass(slots=True)
class Reservoir:
    """A uniform sample of a kind's rows, the same however the history was cut.

    The rows whose (entity, minute) hash to the least keys stay. matrix is float32: a sample need not be
    exact. `seen` counts all rows, `present` tells the columns that ever came.
    """

    seed: int
    kind: int
    keys: U64
    entities: U64
    minutes: I64
    matrix: F32
    present: Bools
    seen: int = 0
    filled: int = 0

    @classmethod
    def empty(cls, seed: int, kind: int, room: int = RESERVOIR_ROWS) -> Reservoir:
        f = len(FEATURES)
        return cls(
            seed,
            kind,
            np.zeros(2 * room, np.uint64),
            np.zeros(2 * room, np.uint64),
            np.zeros(2 * room, np.int64),
            np.zeros((2 * room, f), np.float32),
            np.zeros(f, bool),
        )

    def add(self, entities: U64, minutes: I64, matrix: F64) -> None:
        """Offer rows uint64[n], int64[n], float64[n, features]."""
        self.seen += len(entities)
        self.present |= (matrix != 0.0).any(axis=0)
        room = len(self.keys)
        for start in range(0, len(entities), room // 2):
            part = slice(start, min(start + room // 2, len(entities)))
            keys = mix(entities[part] ^ mix(minutes[part].astype(np.uint64) + np.uint64(self.seed << 20)))
            if self.filled + len(keys) > room:
                self._shrink()
            place = slice(self.filled, self.filled + len(keys))
            self.keys[place], self.entities[place] = keys, entities[part]
            self.minutes[place], self.matrix[place] = minutes[part], matrix[part]
            self.filled += len(keys)

    def _shrink(self) -> None:
        """Keep the least keys, in their order."""
        order = np.lexsort(
            (self.minutes[: self.filled], self.entities[: self.filled], self.keys[: self.filled])
        )
        order = order[: len(self.keys) // 2]
        for column in (self.keys, self.entities, self.minutes, self.matrix):
            column[: len(order)] = column[order]
        self.filled = len(order)

    def sample(self) -> tuple[U64, I64, F64]:
        """Entities, minutes and rows of the sample, in the order of their keys."""
        self._shrink()
        return (
            self.entities[: self.filled],
            self.minutes[: self.filled],
            self.matrix[: self.filled].astype(np.float64),
        )


def mix(x: U64) -> U64:
    """Scramble uint64s (splitmix64's finalizer: Steele, Lea, Flood 2014)."""
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(x ^ (x >> np.uint64(31)))
