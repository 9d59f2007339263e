"""Score rows rise when it was known what speaks against a party."""

from __future__ import annotations

import numpy as np

from models.actors.lifts import Lifts
from models.minutes import MINUTE_MS
from models.scoring.features import FEATURES
from models.scoring.score_rows import ScoreRows


def rows(*minutes):
    n = len(minutes)
    time = (np.array(minutes) + 1) * MINUTE_MS
    return ScoreRows(time, ["developer"] * n, ["d"] * n, np.full(n, 0.3), np.zeros((n, len(FEATURES))))


def test_rows_are_lifted_after_the_minute_and_until_the_party_falls_apart():
    lifts = Lifts()
    lifts.stand(10, {("developer", "d"): 0.9})
    lifts.stand(20, {("developer", "d"): 0.95, ("developer", "e"): 0.95})
    lifts.stand(30, {})
    told = lifts.applied(rows(9, 10, 11, 20, 21, 30, 31))
    assert told.score.tolist() == [0.3, 0.3, 0.9, 0.9, 0.95, 0.95, 0.3]


def test_a_row_that_is_higher_by_itself_stays():
    lifts = Lifts()
    lifts.stand(10, {("developer", "d"): 0.1})
    assert lifts.applied(rows(12)).score.tolist() == [0.3]
