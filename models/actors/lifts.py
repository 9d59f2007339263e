"""Scores to which parties lift their members -> score rows lifted likewise. Pure: touches its own history."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from models.minutes import MINUTE_MS
from models.scoring.score_rows import ScoreRows


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
