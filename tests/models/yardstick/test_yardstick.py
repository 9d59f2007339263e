"""Every figure against its meaning, spelt out at any cost."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from models.yardstick import ranking, yardstick
from models.yardstick.ranking import Ranking, average_precision, precision_at, rank_all
from models.yardstick.truth import Truth
from models.yardstick.yardstick import Sign, detections
from tests.models.made_labels import label

RANKED = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.5, 0.9]), st.booleans()), min_size=1, max_size=60
)


def columns(ranked):
    return np.array([s for s, _ in ranked]), np.array([p for _, p in ranked])


@given(RANKED)
def test_average_precision_is_sklearns_with_ties(ranked):
    score, positive = columns(ranked)
    found = average_precision(score, positive)
    if positive.any():
        assert found == pytest.approx(average_precision_score(positive, score))
    else:
        assert math.isnan(found)


@given(RANKED)
def test_best_threshold_beats_every_other(ranked):
    score, positive = columns(ranked)
    found = ranking.best_threshold(score, positive)
    if positive.any():
        p, r = found["best_precision"], found["best_recall"]
        f1s = [2 * positive[score >= line].sum() / ((score >= line).sum() + positive.sum()) for line in score]
        assert 2 * p * r / (p + r) == pytest.approx(max(f1s))


@given(RANKED, st.integers(1, 70))
def test_precision_at_is_the_mean_over_all_orders_of_ties(ranked, top):
    """Each place of a tie group is abusive with the group's share."""
    groups = {s: [p for t, p in ranked if t == s] for s, _ in ranked}
    chances = [sum(g) / len(g) for s in sorted(groups, reverse=True) for g in [groups[s]] for _ in g]
    head = chances[:top]
    assert precision_at(*columns(ranked), top) == pytest.approx(sum(head) / len(head))


@given(RANKED, st.sampled_from([0.1, 1.0]), st.sampled_from([0.5, 3.0, 14.0]))
def test_line_lets_through_at_most_the_allowed_and_is_the_lowest(ranked, rate, days):
    score, positive = columns(ranked)
    benign = score[~positive]
    line = ranking.alert_line(benign, rate, days)
    allowed = math.floor(rate * days + 1e-9)
    assert (benign > line).sum() <= allowed
    lower = score[score < line]
    if len(lower):
        assert (benign > lower.max()).sum() > allowed
    recall = ranking.recall_above(Ranking([], score, positive, benign), line)
    if positive.any():
        assert recall == pytest.approx((score[positive] > line).mean())


def test_entities_and_parties_are_ranked_once_each():
    truth = Truth(
        [
            label("developer", "pool-1", party="pool"),
            label("developer", "pool-2", party="pool"),
            label("developer", "quiet", party="quiet"),  # never scored
            label("developer", "shop", "benign", party="shop", scenario="agency"),
            label("developer", "robbed", "victim", party="proxied"),
            label("origin", "ip:203.0.113.1", party="proxied"),
            label("origin", "ip:203.0.113.2", party="proxied"),
            label("origin", "ip:198.51.100.1", party="proxied"),
            label("origin", "ip:192.0.2.200|tls:T", party="proxied"),
            label("origin", "ip:192.0.2.200", party="proxied"),  # the same in other words
        ]
    )
    highest = {
        ("developer", "pool-1"): 0.9,
        ("developer", "pool-2"): 0.2,
        ("developer", "shop"): 0.5,
        ("developer", "robbed"): 0.95,
        ("developer", "stranger"): 0.1,
        ("origin", "net:203.0.113.0/24"): 0.8,  # holds two of the labelled addresses
        ("origin", "net:100.64.0.0/24"): 0.3,
        ("origin", "ip:192.0.2.200|tls:T"): 0.4,
    }
    found = rank_all(truth, highest, ("developer", "origin"))
    ranked = {
        kind: dict(zip(r.names, zip(r.score, r.positive, strict=True), strict=True))
        for kind, r in found.items()
    }
    assert ranked["developers"] == {
        "pool-1": (0.9, True),
        "pool-2": (0.2, True),
        "quiet": (0.0, True),
        "shop": (0.5, False),
        "stranger": (0.1, False),
    }
    assert ranked["origins"] == {
        "net:203.0.113.0/24": (0.8, True),
        "ip:198.51.100.1": (0.0, True),
        "ip:192.0.2.200|tls:T": (0.4, True),
        "net:100.64.0.0/24": (0.3, False),
    }
    assert ranked["parties"] == {
        "pooler pool": (0.9, True),
        "pooler quiet": (0.0, True),
        "pooler proxied": (0.8, True),
        "party shop": (0.5, False),
        "party developer stranger": (0.1, False),
        "party origin net:100.64.0.0/24": (0.3, False),
    }
    assert sorted(found["parties"].benign) == [0.1, 0.3, 0.5]
    figures = ranking.ranking_figures(found["parties"], days=1)
    assert figures["recall_at_1_a_day"] == pytest.approx(2 / 3)
    assert figures["line_at_1_a_day"] == 0.3


def test_detection_counts_the_first_sign_from_the_start_on():
    # hours        0    2    4    6    8    10
    # pool              start ------------- end     customers at 2 2 3 9
    # its developer  x                              too early, and over by then: tells nothing
    # its origin               x                    2 h, after 3 of 4 customers
    # quiet        start ------------------ end     never
    # early             start ------------- end     alert open since 1, still so at 3: found at once
    hour = 3_600_000
    truth = Truth(
        [
            label("developer", "d", party="pool", start=2 * hour, end=10 * hour),
            label("origin", "ip:203.0.113.1", party="pool", start=2 * hour, end=10 * hour),
            label("developer", "q", party="quiet", start=0, end=10 * hour),
            label("developer", "e", party="early", start=2 * hour, end=10 * hour),
            label("developer", "b", "benign", party="b"),
        ]
    )
    signs = [
        Sign("developer", "d", hour, hour),
        Sign("origin", "net:203.0.113.0/24", 4 * hour, 4 * hour),
        Sign("developer", "b", 0, 0),
        Sign("developer", "e", hour, 3 * hour),
    ]
    take = {
        "pool": np.array([2, 2, 3, 9]) * hour,
        "quiet": np.array([1, 5]) * hour,
    }
    found = {d.party: d for d in detections(truth, signs, take)}
    pool, quiet, early = found["pool"], found["quiet"], found["early"]
    assert (pool.found, pool.delay_ms, pool.customers_before, pool.share_before) == (True, 2 * hour, 3, 0.75)
    assert (quiet.found, quiet.delay_ms, quiet.customers_before) == (False, 10 * hour, 2)
    assert (early.found, early.delay_ms) == (True, 0)
    assert math.isnan(early.share_before)
    figures = yardstick.detection_figures(list(found.values()))
    assert (figures["median_hours"], figures["share_before"]) == (2.0, 5 / 6)


def alert(kind, entity, time=1, **more):
    return {"entity_kind": kind, "entity_id": entity, "time": time, "alert_id": entity, **more}


def test_a_flagged_look_alike_is_named():
    truth = Truth(
        [
            label("developer", "d", party="pool"),
            label("developer", "v", "victim", party="pool"),
            label("developer", "a1", "benign", party="a1", scenario="mixed", population="agency"),
            label("developer", "a2", "benign", party="a2", scenario="mixed", population="agency"),
        ]
    )
    alerts = [
        alert("developer", "d"),
        alert("developer", "v"),
        alert("developer", "a2", rules=["fan_out"]),
        alert("developer", "a2", time=5),
        alert("origin", "ip:192.0.2.1"),
    ]
    figures = yardstick.alert_figures(truth, alerts, {}, days=2)
    assert figures["populations"] == {
        "agency": {"members": 2, "flagged": 1, "share": 0.5, "names": ["developer a2"]},
        "unlabelled": {
            "members": 0,
            "flagged": 1,
            "share": pytest.approx(math.nan, nan_ok=True),
            "names": ["origin ip:192.0.2.1"],
        },
    }
    assert figures["false_a_day"] == 1.0
    assert figures["precision"] == 1 / 2
    assert figures["false"][0]["rules"] == ["fan_out"]


def told(entity, score, *features):
    return {
        "entity_kind": "developer",
        "entity_id": entity,
        "time": 60_000,
        "score": score,
        "reasons": [{"feature": name} for name in features],
    }


def test_reasons_are_held_against_what_the_scenario_does():
    labels = [label("developer", name, party=name[0], scenario="hop") for name in ("a1", "a2", "b1")]
    truth = Truth([*labels, label("developer", "c1", party="c"), label("developer", "d", "benign", "d", "x")])
    alerts = [
        told("a1", 0.9, "calls_1h", "records_1h", "handovers_24h"),
        told("a2", 0.8, "calls_1h", "records_1h", "sellers_24h", "handovers_24h"),  # fourth: too late
        told("b1", 0.9, "sellers_dug_24h"),
        told("c1", 0.9, "handovers_24h"),
        told("d", 0.9, "handovers_24h"),
    ]
    found = yardstick.reason_figures(truth, alerts, {"hop": ("handovers",), "none": ("dug",)})
    assert list(found) == ["hop"], "nothing is expected of the rest, or nobody is alerted on"
    assert found["hop"] == {
        "poolers": 2,
        "told": 1,
        "alerts": 3,
        "alerts_told": 1,
        "first": {"calls": 2, "dug": 1},
    }
