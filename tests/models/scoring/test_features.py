"""The feature table: each feature once, finite, never negative, documented."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.scoring.features import FEATURE, FEATURES, matrix, table
from models.windows.columns import (
    COLUMN,
    COLUMNS,
    DAY,
    DISTINCT_START,
    DISTINCTS,
    PAST,
    WEEK,
    WINDOW_MINUTES,
    View,
)
from models.wire.sightings import DEVELOPER, ORIGIN

DOCS = Path(__file__).parents[3] / "docs" / "features.md"


def view(n: int = 1, kind: int = DEVELOPER, **day: float) -> View:
    made = View(
        np.full(n, kind, np.uint8),
        np.zeros((n, len(WINDOW_MINUTES), len(COLUMNS)), np.int64),
        np.zeros((n, len(WEEK)), np.int64),
        np.zeros((n, len(PAST)), np.int64),
        np.zeros(n),
    )
    for name, value in day.items():
        made.windows[:, DAY, COLUMN[name]] = value
    return made


def value(name: str, seen: View) -> float:
    return float(matrix(seen)[0, FEATURE[name]])


def test_docs_are_current() -> None:
    assert DOCS.read_text() == table(), "run: python -m models.scoring.features > docs/features.md"


def test_distincts_are_grouped_by_member() -> None:
    for member in range(3):
        group = DISTINCTS[DISTINCT_START[member] : DISTINCT_START[member + 1]]
        assert group
        assert {d.member for d in group} == {member}


@pytest.mark.parametrize("feature", FEATURES, ids=lambda f: f.name)
def test_sentence_holds_the_value(feature) -> None:
    assert feature.sentence(0.5) != feature.sentence(0.9) or feature.sentence(1) != feature.sentence(9)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("sellers_dug_7d", 1, "1 seller whose old orders it digs up in 7 days"),
        ("sellers_dug_7d", 11, "11 sellers whose old orders it digs up in 7 days"),
        ("sellers_pii_24h", 1, "1 seller's customers read in 24 hours"),
        ("keys_foreign_24h", 1, "1 key whose established place is another in 24 hours"),
        ("orders_dug_24h", 1, "1 old order read in 24 hours"),
        ("sellers_new_24h", 1, "1 established seller read for the first time in 24 hours"),
        ("handovers_24h", 1, "1 time in 24 hours another key took over when one was refused"),
        ("growth_sellers", 1, "1.0 times as many sellers in 24 hours as on its own days before"),
        ("dug_share_24h", 0.01, "1% of the orders it read were old"),
    ],
)
def test_one_is_one(name: str, value: float, said: str) -> None:
    assert FEATURES[FEATURE[name]].sentence(value) == said


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 2**32))
def test_matrix_is_finite_and_never_negative(top: int, seed: int) -> None:
    seen = view(8)
    draw = np.random.default_rng(seed)
    for part in (seen.windows, seen.week, seen.past):
        part[:] = draw.integers(0, top + 1, part.shape)
    out = matrix(seen)
    assert out.shape == (8, len(FEATURES))
    assert np.isfinite(out).all()
    assert (out >= 0).all()


def test_empty_view_gives_an_empty_matrix() -> None:
    assert matrix(view(0)).shape == (0, len(FEATURES))


def test_small_samples_are_not_extreme() -> None:
    assert value("unneeded_share_24h", view(orders_taken=1)) < 0.05
    assert value("unneeded_share_24h", view(orders_taken=1_000)) > 0.95
    assert value("unneeded_share_24h", view(orders_taken=1_000, orders_needed=950)) < 0.05


def test_orders_are_open_that_nobody_had_just_dealt_with() -> None:
    taken = 1_000
    assert value("open_share_24h", view()) == 1  # a log without orders
    assert value("open_share_24h", view(orders_taken=taken)) == 1
    assert value("open_share_24h", view(orders_taken=taken, orders_handled=taken)) < 0.05
    assert value("open_share_24h", view(orders_taken=taken, orders_handled=taken, orders_stale=taken)) == 1


@pytest.mark.parametrize(
    ("developers", "sellers", "siblings"),
    [(6, 41, 6), (40, 40, 0), (3, 8, 3), (3, 75, 3), (3, 90, 0), (0, 0, 0)],
)
def test_siblings_are_developers_of_a_few_sellers_each(developers, sellers, siblings) -> None:
    assert value("siblings_24h", view(kind=ORIGIN, others=developers, sellers=sellers)) == siblings


@pytest.mark.parametrize(
    ("who", "told", "beyond"),
    [
        ("invoices", {"pii_tax": 1_000}, 0.0),
        ("and calls who has not paid", {"pii_tax": 1_000, "pii_phone": 50}, 0.05),
        ("letters too", {"pii_tax": 1_000, "pii_email": 1_000}, 1.0),
        ("pools", {"pii_phone": 1_000}, 1.0),
        ("where no telephone numbers are given out", {}, 1.0),
        ("hides 300 among tax numbers", {"pii_tax": 700, "pii_phone": 300}, 0.3),
    ],
)
def test_who_writes_invoices_needs_no_telephone_numbers(who, told, beyond) -> None:
    seen = view(pii_records=1_000, **told)
    seen.week[:] = [seen.windows[0, DAY, COLUMN[name]] for name in WEEK]
    for feature in ("beyond_tax_share_24h", "beyond_tax_share_7d"):
        assert value(feature, seen) == pytest.approx(beyond), who
    assert value("beyond_tax_share_24h", view(**told)) == 1.0  # nothing identifying: no invoices either


def test_a_feature_of_one_kind_is_zero_for_the_other() -> None:
    assert value("origins_24h", view(others=7)) == 7
    assert value("developers_24h", view(others=7)) == 0
    assert value("developers_24h", view(kind=ORIGIN, others=7)) == 7


def test_no_past_is_no_growth() -> None:
    assert value("growth_sellers", view(sellers=500)) == 1
