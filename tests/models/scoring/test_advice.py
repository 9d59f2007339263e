"""What is to be done first, and that each rule's text can be followed by itself."""

import re

import pytest

from models.alerts.alerts import ACTOR
from models.scoring.advice import advice, first
from models.scoring.judge import FOREST
from models.scoring.rules import RuleSet

RULES = RuleSet.load().rules
KNOWN = advice(RULES)


def test_the_most_severe_then_the_weightiest_comes_first() -> None:
    told = first(["bulk_reports", "dug_fan_out", "dug_slow", "unneeded_volume", "dug_burst"], KNOWN)
    assert told is not None
    assert told.id == "dug_burst"
    told = first([ACTOR, FOREST, "dug_fan_out", "dug_newcomers", "unheard_of"], KNOWN)
    assert told is not None
    assert told.id == "dug_newcomers"
    assert first([ACTOR], KNOWN) == KNOWN[ACTOR]
    assert first(["unheard_of"], KNOWN) is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_text_sends_nobody_to_another_rule(rule) -> None:
    other = next(
        (one.id for one in RULES if re.search(rf"\b{one.id}\b", rule.why + rule.do) and "_" in one.id), ""
    )
    assert not other
    assert "other rules" not in rule.do
