"""Hints order alerts and raise none; docs tell each of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.scoring import purpose
from models.scoring.judge import judge, score_over
from models.scoring.model import Model
from models.scoring.purpose import HINTS, hints
from models.scoring.rules import RuleSet
from models.wire.sightings import DEVELOPER
from tests.models.scoring.test_judge import pooler, row

RULES, MODEL = RuleSet.load(), Model.load()
LEVELS = st.floats(0, 1) | st.floats(0, 1e9)


@pytest.mark.parametrize("hint", HINTS, ids=lambda hint: hint.feature)
def test_a_hint_goes_from_nothing_to_one_nat(hint):
    values = np.linspace(hint.none, hint.whole, 9)
    told = hint.of(np.stack([row(**{hint.feature: value}) for value in values]))
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert (np.diff(told) > 0).all()


@given(st.tuples(*[LEVELS] * len(HINTS)))
def test_hints_are_bounded(values):
    told = hints(row(**{hint.feature: value for hint, value in zip(HINTS, values, strict=True)})[None, :])
    assert 0 <= told[0] <= len(HINTS)


def test_of_two_that_cross_the_same_lines_who_has_no_good_reason_comes_first():
    # Both read the past of 92 sellers and act on nothing; one once, one keeps coming and takes phones.
    export = pooler() + row(dug_share_7d=0.2)
    pools = pooler() + row(dug_share_7d=-0.2, pii_phone_24h=50_000)
    verdict = judge(np.full(2, DEVELOPER, np.uint8), np.stack([export, pools]), RULES, MODEL)
    assert verdict.alerts.all()
    assert verdict.fired[0].tolist() == verdict.fired[1].tolist()
    assert verdict.score[1] > verdict.score[0]


@given(st.floats(0, 0.999), st.floats(0, 0.999), st.floats(0, len(HINTS)))
def test_score_over_rises_with_evidence_and_hints_and_stays_below_1(a, b, nats):
    low, high = sorted((a, b))
    assert 0.8 <= score_over(low, 0) <= score_over(high, nats) < 1
    assert score_over(low, nats) >= score_over(low, 0)


def test_the_manual_tells_each_hint():
    manual = (Path(purpose.__file__).parents[2] / "docs" / "rules.md").read_text()
    assert purpose.table() in manual
