"""Feature rows of a history -> Model. Pure, seeded, bounded.

One row per entity-minute, never one per event. The history may hold poolers that nobody noticed: the
entities with the strongest evidence are left out before anything is learnt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from models.dtypes import F64, I64, U8, U64, Bools
from models.errors import ConfigError
from models.minutes import MINUTE_MS
from models.scoring import forest as forests
from models.scoring.features import FEATURE, FEATURES
from models.scoring.model import KNOTS, QUANTILES, RANKS, SIZES, KindModel, Model
from models.scoring.rules import RuleSet
from models.training.reservoir import RESERVOIR_ROWS, Reservoir
from models.wire.sightings import ENTITY_KINDS

#: (kinds uint8[n], entity hashes uint64[n], minutes int64[n], matrix float64[n, features])
Rows = tuple[U8, U64, I64, F64]

FOREST_ROWS = 40_000  # of these, what the trees draw their samples from
#: Windows are half empty in a history's first day; such rows are learnt from only where there are no others.
WARM_UP_MINUTES = 1_440
ENOUGH_ROWS = 2_000
#: At most this share of a history is left out as suspect: a fifth may be abusive, and evidence errs.
TRIM_SHARE = 0.3
#: An entity's pull grows with its rows to this power: one that works all day does not set the norm alone.
ROWS_POWER = 0.25
SPREAD_FLOOR = 0.35  # in log(1 + value): half as much again is nobody's anomaly
#: Mere volume and honest work: more of these is no sign of abuse, and the forest does without them.
BENIGN = {
    "calls",
    "records",
    "bytes",
    "failures",
    "writes",
    "written_share",
    "deeds",
    "orders_taken",
    "orders_needed",
    "records_per_seller",
    "failed_share",
    "activity",
    "growth_records",
    "days_before",
    "pii_name",
    "pii_address",
    "pii_phone",
    "pii_email",
    "pii_purchase",
}


def train(history: Iterable[Rows], rules: RuleSet, seed: int = 1, room: int = RESERVOIR_ROWS) -> Model:
    """Model of a history's rows, in any batches; same rows and seed, same model.

    Memory: 2 * room rows of float32 for each kind. ConfigError where the history has fewer than two rows.
    """
    reservoirs = [Reservoir.empty(seed, kind, room) for kind in range(len(ENTITY_KINDS))]
    first, last = 1 << 60, 0
    for kinds, entities, minutes, matrix in history:
        if not len(kinds):
            continue
        first, last = min(first, int(minutes.min())), max(last, int(minutes.max()))
        for kind, reservoir in enumerate(reservoirs):
            of_kind = kinds == kind
            if of_kind.any():
                reservoir.add(entities[of_kind], minutes[of_kind], matrix[of_kind])
    if sum(r.seen for r in reservoirs) < 2:
        raise ConfigError(
            "training: the history has no activity; give more of it, or a wider --from and --until"
        )
    present = reservoirs[0].present | reservoirs[1].present
    off = absent(present)
    learnt = tuple(_learn(r, rules, first, off) for r in reservoirs)
    rows = sum(r.seen for r in reservoirs)
    return Model(learnt, off, first * MINUTE_MS, (last + 1) * MINUTE_MS, rows, seed)


def absent(present: Bools) -> tuple[str, ...]:
    """Features whose need never came: none of the features with that need was ever above 0."""
    came = {f.needs for f, here in zip(FEATURES, present, strict=True) if here}
    return tuple(f.name for f in FEATURES if f.needs and f.needs not in came)


def _learn(reservoir: Reservoir, rules: RuleSet, first_minute: int, off: tuple[str, ...]) -> KindModel | None:
    entities, minutes, matrix = reservoir.sample()
    warm = minutes >= first_minute + WARM_UP_MINUTES
    if warm.sum() >= ENOUGH_ROWS:
        entities, matrix = entities[warm], matrix[warm]
    if len(entities) < 2:
        return None
    keep = ordinary(reservoir.kind, entities, matrix, rules)
    entities, matrix = entities[keep], matrix[keep]
    picked = _even_draw(entities, reservoir.seed)
    return _fit(reservoir, entities, matrix, picked, off)


def ordinary(kind: int, entities: U64, matrix: F64, rules: RuleSet) -> Bools:
    """bool[n]: rows of entities that no rule fired on.

    The strongest evidence goes first, and at most TRIM_SHARE of the rows.
    """
    fired, strength = rules.evidence(np.full(len(entities), kind, np.uint8), matrix)
    evidence = -np.log1p(-strength * rules.weights).sum(axis=1)
    _, of, rows = np.unique(entities, return_inverse=True, return_counts=True)
    worst = np.zeros(len(rows))
    np.maximum.at(worst, of, np.where(fired.any(axis=1), evidence, 0.0))
    suspects = np.argsort(-worst, kind="stable")
    suspects = suspects[worst[suspects] > 0.0]
    suspects = suspects[np.cumsum(rows[suspects]) <= TRIM_SHARE * len(entities)]
    return ~np.isin(of, suspects)


def _even_draw(entities: U64, seed: int) -> I64:
    """Places of at most FOREST_ROWS rows, busy entities held back.

    source  weighted sampling: Efraimidis, Spirakis (2006), algorithm A-Res
    """
    _, of, rows = np.unique(entities, return_inverse=True, return_counts=True)
    weight = rows[of] ** (ROWS_POWER - 1.0)
    keys = -np.log(np.random.default_rng(seed).random(len(entities))) / weight
    # Half of a small history at most: a draw of all would weigh nothing.
    room = min(FOREST_ROWS, max(len(entities) // 2, min(len(entities), 512)))
    return np.sort(np.argsort(keys, kind="stable")[:room])


def _fit(reservoir: Reservoir, entities: U64, matrix: F64, picked: I64, off: tuple[str, ...]) -> KindModel:
    used = np.array([_usable(i, reservoir.kind, off) for i in range(len(FEATURES))])
    logs = np.log1p(np.maximum(matrix[picked], 0.0))
    knots, typical = size_curves(logs)
    highest = _highest(entities, matrix)
    kind = KindModel(
        rows=reservoir.seen,
        entities=len(highest),
        used=used,
        knots=knots,
        typical=typical,
        spread=np.ones(len(FEATURES)),
        quantiles=np.quantile(highest, QUANTILES, axis=0, method="higher").T,
        scale=np.arange(len(RANKS), dtype=np.float64),
        forest=forests.grow(np.zeros((2, len(FEATURES)), np.float32), 0, trees=1),
    )
    kind = _with_spread(kind, matrix[picked])
    grown = forests.grow(kind.residuals(matrix[picked]), reservoir.seed)
    kind = replace(kind, forest=grown)
    best = _highest(entities, forests.score(grown, kind.residuals(matrix))[:, None])[:, 0]
    return replace(kind, scale=_ascending(np.quantile(best, RANKS), 1e-9))


def _usable(column: int, kind: int, off: tuple[str, ...]) -> bool:
    feature = FEATURES[column]
    stem = feature.name.removesuffix(f"_{feature.window}")
    return kind in feature.kinds and feature.name not in off and stem not in BENIGN


def size_curves(logs: F64) -> tuple[F64, F64]:
    """Medians of log(1 + value) along each size of SIZES.

    Gives knots float64[2, KNOTS] and typical float64[2, features, KNOTS]. Knots are
    quantiles of the size, spaced where there are rows; curves never fall (running maximum).
    """
    columns = [FEATURE[s] for s in SIZES]
    knots = np.zeros((len(SIZES), KNOTS))
    typical = np.zeros((len(SIZES), logs.shape[1], KNOTS))
    for s, column in enumerate(columns):
        size = logs[:, column]
        order = np.argsort(size, kind="stable")
        # A giant is a bin of its own: the last parts are small.
        edges = np.append(1.0 - np.geomspace(1.0, 1.0 / 256, KNOTS), 1.0) * (len(size) - 1)
        bins = [order[int(a) : int(b) + 1] for a, b in pairwise(edges)]
        knots[s] = _ascending(np.array([np.median(size[b]) for b in bins]), 1e-6)
        medians = np.stack([np.median(logs[b], axis=0) for b in bins], axis=1)
        typical[s] = np.maximum.accumulate(medians, axis=1)
    return knots, typical


def _with_spread(kind: KindModel, matrix: F64) -> KindModel:
    """Spread of each feature: where the upper tenth of the excesses begins, at least SPREAD_FLOOR."""
    excess = kind.residuals(matrix)
    spread = np.maximum(np.quantile(excess, 0.9, axis=0).astype(np.float64), SPREAD_FLOOR)
    return replace(kind, spread=spread)


def _ascending(values: F64, step: float) -> F64:
    """Values made strictly ascending by at least `step`."""
    steps = np.arange(len(values)) * step
    raised: F64 = np.maximum.accumulate(values - steps) + steps
    return raised


def _highest(entities: U64, values: F64) -> F64:
    """Highest value of each entity: float64[entities, columns]."""
    _, of = np.unique(entities, return_inverse=True)
    out = np.full((int(of.max()) + 1, values.shape[1]), -np.inf)
    np.maximum.at(out, of, values)
    return out
