"""Detection holds above floors on two quick seeds, and when the simulator is perturbed.

Other seeds tell how good it is (docs/detection.md): these were looked at.
"""

import pytest

from poolwatch.evaluation.evaluate import Plan, evaluate

SEEDS = (23, 24)


@pytest.mark.slow
@pytest.mark.parametrize("perturb", [0.0, 0.3])
def test_the_case_is_found_and_ranked_first(perturb):
    plan = Plan("amzreview", SEEDS, hours=30, sellers=250, developers=60, perturb=perturb)
    for seed, figures in evaluate(plan)["runs"].items():
        ours, alerts = figures["methods"]["poolwatch"], figures["alerts"]
        rivals = [
            m["developers"]["average_precision"] for m in figures["methods"].values() if "developers" in m
        ]
        told = (seed, perturb, alerts["detections"], alerts["false"])
        assert alerts["found"] == alerts["parties"] == 2, told
        assert ours["parties"]["average_precision"] >= 0.8, told
        assert ours["developers"]["average_precision"] >= max(rivals) - 1e-9, told
        assert alerts["false_parties_a_day"] <= 3, told
