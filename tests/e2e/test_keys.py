"""Whose hand is on the key, on a made-up marketplace that nothing was fitted on: thieves and look-alikes."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.wire.sightings import DEVELOPER, ORIGIN
from poolwatch.evaluation.evaluate import Plan, make
from poolwatch.evaluation.evidence import read_labels
from poolwatch.evaluation.key_check import CHECKED_SEEDS, FITTED_SEEDS
from poolwatch.evaluation.key_rows import brier, groups, read_keys

SEED = 23
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    assert SEED not in {*FITTED_SEEDS, *CHECKED_SEEDS}
    plan = Plan("owners", (SEED,), hours=60, sellers=700, developers=150)
    return make(plan, SEED, Path(tmp_path_factory.mktemp("owners")))


@pytest.fixture(scope="module")
def rows(given):
    return read_keys(given.keys, read_labels(given.labels))


@pytest.mark.parametrize("kind", [DEVELOPER, ORIGIN])
def test_it_is_right_far_more_often_than_the_base_rate(rows, kind):
    some = rows.of(rows.kind == kind)
    share = np.average(some.stolen, weights=some.weight)
    assert 0.01 < share < 0.3
    assert brier(some) < 0.35 * share * (1 - share)


def test_stolen_keys_stand_high_and_look_alikes_low(rows):
    found = {(g["group"], g["stolen"]): g for g in groups(rows.of(rows.kind == ORIGIN))}
    assert found["loud_b", True]["mean"] > 0.8
    for name in ("loud_b", "forged_agents", "rotating", "residential"):
        assert found[name, True]["mean"] > 0.3, name
    # One application with many sellers' keys owns them: that it pools is said by the rest of its alert.
    for name in (
        "loud_a",
        "low_slow",
        "agencies",
        "brands",
        "migration",
        "support_staff",
        "giant",
        "ordinary",
    ):
        assert found[name, False]["highest"] < 0.1, name
    for name in ("vpn", "shared_nat", "own_scripts"):
        assert found[name, False]["borrowed"] < 0.05, name
    for name in ("second_desk", "telephones"):
        assert found[name, False]["borrowed"] < 0.25, name


@pytest.fixture(scope="module")
def alerts(given):
    return [json.loads(line) for line in given.alerts.read_text().splitlines()]


def test_an_owners_telephone_is_alerted_on_only_in_the_case_of_a_thief_of_its_key(given, alerts):
    truth = read_labels(given.labels)
    who = {a["alert_id"]: truth.standing(a["entity_kind"], a["entity_id"]) for a in alerts}
    thieves = {a["case"] for a in alerts if any(label.label == "aggregator" for label in who[a["alert_id"]])}
    for alert in alerts:
        if any(label.population == "telephones" for label in who[alert["alert_id"]]):
            assert alert["case"] in thieves, alert["entity_id"]


def test_alerts_tell_it_in_both_modes(given, alerts):
    truth = read_labels(given.labels)
    by = {}
    for alert in alerts:
        for label in truth.standing(alert["entity_kind"], alert["entity_id"]):
            if label.label == "aggregator":
                by.setdefault(label.scenario, []).append(alert)
    whole = max(by["loud_b"], key=lambda alert: alert["keys"])
    assert whole["keys_borrowed"] > 0.8 * whole["keys"] > 20
    first = whole["key_owners"][0]
    assert first["probability"] > 0.9
    assert "from another place that came later" in first["evidence"]
    for alert in by["loud_a"]:
        assert alert["keys_borrowed"] == 0
        assert alert["unneeded"]["orders"] > 0.9 * alert["unneeded"]["of"] > 100
