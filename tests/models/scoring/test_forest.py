"""The packed forest says what scikit-learn's does, and its contributions explain it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest

from models.scoring import forest as forests
from tests.models import naive_forest

COLUMNS = 12


def rows(n: int, seed: int = 3) -> np.ndarray:
    """Skewed, tied and constant columns, as counts are."""
    values = np.random.default_rng(seed).exponential(size=(n, COLUMNS))
    values[:, 0] = 0.0
    values[:, 1:5] = np.round(values[:, 1:5])
    return values.astype(np.float32)


@pytest.fixture(scope="module")
def fitted() -> IsolationForest:
    return IsolationForest(n_estimators=100, max_samples=256, random_state=5).fit(rows(3_000))


@pytest.fixture(scope="module")
def forest(fitted: IsolationForest) -> forests.Forest:
    return forests.pack(fitted)


def test_scores_are_those_of_scikit_learn(fitted: IsolationForest, forest: forests.Forest) -> None:
    # Rows of the training set meet the thresholds, rounded ones sit on them, large ones leave the range.
    probe = np.concatenate([rows(3_000), rows(2_000, seed=8), 1e6 * rows(50, seed=9)])
    assert np.abs(forests.score(forest, probe) + fitted.score_samples(probe)).max() < 1e-12


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.floats(0, 50, width=32), min_size=COLUMNS, max_size=COLUMNS), min_size=1, max_size=5)
)
def test_compiled_walk_equals_the_plain_one_and_shares_sum_to_the_score(forest, values) -> None:
    probe = np.array(values, np.float32)
    score = forests.score(forest, probe)
    shares, base = forests.contributions(forest, probe)
    assert score == pytest.approx(naive_forest.score(forest, probe), abs=1e-12)
    assert shares == pytest.approx(naive_forest.contributions(forest, probe), abs=1e-12)
    assert -np.log2(score) == pytest.approx(base - shares.sum(axis=1), abs=1e-9)


def test_a_row_scores_alike_alone_and_in_a_crowd(forest: forests.Forest) -> None:
    probe = rows(1_000, seed=4)
    alone = np.concatenate([forests.score(forest, probe[i : i + 1]) for i in range(0, 1_000, 97)])
    assert (forests.score(forest, probe)[::97] == alone).all()


def test_the_planted_column_gets_the_largest_share(forest: forests.Forest) -> None:
    probe = np.median(rows(3_000), axis=0, keepdims=True)
    probe[0, 7] = 40.0
    shares, _ = forests.contributions(forest, probe)
    assert shares[0].argmax() == 7


def test_mean_path_at_small_sizes() -> None:
    assert [forests.mean_path(n) for n in (0, 1, 2)] == [0.0, 0.0, 1.0]
    assert forests.mean_path(256) == pytest.approx(10.2448, abs=1e-4)


def _put(array: np.ndarray, place: int, value: float) -> np.ndarray:
    out = array.copy()
    out[place] = value
    return out


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda f: {"left": _put(f.left, 0, 0)}, "child"),  # a circle
        (lambda f: {"right": _put(f.right, 0, f.roots[1])}, "child"),  # into the next tree
        (lambda f: {"left": _put(f.left, 0, 1 << 30)}, "child"),
        (lambda f: {"feature": _put(f.feature, 0, COLUMNS)}, "feature"),
        (lambda f: {"threshold": _put(f.threshold, 0, np.nan)}, "finite"),
        (lambda f: {"length": _put(f.length, 0, -1.0)}, "length"),
        (lambda f: {"roots": f.roots[::-1].copy()}, "roots"),
        (lambda _: {"sample_rows": 1}, "rows per tree"),
    ],
)
def test_a_broken_forest_is_not_walked(forest: forests.Forest, change, word: str) -> None:
    assert forests.flaw(forest, COLUMNS) is None
    assert word in str(forests.flaw(replace(forest, **change(forest)), COLUMNS))
