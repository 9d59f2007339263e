"""A threshold's evidence, said plainly."""

from __future__ import annotations

import numpy as np

from models.scoring.rules import Rule


def fired(rule: Rule, kind: int, row: np.ndarray) -> bool:
    crossed = [row[c] > line for c, line in zip(rule.columns, rule.lines, strict=True)]
    return kind in rule.kinds and all(crossed)


def strength(rule: Rule, kind: int, row: np.ndarray) -> float:
    if kind not in rule.kinds:
        return 0.0
    q, *further = (row[c] / line for c, line in zip(rule.columns, rule.lines, strict=True))
    return float(q**2 / (1 + q**2) * np.prod([min(part, 1.0) ** 2 for part in further]))
