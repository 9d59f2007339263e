"""Judged rows -> score rows, as a score file has them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.dtypes import F64, I64
from models.minutes import MINUTE_MS
from models.scoring.features import FEATURE_NAMES
from models.scoring.judged import Judged


@dataclass(slots=True)
class ScoreRows:
    """One row per entity and minute in which it was active; `features` is float64[n, FEATURES]."""

    time: I64
    entity_kind: list[str]
    entity_id: list[str]
    score: F64
    features: F64

    def __len__(self) -> int:
        return len(self.time)

    def columns(self) -> dict[str, Any]:
        """The contract's columns by name, in order."""
        named = {name: self.features[:, place] for place, name in enumerate(FEATURE_NAMES)}
        return {
            "time": self.time,
            "entity_kind": self.entity_kind,
            "entity_id": self.entity_id,
            "score": self.score,
        } | named


def score_rows(judged: Judged) -> ScoreRows:
    """Of each judged row, by minute, kind and entity id."""
    order = judged.ordered(np.arange(len(judged.view)))
    return ScoreRows(
        (judged.minutes[order] + 1) * MINUTE_MS,
        [judged.kind(n) for n in order],
        [judged.id(n) for n in order],
        judged.verdict.score[order],
        judged.matrix[order],
    )


def joined(rows: list[ScoreRows]) -> ScoreRows:
    """One after the other."""
    return ScoreRows(
        np.concatenate([r.time for r in rows]),
        [kind for r in rows for kind in r.entity_kind],
        [name for r in rows for name in r.entity_id],
        np.concatenate([r.score for r in rows]),
        np.concatenate([r.features for r in rows]),
    )
