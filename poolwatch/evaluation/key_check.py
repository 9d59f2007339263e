"""Made-up marketplaces -> is the probability that a key's owner calls right? Runs simulator and replay.

`python -m poolwatch.evaluation.key_check` makes docs/keys.md; `--fit` prints the weights for
models/keys/owner.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.dtypes import F64
from models.errors import PoolwatchError
from models.keys.owner import Weights, signs
from models.wire.sightings import DEVELOPER, ENTITY_KINDS, ORIGIN
from poolwatch.evaluation.evaluate import Plan, make
from poolwatch.evaluation.evidence import read_labels
from poolwatch.evaluation.key_rows import KeyRows, joined, read_keys
from poolwatch.evaluation.keys_page import as_markdown
from poolwatch.evaluation.seeds import parse_seeds

#: Weights are fitted on these seeds, and checked on others.
FITTED_SEEDS = (301, 302, 303, 304)
CHECKED_SEEDS = (311, 312, 313)
#: One in which many owners call from two places, one with every pooler and every look-alike.
SCENARIOS = ("owners", "mixed")
#: Keeps weights from growing where made-up data part cleanly, which real data do not.
RIDGE = 3.0
STEPS = 20_000


def rows_of(seeds: Sequence[int], sellers: int, perturb: float = 0.0) -> KeyRows:
    """Simulate and replay each scenario and seed; all key rows."""
    parts = []
    for scenario in SCENARIOS:
        for seed in seeds:
            plan = Plan(scenario, (seed,), sellers=sellers, developers=320, perturb=perturb)
            with tempfile.TemporaryDirectory(prefix="poolwatch-keys-") as scratch:
                print(f"{scenario}, seed {seed}: simulate, replay", file=sys.stderr)
                given = make(plan, seed, Path(scratch))
                assert given.keys is not None
                parts.append(read_keys(given.keys, read_labels(given.labels)))
    return joined(parts)


def fit(rows: KeyRows) -> tuple[Weights, ...]:
    """Weights per entity kind: ridge logistic regression with no weight below 0, by projected gradient
    (Beck, Teboulle, A Fast Iterative Shrinkage-Thresholding Algorithm, 2009). Each key counts once."""
    return tuple(_fit(rows.of(rows.kind == kind)) for kind in (DEVELOPER, ORIGIN))


def _fit(rows: KeyRows) -> Weights:
    x = np.column_stack([np.ones(len(rows)), signs(rows.facts)])
    ridge = np.r_[0.0, np.full(x.shape[1] - 1, RIDGE)]
    steepest = 0.25 * float(np.linalg.eigvalsh((x * rows.weight[:, None]).T @ x)[-1]) + RIDGE
    at = ahead = np.zeros(x.shape[1])
    pace = 1.0
    for _ in range(STEPS):
        slope = x.T @ (rows.weight * (_logistic(x @ ahead) - rows.stolen)) + ridge * ahead
        following = ahead - slope / steepest
        following[1:] = np.maximum(following[1:], 0.0)
        quicker = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        ahead = following + (pace - 1) / quicker * (following - at)
        moved, at, pace = float(np.abs(following - at).max()), following, quicker
        if moved < 1e-9:
            break
    return Weights(*np.round(at, 2).tolist())


def _logistic(odds: F64) -> F64:
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit on some seeds, or check on others and write the page to standard output."""
    parser = argparse.ArgumentParser(
        prog="python -m poolwatch.evaluation.key_check", description=main.__doc__
    )
    parser.add_argument("--fit", action="store_true", help="print the weights that --seeds give")
    parser.add_argument("--seeds", metavar="LIST", help="seeds, such as 311-313")
    parser.add_argument("--sellers", type=int, default=1_200)
    parser.add_argument("--perturb", type=float, default=0.0, metavar="SHARE")
    options = parser.parse_args(arguments)
    seeds = parse_seeds(options.seeds) if options.seeds else FITTED_SEEDS if options.fit else CHECKED_SEEDS
    try:
        rows = rows_of(seeds, options.sellers, options.perturb)
    except PoolwatchError as error:
        print(f"poolwatch: {error}", file=sys.stderr)
        return error.exit_code
    if options.fit:
        for kind, weights in zip(ENTITY_KINDS, fit(rows), strict=True):
            print(f"{kind}: {weights}")
    else:
        print(as_markdown(rows, FITTED_SEEDS, seeds, SCENARIOS, options.sellers), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
