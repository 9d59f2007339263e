"""The next key at each 429."""

from simulators.pooling import ADDRESSES, AT_429, PAGES, Manner

MANNER = Manner(
    "burst until 429, then the next key",
    sellers=(20, 60),
    order=AT_429,
    routes=((PAGES, 0.6), (ADDRESSES, 0.4)),
    history_days=(60, 400),
    expect=("handovers", "throttled", "dug", "alone"),
)
