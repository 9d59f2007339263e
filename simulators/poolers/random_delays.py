"""Random delays: visits at times without any rhythm."""

from simulators.pooling import Manner

MANNER = Manner(
    "visits without rhythm: delays drawn anew each time",
    sellers=(20, 60),
    back_minutes=(25, 250),
    return_hours=(2, 14),
    unrest=(0.9, 1.6),
    expect=("dug", "alone", "unneeded"),
)
