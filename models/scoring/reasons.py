"""A judged row -> why: sentences with what is usual, by what they contribute. Pure."""

from __future__ import annotations

import numpy as np

from models.alerts.alerts import Reason
from models.dtypes import F64
from models.scoring import forest as forests
from models.scoring.features import FEATURE, FEATURES
from models.scoring.judge import BYSTANDER, FOREST_WEIGHT, forest_part
from models.scoring.model import QUANTILES, KindModel, Model
from models.scoring.rules import RuleSet
from models.scoring.topics import topic
from models.wire.sightings import ENTITY_KINDS

#: Part of a threshold's evidence that its own feature holds, where it has further conditions.
OWN_PART = 0.7


def reasons(kind: int, row: F64, rules: RuleSet, model: Model, most: int = 8) -> list[Reason]:
    """Why a row float64[features] of one kind scores as it does: a reason a topic, largest first."""
    parts = shares(kind, row, rules, model)
    learnt = model.kinds[kind]
    first: dict[str, int] = {}  # topic -> its feature with the largest part
    whole: dict[str, float] = {}
    for column in np.argsort(-parts, kind="stable").tolist():
        if not FEATURES[column].told:
            continue
        about = topic(FEATURES[column].name)
        first.setdefault(about, column)
        whole[about] = whole.get(about, 0.0) + float(parts[column])
    told = sorted((a for a in first if whole[a] > 0.01), key=lambda a: (-whole[a], first[a]))[:most]
    return [_reason(first[a], kind, float(row[first[a]]), whole[a], learnt) for a in told]


def bystander_reasons(kind: int, row: F64, model: Model) -> list[Reason]:
    """Why a bystander is told of with its company: no evidence of its own, but what it does not do."""
    told = [FEATURE[name] for name in BYSTANDER if FEATURES[FEATURE[name]].told]
    return [_reason(column, kind, float(row[column]), 1 / len(told), model.kinds[kind]) for column in told]


def shares(kind: int, row: F64, rules: RuleSet, model: Model) -> F64:
    """Part of the evidence that each feature holds: float64[features], sums to 1 (0 without evidence).

    A threshold's evidence goes to its own feature for the larger part, the rest to its further conditions.
    The forest's goes by path contributions; a feature that shortens no path has no part.
    """
    kinds, matrix = np.array([kind], np.uint8), row[None, :]
    parts = np.zeros(len(FEATURES))
    evidence = -np.log1p(-rules.strength(kinds, matrix)[0] * rules.weights)
    for rule, amount in zip(rules.rules, evidence, strict=True):
        own, *further = rule.columns
        parts[own] += amount * (OWN_PART if further else 1.0)
        for column in further:
            parts[column] += amount * (1.0 - OWN_PART) / len(further)
    learnt = model.kinds[kind]
    amount = float(-np.log1p(-forest_part(kinds, matrix, model)[0] * FOREST_WEIGHT))
    if learnt is not None and amount > 0.0:
        paths, _ = forests.contributions(learnt.forest, learnt.residuals(matrix))
        towards = np.maximum(paths[0], 0.0)
        parts += amount * towards / max(towards.sum(), 1e-12)
    whole = parts.sum()
    return parts / whole if whole > 1e-12 else np.zeros(len(parts))


def _reason(column: int, kind: int, value: float, part: float, learnt: KindModel | None) -> Reason:
    feature = FEATURES[column]
    said = feature.sentence(value)
    if learnt is None:
        return Reason(feature.name, feature.window, value, 0.0, part, said)
    quantiles = learnt.quantiles[column, : learnt.known_quantiles].tolist()
    # What reads the same as the value compares it with nothing.
    below = [i for i, q in enumerate(quantiles) if q < value and feature.sentence(q) != said]
    typical = quantiles[below[-1] if below else 0]
    if below:
        share = f"{100 * QUANTILES[below[-1]]:.3g}%"
        most = f"at most {_short(typical, feature.unit)}" if typical > 0.0 else "none"
        said += f"; {share} of {ENTITY_KINDS[kind]}s have {most}"
    return Reason(feature.name, feature.window, value, typical, part, said)


def _short(value: float, unit: str) -> str:
    if unit == "share":
        return f"{100 * value:.0f}%" if value >= 0.01 else f"{100 * value:.1g}%"
    return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:.1f}"
