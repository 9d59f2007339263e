"""What the close of minutes gives: alerts, score rows, ledger days, links. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.alerts import Alert
from models.columns import F64, I64
from models.features import FEATURE_NAMES
from models.judged import Judged
from models.ledger import LedgerDay
from models.links import Links
from models.minutes import MINUTE_MS


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


@dataclass(slots=True)
class Closed:
    """What a close gave: alerts in order of minute and entity, score rows where asked for, minutes closed.

    judged  (kinds uint8[n], scores float64[n]) of the entity-minutes, a pair a batch
    ledger  days that are over (with `finish`, open ones too, as they are): to be kept before a snapshot is
    links   what actors are to know
    """

    alerts: list[Alert] = field(default_factory=list)
    scores: ScoreRows | None = None
    minutes: int = 0
    judged: list[tuple[Any, Any]] = field(default_factory=list)
    ledger: list[LedgerDay] = field(default_factory=list)
    links: Links = field(default_factory=Links)


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
