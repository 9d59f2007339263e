"""Seed -> rows of imagined ordinary days, and a stand-in model where no history is at hand. Pure.

`python -m models.training.bootstrap FILE` writes it; `poolwatch train` makes a real one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from models.dtypes import F64
from models.minutes import DAY_MINUTES
from models.scoring.features import FEATURE, FEATURES
from models.scoring.rules import RuleSet
from models.training.train import Rows, train
from models.wire.sightings import DEVELOPER, ENTITY_KINDS

ENTITIES, MINUTES = 1_500, 24  # of each kind; minutes spread over three days
DAYS = 3


def rows(seed: int) -> Iterator[Rows]:
    """Order tools, agencies and repricers of every size, up to one of 30,000 sellers."""
    rng = np.random.default_rng(seed)
    for kind in range(len(ENTITY_KINDS)):
        sellers = np.ceil(rng.pareto(1.1, ENTITIES) * 1.5)
        sellers = np.append(np.clip(sellers, 1, 3_000)[1:], 30_000.0)
        pii = rng.random(ENTITIES) < 0.6
        entity = np.repeat(np.arange(ENTITIES), MINUTES)
        minutes = np.sort(rng.integers(0, DAYS * DAY_MINUTES, (ENTITIES, MINUTES)), axis=1).ravel()
        matrix = _matrix(rng, kind, sellers[entity], pii[entity], (minutes % DAY_MINUTES) / DAY_MINUTES)
        hashes = (entity + kind * ENTITIES).astype(np.uint64)
        yield np.full(len(entity), kind, np.uint8), hashes, minutes.astype(np.int64), matrix


def _matrix(rng: np.random.Generator, kind: int, sellers: F64, pii: np.ndarray, of_day: F64) -> F64:
    """Counts grow with the sellers; what abuse would show stays at the level of accidents."""
    n = len(sellers)
    noise = rng.lognormal(0.0, 0.5, n)
    calls = np.round(sellers * 40 * noise) + 1
    records = np.round(calls * rng.lognormal(1.0, 0.7, n))
    orders = np.where(pii, np.round(sellers * 8 * rng.lognormal(0.0, 0.6, n)), 0.0)
    unneeded = rng.binomial(orders.astype(np.int64), 0.15).astype(float)
    few = rng.binomial(sellers.astype(np.int64), 0.01) * pii
    count = {
        "sellers": sellers,
        "sellers_pii": sellers * pii,
        "sellers_read_only": rng.binomial(sellers.astype(np.int64), 0.1) * pii,
        "sellers_unneeded": few,
        "sellers_shadow": rng.binomial(sellers.astype(np.int64), 0.005) * pii,
        "sellers_new": rng.binomial(sellers.astype(np.int64), 0.01) * pii,
        "keys": np.round(sellers * 1.05),
        "keys_per_seller": np.round(sellers * 1.05) / sellers,
        "origins": np.minimum(sellers, rng.integers(1, 5, n)),
        "developers": np.ceil(sellers**0.3) if kind != DEVELOPER else np.zeros(n),
        "calls": calls,
        "records": records,
        "bytes": records * 900,
        "customers": orders,
        "records_per_seller": records / (sellers + 1),
        "orders_taken": orders,
        "orders_unneeded": unneeded,
        "keys_elsewhere": rng.binomial(sellers.astype(np.int64), 0.03),
        "keys_foreign": rng.binomial(sellers.astype(np.int64), 0.01),
        "keys_throttled": rng.binomial(sellers.astype(np.int64), 0.02),
        "handovers": rng.binomial(sellers.astype(np.int64), 0.02),
        "sellers_dug": rng.binomial(few.astype(np.int64), 0.2),
        "sellers_alone": rng.binomial(few.astype(np.int64), 0.1),
        "orders_dug": few,
        "orders_alone": few,
        "report_records": np.where(rng.random(n) < 0.2, records * 0.3, 0.0),
        "days_before": np.where(of_day > 0.0, 1.0, 0.0),
        "activity": np.clip(of_day * noise * 0.5, 0.0, 1.0),
    }
    share = {"1h": 0.12, "5m": 0.02, "24h": 1.0, "7d": 1.3}
    out = np.zeros((n, len(FEATURES)))
    for name, place in FEATURE.items():
        feature = FEATURES[place]
        stem = name.removesuffix(f"_{feature.window}")
        if kind not in feature.kinds:
            continue
        if stem in count:
            scaled = count[stem] * share[feature.window]
            out[:, place] = scaled if feature.unit == "share" else np.round(scaled, 1)
        elif stem.startswith("pii_"):
            out[:, place] = np.round(orders * share[feature.window] * rng.uniform(0.5, 1.0, n))
        elif stem.startswith("growth"):
            out[:, place] = rng.lognormal(0.0, 0.2, n)
        elif feature.unit == "share":
            out[:, place] = rng.beta(1.0, 8.0, n) * (pii if feature.needs in ("pii", "orders") else 1.0)
    return out


if __name__ == "__main__":
    train(rows(seed=1), RuleSet.load(), seed=1).save(sys.argv[1])
