"""Chances bound the exact tails; discoveries are Benjamini's and Hochberg's."""

from __future__ import annotations

import pytest
from scipy import stats

from models.actors.significance import chance, discoveries


@pytest.mark.parametrize("expected", [1e-6, 0.01, 0.3, 2.0, 40.0])
def test_chance_bounds_the_tails(expected):
    for seen in range(1, 90):
        bound = chance(seen, expected)
        assert 0.0 <= bound <= 1.0
        assert bound >= stats.poisson.sf(seen - 1, expected) * (1 - 1e-9)
        if seen >= expected + 1:  # 400 of 4,000 drawn, or as many as give the same mean
            marked = max(round(expected * 10), 1)
            assert chance(seen, marked / 10) >= stats.hypergeom.sf(seen - 1, 4_000, marked, 400) * (1 - 1e-9)


def test_discoveries_are_those_of_benjamini_and_hochberg():
    chances = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216]
    assert discoveries(chances, 10, 0.05) == 0.008
    assert discoveries([*chances[:2], 0.9], 200, 0.05) == -1.0
    assert discoveries([], 10, 0.05) == -1.0
