"""Rotating addresses: sellers' own keys from machines that change all the time, one build of the client."""

from simulators.pooling import ADDRESSES, PAGES, REPORTS, Manner

MANNER = Manner(
    "sellers' own keys from addresses that rotate; the client's build stays",
    mode="own",
    sellers=(20, 45),
    machines="rotating",
    addresses=(25, 140),
    routes=((PAGES, 0.5), (ADDRESSES, 0.3), (REPORTS, 0.2)),
    expect=("foreign", "developers"),
)
