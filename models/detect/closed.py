"""What the close of minutes gives: alerts, score rows, ledger days, links. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from models.alerts.alerts import Alert
from models.ledger.ledger import LedgerDay
from models.scoring.score_rows import ScoreRows
from models.wire.links import Links


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
