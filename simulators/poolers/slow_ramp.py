"""Slow ramp: a few keys more each day, so that a learned baseline drifts along."""

from simulators.pooling import Manner

MANNER = Manner(
    "a few keys more each day",
    sellers=(24, 50),
    keys_per_day=5.0,
    early=0.5,
    return_hours=(1.5, 10),
    expect=(
        "sellers_new_24h",
        "sellers_new_7d",
        "sellers_unneeded_24h",
        "sellers_shadow_24h",
        "unneeded_share_24h",
    ),
)
