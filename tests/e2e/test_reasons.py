"""The top three reasons say what the pooler does, for every way of pooling and hiding that is alerted on."""

from pathlib import Path

import pytest

from poolwatch.evaluation.evaluate import Plan, make
from poolwatch.evaluation.measure import measure
from simulators import poolers

SEEDS = (25, 26)


@pytest.mark.slow
def test_top_reasons_contain_what_the_scenario_does(tmp_path):
    seen, wrong = set(), []
    for seed in SEEDS:
        folder = Path(tmp_path / str(seed))
        folder.mkdir()
        given = make(Plan("mixed", (seed,), hours=60, sellers=700, developers=260), seed, folder)
        for name, told in measure(given, rivals=False)["alerts"]["reasons"].items():
            seen.add(name)
            if told["told"] < told["poolers"] or told["alerts_told"] < 0.9 * told["alerts"]:
                wrong.append((seed, name, told))
    assert wrong == []
    assert len(seen) >= len(poolers.registry()) - 2, sorted(seen)
