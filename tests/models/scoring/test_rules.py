"""Thresholds: what a file says holds, what it gets wrong is told, and more is never less suspicious."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError
from models.scoring import rule_file
from models.scoring.features import FEATURE, FEATURES
from models.scoring.rules import Rule, RuleSet
from models.wire.sightings import DEVELOPER, ORIGIN
from tests.models import naive_rules

SHIPPED = RuleSet.load()
GOOD = """
feature = "sellers_24h"
above = 25
severity = "high"
weight = 0.5
why = "Many sellers."
do = "Ask."
cases = [{ it = "92 keys", value = 92, fires = true }, { it = "four", value = 4, fires = false }]
"""

rows = st.lists(
    st.tuples(*[st.floats(0, 1e6) | st.floats(0, 1) | st.just(0.0)] * len(FEATURES)), min_size=1, max_size=3
).map(np.array)


@pytest.mark.parametrize("rule", SHIPPED.rules, ids=SHIPPED.ids)
def test_each_shipped_rule_fires_on_its_cases_alone(rule: Rule) -> None:
    for case in rule.cases:
        kind, row = rule_file.case_row(rule, case, rule.id)
        assert naive_rules.fired(rule, int(kind[0]), row[0]) == case.fires, case.it


@pytest.mark.parametrize("rule", SHIPPED.rules, ids=SHIPPED.ids)
def test_no_shipped_rule_alerts_on_size_alone(rule: Rule) -> None:
    """A billion-order application: every count that mere size explains is huge, nothing else is."""
    row = np.zeros((1, len(FEATURES)))
    for name, place in FEATURE.items():
        stem = name.removesuffix(f"_{FEATURES[place].window}")
        if stem in ("sellers", "sellers_pii", "keys", "developers", "origins", "calls", "records", "bytes"):
            row[0, place] = 1e9
        if stem in ("customers", "orders_taken", "pii_records", "pii_name", "report_records"):
            row[0, place] = 1e9
    for kind in (DEVELOPER, ORIGIN):
        assert not naive_rules.fired(rule, kind, row[0])


@given(matrix=rows, kind=st.sampled_from([DEVELOPER, ORIGIN]))
def test_compiled_evidence_equals_the_plain_one(matrix: np.ndarray, kind: int) -> None:
    fired, strength = SHIPPED.evidence(np.full(len(matrix), kind, np.uint8), matrix)
    for i, row in enumerate(matrix):
        for j, rule in enumerate(SHIPPED.rules):
            assert fired[i, j] == naive_rules.fired(rule, kind, row)
            assert strength[i, j] == pytest.approx(naive_rules.strength(rule, kind, row), abs=1e-12)


@given(matrix=rows, column=st.integers(0, len(FEATURES) - 1), more=st.floats(0, 1e6))
def test_more_of_a_feature_never_lowers_the_evidence(matrix: np.ndarray, column: int, more: float) -> None:
    kinds = np.zeros(len(matrix), np.uint8)
    raised = matrix.copy()
    raised[:, column] += more
    assert (SHIPPED.strength(kinds, raised) >= SHIPPED.strength(kinds, matrix)).all()
    assert (SHIPPED.fired(kinds, raised) >= SHIPPED.fired(kinds, matrix)).all()


def test_evidence_is_half_at_the_line_and_the_line_itself_does_not_fire(tmp_path: Path) -> None:
    rules = load(tmp_path, GOOD)
    row = np.zeros((1, len(FEATURES)))
    row[0, FEATURE["sellers_24h"]] = 25
    fired, strength = rules.evidence(np.zeros(1, np.uint8), row)
    assert not fired[0, 0]
    assert strength[0, 0] == 0.5


def load(folder: Path, text: str, name: str = "fan_out.toml") -> RuleSet:
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / name).write_text(text)
    return RuleSet.load(folder / "rules")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"sellers_24h"', '"seller_24h"', 'no feature "seller_24h"; did you mean "sellers_24h"?'),
        ("above = 25", "above = 0", "above must be a number greater than 0"),
        ("above = 25", "above = nan", "above must be a number greater than 0"),
        ("above = 25", "above = 100", 'case "92 keys" does not fire'),
        ("above = 25", "above = 3", 'case "four" fires'),
        ("above = 25", 'above = "many"', "above must be a number, not text"),
        ('"sellers_24h"', "3", "feature must be text, not a number"),
        ("weight = 0.5", "weight = 0.5\nearly = 1", "early must be true or false, not a number"),
        ("weight = 0.5", 'weight = 0.5\nkinds = "origin"', "kinds must be a list, not text"),
        ("value = 4, ", 'value = "4", ', "cases[1].value must be a number, not text"),
        ("above = 25", "above = ", "not TOML: Invalid value"),
        ("above = 25", "above = 25\nbelow = 3", 'no setting "below"; docs/rules.md names them all'),
        ("above = 25", "abov = 25", 'no setting "abov"; did you mean "above"?'),
        ("4, fires = false", "4, fire = 1", 'no setting "fire" in cases[1]; did you mean "fires"?'),
        ('"high"', '"huge"', "severity must be one of low, medium, high, critical"),
        ("weight = 0.5", "weight = 1.0", "weight must lie between 0 and 1"),
        ("weight = 0.5", "weight = 0.5\nevidence = 1.0", "evidence must lie between 0 and 1"),
        ('"sellers_24h"', '"sellers_24h"\nearly = true\nevidence = 0.4', "leave it out, or early"),
        ("weight = 0.5", 'weight = 0.5\nkinds = ["robot"]', "kinds are developer and origin"),
        ('"sellers_24h"', '"sellers_7d"\nearly = true', "can fall within a minute; early must be false"),
        ('"sellers_24h"', '"origins_24h"', "no origin has origins_24h"),
        ("weight = 0.5", "", "weight is missing; docs/rules.md says what it is"),
        ('why = "Many sellers."', 'why = " "', "why and do must say something"),
        (', { it = "four", value = 4, fires = false }', "", "at least one that fires and one that does not"),
    ],
)  # fmt: skip
def test_what_a_rule_gets_wrong_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as told:
        load(tmp_path, GOOD.replace(old, new))
    assert str(told.value).startswith("rules/fan_out.toml: ")
    assert message in str(told.value)


def test_an_empty_or_missing_place_is_told(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(ConfigError, match=str(place)):
            RuleSet.load(place)


def test_the_hash_is_that_of_the_content(tmp_path: Path) -> None:
    first = load(tmp_path, GOOD)
    assert load(tmp_path, GOOD).hash == first.hash
    assert RuleSet.load(tmp_path / "rules" / "fan_out.toml").hash == first.hash
    assert load(tmp_path, GOOD.replace("25", "26")).hash != first.hash
    assert load(tmp_path, GOOD.replace("25", "26"), "other.toml").ids == ("fan_out", "other")


def test_a_rule_of_origins_leaves_developers_alone() -> None:
    row = np.full((2, len(FEATURES)), 1e6)
    fired = SHIPPED.fired(np.array([DEVELOPER, ORIGIN], np.uint8), row)
    assert fired[:, SHIPPED.ids.index("one_place_many_names")].tolist() == [False, True]


def test_the_manual_holds_the_shipped_rules_and_every_field() -> None:
    manual = (Path(rule_file.__file__).parents[2] / "docs" / "rules.md").read_text()
    assert manual.endswith(rule_file.table())
    assert all(name in manual for name in rule_file.RuleFile.__struct_encode_fields__)
