"""Cases of a whole marketplace: what one party stands behind is joined, and nobody else is."""

import json

import pytest

from models.yardstick.cases import case_figures
from models.yardstick.truth import Truth, parse_label
from tests.e2e.command import poolwatch

#: Two alerted entities of a pooler of these should be one case.
WHOLE = ("siblings", "rotating", "split", "forged_agents", "next_key", "loud_a", "bulk_reports")


@pytest.mark.slow
def test_parties_are_told_apart(tmp_path):
    events, labels, alerts = (tmp_path / name for name in ("events.parquet", "labels.jsonl", "alerts.jsonl"))
    market = [
        "--scenario",
        "mixed",
        "--seed",
        "29",
        "--hours",
        "36",
        "--sellers",
        "900",
        "--developers",
        "150",
    ]
    for command in (
        ("simulate", *market, "--out", events, "--labels", labels),
        ("replay", events, "--alerts", alerts),
    ):
        told = poolwatch(*map(str, command), timeout=300)
        assert told.returncode == 0, told.stderr
    lines = enumerate(labels.read_text().splitlines())
    truth = Truth(parse_label(json.loads(line), f"labels:{n}") for n, line in lines)
    raised = [json.loads(line) for line in alerts.read_text().splitlines()]
    found = case_figures(truth, raised)
    assert found["mixed"] == 0, found  # neighbours, tenants, users of one SDK, victims
    assert found["pair_precision"] == 1.0, found
    assert found["cases"] <= 22, found  # as many as there were when fewer places of each party were alerted
    assert found["pair_recall"] >= 0.65, found
    for scenario in WHOLE:
        mine = [
            alert
            for alert in raised
            for label in truth.standing(alert["entity_kind"], alert["entity_id"])[:1]
            if label.label == "aggregator" and label.scenario == scenario
        ]
        if len(mine) > 1:
            assert case_figures(truth, mine)["pair_recall"] >= 0.8, (scenario, [a["case"] for a in mine])
            assert all(
                alert["links"] for alert in mine if alert["case"].partition(":")[2] != alert["entity_id"]
            )
