"""A benign front: writes sent as chaff among the reads."""

from simulators.pooling import Manner

MANNER = Manner(
    "an honest look: edits, stock and a few confirmations sent as chaff",
    sellers=(20, 50),
    chaff=(0.25, 0.9),
    expect=("feigned", "dug", "alone", "unneeded"),
)
