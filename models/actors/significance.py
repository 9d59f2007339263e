"""How likely a coincidence is, and how many coincidences may be believed at once. Pure."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from models.dtypes import F64


@njit(cache=True)
def chance(seen: float, expected: float) -> float:
    """Probability, at most, of `seen` or more where `expected` are due: a bound on Poisson's upper tail.

    It bounds the hypergeometric and binomial tails too, from one above the mean on; that of one or more is
    at most the mean.
    source  Anderson, Samuels, Some inequalities among binomial and Poisson probabilities (1967); the tail
            by its first term and the geometric series
    """
    if seen == 1:
        return min(1.0, expected)
    if seen < expected + 1 or seen <= 0:
        return 1.0
    if expected <= 0:
        return 0.0
    first = math.exp(seen * math.log(expected) - expected - math.lgamma(seen + 1))
    return min(1.0, first / (1.0 - expected / (seen + 1)))


@njit(cache=True)
def chances(seen, expected):  # type: ignore[no-untyped-def]
    """`chance` of each: float64[n] of float64[n], float64[n]."""
    out = np.empty(len(seen))
    for n in range(len(seen)):
        out[n] = chance(seen[n], expected[n])
    return out


def discoveries(chances: F64, tests: int, rate: float) -> float:
    """Highest chance float64[n] that counts as a discovery among `tests`, those not given being 1; -1 = none.

    source  Benjamini, Hochberg, Controlling the false discovery rate (1995)
    """
    ordered = np.sort(chances)
    believed = ordered[ordered <= rate * np.arange(1, len(ordered) + 1) / tests]
    return float(believed[-1]) if len(believed) else -1.0
