"""Residuals, said plainly."""

from __future__ import annotations

import numpy as np

from models.scoring.features import FEATURE
from models.scoring.model import RESIDUAL_LIMIT, SIZES, KindModel


def residual(kind: KindModel, row: np.ndarray, column: int) -> float:
    if not kind.used[column]:
        return 0.0
    usual = [0.0]
    for s, name in enumerate(SIZES):
        if column == FEATURE[name]:
            continue
        size = np.log1p(row[FEATURE[name]])
        curve = np.interp(size, kind.knots[s], kind.typical[s, column])
        usual.append(curve + max(size - kind.knots[s, -1], 0.0))
    excess = (np.log1p(row[column]) - max(usual)) / kind.spread[column]
    return float(np.clip(excess, 0.0, RESIDUAL_LIMIT))
