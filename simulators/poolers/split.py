"""Split over several developer accounts that share machines."""

from simulators.pooling import Manner

MANNER = Manner(
    "several developer accounts of one party, on the same machines",
    sellers=(36, 70),
    applications=(3, 5),
    addresses=(1, 3),
    expect=("dug", "alone", "siblings", "shadow"),
)
