"""Moved numbers: by the seed, within their bounds, and really felt."""

import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from models.errors import ConfigError
from simulators import perturb


def test_spans_move_within_the_amount_and_chances_stay_chances():
    rng = np.random.default_rng(0)
    for span in [(8.0, 150.0), (0.75, 1.0), (0.0, 1.0)]:
        for _ in range(200):
            low, high = perturb._moved(span, 0.3, rng)
            assert span[0] * 0.7 <= low <= high <= span[1] * 1.3
            assert span[1] > 1 or high <= 1
    assert perturb._moved((92, 92), 0.3, rng) == (92, 92)
    with pytest.raises(ConfigError, match="--perturb 1:"):
        perturb.move(1, 0)


@pytest.mark.slow
def test_perturbed_market_is_another_and_the_same_again(tmp_path):
    def market(name, *more):
        out = tmp_path / f"{name}.parquet"
        small = [
            "--scenario",
            "normal",
            "--seed",
            "4",
            "--hours",
            "2",
            "--sellers",
            "60",
            "--developers",
            "30",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "poolwatch", "simulate", *small, "--out", str(out), *more], check=False
        )
        assert done.returncode == 0
        return pq.read_table(out)

    plain, once, again = market("plain"), market("a", "--perturb", ".3"), market("b", "--perturb", ".3")
    assert once.equals(again)
    assert not once.equals(plain)
