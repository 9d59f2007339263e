"""Keys used in turn: one after the other, so that each is quiet most of the day."""

from simulators.pooling import IN_TURN, Manner

MANNER = Manner(
    "keys used one after the other, so that each is quiet",
    sellers=(25, 70),
    order=IN_TURN,
    pages=(2, 10),
    back_minutes=(10, 70),
    expect=("dug", "alone", "unneeded"),
)
