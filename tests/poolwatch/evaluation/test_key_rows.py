"""Rows of keys against labels: who counts as stolen, how a key counts once, figures by hand; the fit."""

import json

import numpy as np
import pytest

from models.wire.sightings import DEVELOPER, ORIGIN
from models.yardstick.truth import Truth
from poolwatch.evaluation.key_check import fit
from poolwatch.evaluation.key_rows import KeyRows, brier, groups, joined, key_figures, read_keys, reliability
from tests.models.made_labels import label


def row(kind, entity, key, probability, **facts):
    plain = {"elsewhere": False, "foreign": False, "dug": False, "roaming": False}
    who = {"entity_kind": kind, "entity_id": entity, "key_id": key, "probability": probability}
    return who | plain | {"orders_read": 0, "orders_acted_on": 0, "company": 0, "evidence": ""} | facts


@pytest.fixture
def rows(tmp_path) -> KeyRows:
    truth = Truth(
        [
            label("origin", "ip:1.1.1.1|tls:a", party="p", scenario="loud_b"),
            label("origin", "ip:2.2.2.2|tls:a", party="p", scenario="loud_b"),
            label("developer", "shop", "victim", party="p", scenario="loud_b"),
            label("developer", "pooler", party="q", scenario="loud_a"),
            label("origin", "ip:10.0.0.1|tls:s", party="s", scenario="insider"),
        ]
    )
    told = [
        row("origin", "ip:1.1.1.1|tls:a", "k1", 0.9, foreign=True),
        row("origin", "ip:2.2.2.2|tls:a", "k1", 0.3),
        row("origin", "ip:9.9.9.9|tls:h", "k1", 0.1),
        row("developer", "shop", "k1", 0.8),
        row("developer", "pooler", "k2", 0.01),
        row("origin", "ip:10.0.0.1|tls:s", "k3", 0.99),
    ]
    path = tmp_path / "keys.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in told))
    return read_keys(path, truth)


def test_who_is_stolen_and_how_a_key_counts(rows):
    assert rows.stolen.tolist() == [True, True, False, True, False]  # staff keys have no seller as owner
    assert rows.weight.tolist() == [0.5, 0.5, 1, 1, 1]
    assert rows.group == ["loud_b", "loud_b", "unlabelled", "loud_b", "loud_a"]
    assert rows.facts.foreign.tolist() == [True, False, False, False, False]


def test_figures_by_hand(rows):
    there = rows.of(rows.kind == ORIGIN)
    assert brier(there) == pytest.approx((0.5 * 0.1**2 + 0.5 * 0.7**2 + 0.1**2) / 2)
    assert key_figures(rows) == {"brier": brier(there), "stolen_told": 0.5, "owned_told": 0.0}
    (low, high) = reliability(there, (0, 0.5, 1.01))
    assert (low["keys"], low["told"], low["true"]) == (1.5, pytest.approx(0.25 / 1.5), pytest.approx(1 / 3))
    assert (high["keys"], high["told"], high["true"]) == (0.5, 0.9, 1.0)
    first = groups(there)[0]
    assert (first["group"], first["stolen"], first["keys"], first["borrowed"]) == ("loud_b", True, 1.0, 0.5)


def test_the_fit_finds_what_tells_and_goes_below_nothing(rows):
    """Foreign keys of an origin stolen, the rest not; dug the other way round, so it would go below 0."""
    some = rows.of(rows.kind == ORIGIN)
    many = joined([some] * 100)
    facts = many.facts
    facts.elsewhere[:] = facts.foreign[:] = many.stolen
    facts.dug[:] = ~many.stolen
    facts.company[:] = 1
    developers = joined([rows.of(rows.kind == DEVELOPER)] * 3)
    _, weights = fit(joined([many, developers]))
    assert weights.foreign > 1
    assert weights.dug == 0
    assert np.isfinite(weights.base)
