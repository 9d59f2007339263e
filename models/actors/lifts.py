"""Evidence of a party's members -> scores to which it lifts each of them. Pure: touches its own history."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

import numpy as np

from models.minutes import MINUTE_MS
from models.scoring.judge import score_over
from models.scoring.score_rows import ScoreRows
from models.wire.links import Suspect

#: Evidence from which on a party is over the line though none of its members is. Several developers that each
#: read what nobody works on are hardly ever anything else; addresses may be many for one key.
TOGETHER = {"developer": 0.5, "origin": 0.8}


def together(members: Iterable[Suspect]) -> float:
    """Evidence 0..1 against all members: by noisy-or, as judge joins that of several thresholds.

    What is seen of the same keys from two sides counts once: from the strongest member down, each adds the
    part of its evidence that keys not seen before are of its keys.
    """
    seen = np.zeros(0, np.uint64)
    doubt = 1.0
    for member in sorted(members, key=lambda m: (-m.evidence, m.entity)):
        keys = member.key_hashes
        new = 1.0 - np.isin(keys, seen).mean() if len(keys) else 1.0
        doubt *= math.pow(1.0 - member.evidence, new)
        seen = np.union1d(seen, keys)
    return 1.0 - doubt


def judged(party: Iterable[Suspect], over: Container[str]) -> tuple[list[Suspect], float]:
    """Members of a party that are judged by what speaks against all of them, and their score.

    None where there are no two, or neither one of them is among `over` nor all together are over the line.
    Where a developer is known, its origins tell nothing new. What may be a seller's own may be a victim's.
    """
    members = [m for m in party if not m.own]
    alike = [m for m in members if m.kind == "developer"] or members
    if len(alike) < 2:
        return [], 0.0
    evidence = together(alike)
    if evidence < TOGETHER[alike[0].kind] and not any(m.entity in over for m in alike):
        return [], 0.0
    hinted = max(m.hints for m in alike)
    return alike, float(score_over(evidence, hinted))


class Lifts:
    """From which minute on an entity's score is at least so much: score rows are lifted as alerts are."""

    def __init__(self) -> None:
        self._minutes: dict[tuple[str, str], list[int]] = {}
        self._scores: dict[tuple[str, str], list[float]] = {}
        self._standing: dict[tuple[str, str], float] = {}

    def stand(self, minute: int, scores: Mapping[tuple[str, str], float]) -> None:
        """After `minute` these entities (kind, id) are lifted, and no others; minutes come in order."""
        for entity in self._standing.keys() | scores.keys():
            score = scores.get(entity, 0.0)
            if score != self._standing.get(entity, 0.0):
                self._minutes.setdefault(entity, []).append(minute)
                self._scores.setdefault(entity, []).append(score)
        self._standing = dict(scores)

    def applied(self, rows: ScoreRows) -> ScoreRows:
        """The rows, lifted."""
        if not self._minutes:
            return rows
        score = rows.score.copy()
        for n, entity in enumerate(zip(rows.entity_kind, rows.entity_id, strict=True)):
            if minutes := self._minutes.get(entity):
                before = bisect_left(minutes, int(rows.time[n]) // MINUTE_MS - 1)
                if before:
                    score[n] = np.maximum(score[n], self._scores[entity][before - 1])
        return replace(rows, score=score)
