"""Low and slow: a few orders a visit, a visit or two a day and key, for weeks."""

from simulators.pooling import ADDRESSES, PAGES, Manner

MANNER = Manner(
    "a few orders a visit, a visit or two a day and key, for weeks",
    sellers=(14, 32),
    routes=((PAGES, 0.4), (ADDRESSES, 0.6)),
    pages=(1, 3),
    back_minutes=(420, 1300),
    return_hours=(14, 40),
    unrest=(0.2, 0.8),
    early=0.6,
    expect=("dug", "alone", "unneeded"),
)
