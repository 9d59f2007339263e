"""Sibling private applications, each just below the limit of ten self-authorisations."""

from simulators.pooling import Manner

MANNER = Manner(
    "private applications with 8 to 10 authorisations each, side by side",
    sellers=(36, 60),
    applications=(4, 6),
    addresses=(1, 2),
    expect=("dug", "alone", "siblings", "shadow"),
)
