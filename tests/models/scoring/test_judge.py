"""The whole judgement: joined evidence, its order, and reasons that explain it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.alerts.alerts import Reason
from models.scoring.features import FEATURE, FEATURES
from models.scoring.judge import ALERT_LINE, FOREST, Verdict, gate, judge
from models.scoring.model import Model
from models.scoring.reasons import bystander_reasons, reasons, shares
from models.scoring.rules import RuleSet
from models.scoring.topics import topic
from models.training import bootstrap
from models.wire.sightings import DEVELOPER, ORIGIN

RULES, MODEL = RuleSet.load(), Model.load()
KINDS, _, _, ROWS = next(bootstrap.rows(seed=9))


def row(**values: float) -> np.ndarray:
    out = np.zeros(len(FEATURES))
    for name, value in values.items():
        out[FEATURE[name]] = value
    return out


def pooler(keys: float = 92) -> np.ndarray:
    """A day of the case: this many keys, read only, others do the work."""
    each = ("sellers_24h", "keys_24h", "sellers_pii_24h", "sellers_read_only_24h", "sellers_unneeded_24h")
    dug = ("sellers_dug_1h", "sellers_dug_24h", "sellers_dug_7d")
    shadow = dict.fromkeys(("sellers_shadow_24h", "sellers_shadow_1h", *dug), keys)
    return row(
        **dict.fromkeys(each, keys), **shadow, keys_per_seller_24h=1, days_before=2, calls_24h=40 * keys,
        records_24h=4_000 * keys, shadow_share_24h=0.95,
        orders_taken_24h=1_000 * keys, orders_unneeded_24h=1_000 * keys, unneeded_share_24h=0.99,
        unneeded_share_7d=0.99, reads_without_deeds_24h=0.9, dug_share_24h=0.8, dug_share_7d=0.8,
        orders_dug_24h=800 * keys, sellers_dug_share_24h=0.95, open_share_24h=0.9, idle_share_7d=1.0,
        beyond_tax_share_24h=1.0,
    )  # fmt: skip


def of(*rows: np.ndarray, kind: int = DEVELOPER) -> Verdict:
    return judge(np.full(len(rows), kind, np.uint8), np.stack(rows), RULES, MODEL)


@pytest.mark.parametrize("kind", [DEVELOPER, ORIGIN])
def test_the_case_is_critical_and_ordinary_entities_are_quiet(kind: int) -> None:
    case = of(pooler(), kind=kind)
    assert case.alerts[0]
    assert "critical" in {RULES.rules[RULES.ids.index(rule)].severity for rule in case.rules_of(0, RULES)}
    assert {"dug_fan_out", "unneeded_volume"} <= set(case.rules_of(0, RULES))
    ordinary = judge(KINDS, ROWS, RULES, MODEL)
    assert ordinary.alerts.mean() < 0.001
    assert (ordinary.score < case.score[0]).all()


@given(st.lists(st.tuples(*[st.floats(0, 1e9) | st.floats(0, 1)] * len(FEATURES)), min_size=1, max_size=4))
def test_score_lies_below_1_and_crosses_the_line_exactly_where_something_fired(values) -> None:
    verdict = of(*np.array(values))
    assert ((verdict.score >= 0) & (verdict.score < 1)).all()
    fired = verdict.fired.any(axis=1) | verdict.forest_fired
    assert (fired == (verdict.score >= ALERT_LINE)).all()
    assert not (fired & verdict.bystander).any()


def test_who_reads_what_invoices_need_is_over_no_line() -> None:
    invoices = pooler() - row(beyond_tax_share_24h=0.95)
    assert not of(invoices).alerts[0]
    assert of(invoices).score[0] < 0.5


def test_what_nearly_everyone_does_is_no_reason() -> None:
    told = {r.feature for r in reasons(DEVELOPER, pooler(), RULES, MODEL)}
    assert told
    assert told <= {f.name for f in FEATURES if f.told}


@pytest.mark.parametrize("kind", [DEVELOPER, ORIGIN])
def test_a_bystander_is_a_developer_of_few_sellers_that_only_reads(kind: int) -> None:
    reads = row(sellers_24h=9, sellers_shadow_24h=9, idle_share_7d=1.0, beyond_tax_share_24h=1.0)
    works, large, invoices = (
        reads - row(idle_share_7d=0.5), reads + row(sellers_24h=20), reads - row(beyond_tax_share_24h=0.9),
    )  # fmt: skip
    verdict = of(reads, works, large, invoices, pooler(9), kind=kind)
    assert verdict.bystander.tolist() == [kind == DEVELOPER, False, False, False, False]
    told = bystander_reasons(kind, reads, MODEL)
    assert [r.feature for r in told] == ["sellers_shadow_24h", "idle_share_7d"]
    assert sum(r.contribution for r in told) == pytest.approx(1)


def test_no_ties_at_the_top() -> None:
    scores = of(*[pooler(keys) for keys in range(50, 3_000, 50)]).score
    assert len(set(scores)) == len(scores)
    assert of(pooler(1_000)).score[0] > of(pooler(50)).score[0]


def test_a_row_is_judged_alike_alone_and_in_a_crowd() -> None:
    matrix = np.concatenate([ROWS[:500], [pooler()]])
    kinds = np.zeros(len(matrix), np.uint8)
    crowd = judge(kinds, matrix, RULES, MODEL)
    for i in (0, 77, 500):
        alone = judge(kinds[i : i + 1], matrix[i : i + 1], RULES, MODEL)
        assert alone.score[0] == crowd.score[i]
        assert alone.forest[0] == crowd.forest[i]


def test_the_forest_is_silent_where_no_unneeded_data_is_in_play() -> None:
    odd = row(
        days_before=1, sellers_24h=3, calls_24h=900, pii_records_7d=9e8, handovers_24h=5e4, growth_sellers=900
    )
    assert gate(odd[None, :])[0] == 0.0
    assert of(odd).forest[0] == 0.0
    odd[FEATURE["sellers_dug_24h"]], odd[FEATURE["dug_share_7d"]] = 25, 0.5
    assert 0 < of(odd).forest[0] < 1
    odd[FEATURE["days_before"]] = 0
    assert of(odd).forest[0] == 0.0


def test_an_order_tool_is_quiet_on_its_first_day() -> None:
    """Forty sellers, orders read since the morning, and nothing could be shipped yet."""
    first = pooler(40)
    for name in (
        *(f for f in FEATURE if "dug" in f or "shadow" in f),
        "days_before",
    ):
        first[FEATURE[name]] = 0
    assert of(pooler(40)).alerts[0]
    assert not of(first).alerts[0]
    assert not of(first, kind=ORIGIN).alerts[0]


def test_a_kind_without_history_is_judged_by_thresholds_alone() -> None:
    bare = Model((None, None), (), 0, 0, 0, 0)
    verdict = judge(np.zeros(1, np.uint8), pooler()[None, :], RULES, bare)
    assert verdict.alerts[0]
    assert verdict.forest[0] == 0.0
    assert FOREST not in verdict.rules_of(0, RULES)
    assert reasons(DEVELOPER, pooler(), RULES, bare)[0].text.startswith("92 sellers")


def test_reasons_say_what_the_case_is() -> None:
    told = reasons(DEVELOPER, pooler(), RULES, MODEL)
    topics = [topic(r.feature) for r in told]
    assert topics[0] == "dug", "of whatever window"
    assert len(set(topics)) == len(topics), "the same is said once"
    parts = [r.contribution for r in told]
    assert parts == sorted(parts, reverse=True)
    assert sum(parts) <= 1 + 1e-9
    dug = told[0]
    assert dug.value == 92
    assert dug.typical < 92
    assert f"% of developers have at most {dug.typical:.0f}" in dug.text


def reason_for(name: str, value: float, quantiles: list[float]) -> Reason:
    """Of a feature whose quantiles (.5 .9 .95 .99 .995 .999) among 10,000 origins are these."""
    learnt = MODEL.kinds[ORIGIN]
    assert learnt is not None
    known = np.zeros_like(learnt.quantiles)
    known[FEATURE[name]] = quantiles
    made = dataclasses.replace(learnt, entities=10_000, quantiles=known)
    model = dataclasses.replace(MODEL, kinds=(None, made))
    return next(r for r in reasons(ORIGIN, row(**{name: value}), only(name), model) if r.feature == name)


def only(name: str) -> RuleSet:
    """One rule of one feature."""
    rule = RULES.rules[0]
    place = (FEATURE[name],)
    return RuleSet((dataclasses.replace(rule, columns=place, lines=(1e-9,), kinds=(ORIGIN,)),), "")


@pytest.mark.parametrize(
    ("name", "value", "quantiles", "typical", "said"),
    [
        ("sellers_24h", 51, [0, 0, 0, 0, 0, 60], 0, "99.5% of origins have none"),
        ("sellers_24h", 51, [1, 2, 3, 7, 23, 60], 23, "99.5% of origins have at most 23"),
        ("shadow_share_24h", 0.984, [0.1, 0.3, 0.98, 0.99, 1, 1], 0.3, "90% of origins have at most 30%"),
        ("shadow_share_24h", 0.75, [0, 0.001, 0.003, 0.9, 1, 1], 0.003, "95% of origins have at most 0.3%"),
        ("keys_per_seller_24h", 6.4, [1, 1.2, 6.1, 9, 9, 9], 1.2, "90% of origins have at most 1.2"),
        ("shadow_share_24h", 0.984, [0.981, 0.99, 1, 1, 1, 1], 0.981, ""),
    ],
)
def test_a_reason_compares_with_what_reads_differently(name, value, quantiles, typical, said) -> None:
    told = reason_for(name, value, quantiles)
    sentence, _, comparison = told.text.partition("; ")
    assert sentence == FEATURES[FEATURE[name]].sentence(value)
    assert comparison == said
    assert told.typical == typical


@given(st.tuples(*[st.floats(0, 1e6) | st.floats(0, 1) | st.just(0.0)] * len(FEATURES)))
def test_shares_sum_to_the_whole(values) -> None:
    parts = shares(ORIGIN, np.array(values), RULES, MODEL)
    assert (parts >= 0).all()
    assert parts.sum() == pytest.approx(1.0) or parts.sum() == 0.0


@given(st.tuples(*[st.floats(0, 1e6) | st.floats(0, 1) | st.just(0.0)] * len(FEATURES)))
def test_reasons_hold_all_evidence_once(values) -> None:
    told = reasons(ORIGIN, np.array(values), RULES, MODEL, most=len(FEATURES))
    parts = [r.contribution for r in told]
    assert parts == sorted(parts, reverse=True)
    assert not parts or sum(parts) > 1 - 0.01 * len(FEATURES)
    assert sum(parts) <= 1 + 1e-9


def test_topics() -> None:
    same = ("sellers_dug_1h", "sellers_dug_24h", "dug_share_7d", "orders_dug_24h")
    assert {topic(name) for name in same} == {"dug"}
    assert topic("keys_elsewhere_24h") == topic("foreign_share_24h") == "foreign"
    assert [topic(f"{name}_24h") for name in ("sellers", "calls", "records")] == [
        "sellers",
        "calls",
        "records",
    ]


def test_a_rule_that_asks_for_evidence_fires_beside_others_or_far_over_its_line(tmp_path) -> None:
    text = (
        'feature = "{}"\nabove = 10\nseverity = "high"\nweight = 0.5\nevidence = 0.4\nwhy = "w"\ndo = "d"\n'
        'cases = [{{ it = "a", value = 11, fires = true }}, {{ it = "b", value = 1, fires = false }}]\n'
    )
    for name in ("sellers_24h", "keys_24h"):
        (tmp_path / f"{name}.toml").write_text(text.format(name))
    rules = RuleSet.load(tmp_path)
    rows = [row(sellers_24h=12), row(sellers_24h=12, keys_24h=12), row(sellers_24h=30), row(keys_24h=9)]
    verdict = judge(np.full(len(rows), DEVELOPER, np.uint8), np.stack(rows), rules, MODEL)
    told = [verdict.rules_of(n, rules) for n in range(len(rows))]
    assert told == [[], ["keys_24h", "sellers_24h"], ["sellers_24h"], []]
    assert verdict.alerts.tolist() == [False, True, True, False]
    assert verdict.score[0] < ALERT_LINE
