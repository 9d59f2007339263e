"""Cost of judging a row, ours beside scikit-learn: `python -m benchmarks.forest_cost`. Prints a table."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from sklearn.ensemble import IsolationForest

from models.scoring import forest
from models.scoring.judge import judge
from models.scoring.model import Model
from models.scoring.reasons import reasons
from models.scoring.rules import RuleSet
from models.training import bootstrap

BATCHES = (1, 1_000, 30_000)


def us_per_row(call: Callable[[], object], rows: int, seconds: float = 0.4) -> float:
    """Least time of repeated calls, in microseconds a row; the first call, which compiles, is not counted."""
    call()
    best, end = np.inf, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return 1e6 * best / rows


def main() -> None:
    rules, model = RuleSet.load(), Model.load()
    kinds, _, _, matrix = next(bootstrap.rows(seed=2))
    kind = model.kinds[0]
    assert kind is not None
    residuals = kind.residuals(matrix)
    fitted = IsolationForest(n_estimators=100, max_samples=256, random_state=1).fit(residuals)
    packed = forest.pack(fitted)
    apart = np.abs(forest.score(packed, residuals) + fitted.score_samples(residuals)).max()
    print(f"{'us a row, batch of':30}" + "".join(f"{n:>10,}" for n in BATCHES))
    lines: dict[str, Callable[[int], object]] = {
        "scikit-learn": lambda n: fitted.score_samples(residuals[:n]),
        "compiled walk": lambda n: forest.score(packed, residuals[:n]),
        "walk with contributions": lambda n: forest.contributions(packed, residuals[:n]),
        "residuals": lambda n: kind.residuals(matrix[:n]),
        "thresholds": lambda n: rules.evidence(kinds[:n], matrix[:n]),
        "judge, whole": lambda n: judge(kinds[:n], matrix[:n], rules, model),
    }
    for name, call in lines.items():
        print(f"{name:30}" + "".join(f"{us_per_row(lambda c=call, n=n: c(n), n):10.2f}" for n in BATCHES))
    one = us_per_row(lambda: reasons(0, matrix[0], rules, model), 1)
    print(f"reasons of one alert: {one:.0f} us; largest difference from scikit-learn: {apart:.1e}")


if __name__ == "__main__":
    main()
