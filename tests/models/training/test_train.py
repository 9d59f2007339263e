"""Training: bounded, repeatable, and not led astray by poolers in the history."""

from __future__ import annotations

import numpy as np
import pytest

from models.dtypes import F64
from models.errors import ConfigError
from models.scoring import model_file
from models.scoring.features import FEATURE, FEATURES
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from models.training import bootstrap
from models.training.reservoir import Reservoir
from models.training.train import Rows, absent, ordinary, size_curves, train

RULES = RuleSet.load()
HISTORY = [tuple(column[::3] for column in batch) for batch in bootstrap.rows(seed=4)]


def cut(history: list[Rows], size: int) -> list[Rows]:
    return [
        tuple(column[i : i + size] for column in batch)  # type: ignore[misc]
        for batch in history
        for i in range(0, len(batch[0]), size)
    ]


@pytest.fixture(scope="module")
def model() -> Model:
    return train(HISTORY, RULES, seed=3, room=6_000)


def test_same_rows_and_seed_same_bytes_however_they_were_cut(model: Model) -> None:
    again = train(cut(HISTORY, 1_777), RULES, seed=3, room=6_000)
    assert model_file.encode(again) == model_file.encode(model)


def test_another_seed_is_another_model(model: Model) -> None:
    assert train(HISTORY, RULES, seed=4, room=6_000).hash != model.hash


def test_the_shipped_model_is_that_of_its_command() -> None:
    shipped = Model.load()
    assert shipped.rows > 0
    assert all(kind is not None for kind in shipped.kinds)
    assert shipped.until_ms > shipped.from_ms


def test_what_it_was_trained_on_is_told(model: Model) -> None:
    assert model.rows == sum(len(batch[0]) for batch in HISTORY)
    assert model.until_ms == (max(int(b[2].max()) for b in HISTORY) + 1) * 60_000
    assert model.seed == 3


def poolers(share: float) -> tuple[list[Rows], F64]:
    """The history with this share of its developers' rows turned into pooling; and those rows."""
    kinds, entities, minutes, matrix = (column.copy() for column in HISTORY[0])
    bad = np.isin(entities, np.unique(entities)[: int(share * len(np.unique(entities)))])
    scale = np.random.default_rng(1).lognormal(4.0, 0.5, bad.sum())
    for name in (
        "sellers_24h",
        "sellers_dug_24h",
        "sellers_dug_7d",
        "sellers_unneeded_24h",
        "sellers_read_only_24h",
    ):
        matrix[bad, FEATURE[name]] = np.ceil(scale)
    matrix[bad, FEATURE["orders_unneeded_24h"]] = np.ceil(500 * scale)
    for name in (
        "dug_share_24h",
        "dug_share_7d",
        "unneeded_share_24h",
        "unneeded_share_7d",
        "reads_without_deeds_24h",
        "sellers_dug_share_24h",
        "open_share_24h",
        "idle_share_7d",
        "beyond_tax_share_24h",
    ):
        matrix[bad, FEATURE[name]] = 0.95
    return [(kinds, entities, minutes, matrix), HISTORY[1]], matrix[bad]


def test_a_fifth_of_poolers_in_the_history_does_not_become_the_norm(model: Model) -> None:
    history, bad = poolers(0.2)
    misled = train(history, RULES, seed=3, room=6_000)
    clean, soiled = model.kinds[0], misled.kinds[0]
    assert clean is not None
    assert soiled is not None
    usual = np.quantile(soiled.unusual(HISTORY[0][3]), 0.95)
    assert np.median(soiled.unusual(bad)) > usual
    assert np.median(soiled.unusual(bad)) > np.median(clean.unusual(bad)) - 0.1  # untrimmed: .13


def test_a_field_that_never_came_switches_its_features_off() -> None:
    blank = [tuple(c.copy() for c in batch) for batch in HISTORY]
    for *_, matrix in blank:
        matrix[:, [f.needs == "customers" for f in FEATURES]] = 0.0
    learnt = train(blank, RULES, seed=3, room=2_000)  # type: ignore[arg-type]
    assert learnt.off == ("customers_24h",)
    assert not any(kind.used[FEATURE["customers_24h"]] for kind in learnt.kinds if kind)
    assert absent(np.ones(len(FEATURES), bool)) == ()


def test_the_sample_is_bounded_and_fair() -> None:
    reservoir = Reservoir.empty(seed=1, kind=0, room=1_000)
    for start in range(0, 50_000, 7_000):
        entities = np.arange(start, start + 7_000, dtype=np.uint64)
        matrix = np.repeat(entities[:, None], len(FEATURES), axis=1).astype(float)
        reservoir.add(entities, np.zeros(7_000, np.int64), matrix)
    kept, _, matrix = reservoir.sample()
    assert len(kept) == 1_000
    assert len(reservoir.keys) == 2_000
    assert (matrix[:, 0] == kept).all()
    assert abs(np.mean(kept < 28_000) - 0.5) < 0.06  # neither the first rows nor the last are preferred


def test_at_most_a_part_of_the_history_is_left_out() -> None:
    matrix = poolers(0.2)[1]
    kept = ordinary(0, np.arange(len(matrix), dtype=np.uint64), matrix, RULES)
    assert 0.7 <= kept.mean() < 0.71


def test_size_curves_ascend() -> None:
    knots, typical = size_curves(np.log1p(HISTORY[0][3]))
    assert (np.diff(knots, axis=1) > 0).all()
    assert (np.diff(typical, axis=2) >= 0).all()


def test_a_history_without_activity_is_told() -> None:
    with pytest.raises(ConfigError, match="no activity"):
        train([], RULES)
