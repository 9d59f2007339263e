"""Scenario sizes and a seed -> sellers and their orders. Pure."""

from __future__ import annotations

import numpy as np

from models.minutes import DAY_MS, HOUR_MS
from simulators import chance
from simulators.orders import Orders, Sellers

#: Marketplace, share of sellers, hours from UTC (a span: sellers sit across it).
MARKETPLACES = (
    ("US", 0.42, (-8, -5)),
    ("UK", 0.13, (0, 0)),
    ("DE", 0.14, (1, 1)),
    ("FR", 0.06, (1, 1)),
    ("IT", 0.05, (1, 1)),
    ("ES", 0.04, (1, 1)),
    ("CA", 0.05, (-8, -4)),
    ("JP", 0.07, (9, 9)),
    ("IN", 0.04, (5.5, 5.5)),
)
#: Days of their own (weather, advertising) that the sellers of one marketplace share.
MOODS = 6
GRID_BEFORE_DAYS = 40
_WEEK = np.array([1.06, 1.02, 0.98, 0.96, 0.95, 0.97, 1.06])


def draw(
    seed: int, count: int, start_ms: int, end_ms: int, *, sale: float = 0.0, median: float = 18.0
) -> Orders:
    """Orders of `count` sellers; `sale` = share of sellers with a sale day (x5 to x20) within the span.

    median: orders a day of the middle seller; the mean is about twice that, the largest hundreds of times.
    """
    rng = chance.rng(seed, "sellers")
    shares = np.array([share for _, share, _ in MARKETPLACES])
    marketplace = rng.choice(len(MARKETPLACES), count, p=shares / shares.sum()).astype(np.int16)
    spans = np.array([span for _, _, span in MARKETPLACES])[marketplace]
    offset = np.round((spans[:, 0] + rng.random(count) * (spans[:, 1] - spans[:, 0])) * 2) / 2
    on_sale = rng.random(count) < sale
    profile = (marketplace * MOODS + rng.integers(0, MOODS, count)) * 2 + on_sale
    opens = rng.normal(8.6, 0.9, count).clip(6, 11)
    sellers = Sellers(
        marketplace=marketplace,
        profile=profile.astype(np.int32),
        orders_per_day=np.clip(median * np.exp(rng.normal(0, 1.2, count)), 0.3, 2_000.0),
        age_days=np.clip(np.exp(rng.normal(6.1, 0.9, count)), 60, 730),
        offset_ms=(offset * HOUR_MS).astype(np.int64),
        opens=opens,
        closes=np.minimum(opens + rng.uniform(7, 12, count), 23),
        six_days=rng.random(count) < 0.45,
        ship_hours=np.exp(rng.normal(2.5, 0.6, count)).clip(2, 36),
        category=rng.integers(0, 30, count).astype(np.int32),
        loyal=rng.uniform(0.4, 0.9, count),
    )
    grid_ms = start_ms // DAY_MS * DAY_MS - GRID_BEFORE_DAYS * DAY_MS
    hours = (end_ms - grid_ms) // HOUR_MS + 49
    return Orders(
        chance.stream(seed, "orders"), sellers, grid_ms, _profiles(rng, grid_ms, hours, start_ms, end_ms)
    )


def _profiles(rng: np.random.Generator, grid_ms: int, hours: int, start_ms: int, end_ms: int) -> np.ndarray:
    """float64[marketplaces * MOODS * 2, hours + 1], cumulated; odd rows have the sale day."""
    at = np.arange(hours)
    days = hours // 24 + 3
    weights = []
    for _, _, (west, east) in MARKETPLACES:
        local = at + (grid_ms // HOUR_MS) + (west + east) / 2
        hour, day = local % 24, (local // 24).astype(np.int64)
        # People buy from late morning, and most in the evening.
        shape = 0.25 + np.exp(-(((hour - 20.5) / 2.6) ** 2)) + 0.8 * np.exp(-(((hour - 13) / 3.4) ** 2))
        shape = shape / shape.mean() * _WEEK[(day + 3) % 7]
        sale_day = int(rng.integers(start_ms // DAY_MS, max(end_ms // DAY_MS, start_ms // DAY_MS + 1)))
        for _ in range(MOODS):
            mood = np.exp(rng.normal(0, 0.16, days))[day - day[0]]
            weights.append(shape * mood)
            weights.append(shape * mood * np.where(day == sale_day, rng.uniform(5, 20), 1.0))
    cumulated = np.zeros((len(weights), hours + 1))
    np.cumsum(np.array(weights) / 24, axis=1, out=cumulated[:, 1:])
    return cumulated
