"""The simulator's numbers -> the same, moved at random. Touches this process's tables of habits and manners.

What is tuned to one set of numbers must hold when they are others: `poolwatch simulate --perturb .3`.
"""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from typing import Any

import numpy as np

from models.errors import ConfigError
from simulators import chance, poolers
from simulators.habits import KINDS

Span = tuple[float, float]


def move(amount: float, seed: int) -> None:
    """Multiply every span and weight of this process by a factor of its own in [1 - amount, 1 + amount].

    Same seed, same factors. Spans of one value stay (92 sellers are the case, not a habit); chances stay
    within 0..1.
    ConfigError unless 0 <= amount < 1.
    """
    if not 0 <= amount < 1:
        raise ConfigError(f"--perturb {amount:g}: give a share of 0 or more, below 1")
    for kind in KINDS:
        rng = chance.rng(seed, "perturb", kind.name)
        kind.spans.update({name: _moved(span, amount, rng) for name, span in kind.spans.items()})
        for weights in kind.choices.values():
            weights.update({value: w * _factor(amount, rng) for value, w in weights.items()})
    for name, manner in poolers.registry().items():
        rng = chance.rng(seed, "perturb", name)
        moved: dict[str, Any] = {}
        for item in fields(manner):
            value = getattr(manner, item.name)
            if (
                isinstance(value, tuple)
                and len(value) == 2
                and all(isinstance(x, (int, float)) for x in value)
            ):
                moved[item.name] = _moved(value, amount, rng)
        vars(sys.modules[f"{poolers.__name__}.{name}"])["MANNER"] = replace(manner, **moved)


def _moved(span: Span, amount: float, rng: np.random.Generator) -> Span:
    low, high = span
    if low == high:
        return span
    most = 1.0 if high <= 1 else np.inf
    ends = sorted(float(min(most, x * _factor(amount, rng))) for x in span)
    return ends[0], ends[1]


def _factor(amount: float, rng: np.random.Generator) -> float:
    return float(rng.uniform(1 - amount, 1 + amount))
