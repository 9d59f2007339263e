"""Slow ramp: a few keys more each day, so that a learned baseline drifts along."""

from simulators.pooling import Manner

MANNER = Manner(
    "a few keys more each day",
    sellers=(24, 50),
    keys_per_day=5.0,
    early=0.5,
    return_hours=(1.5, 10),
    expect=("dug", "alone", "new"),
)
