"""Sellers' own keys through residential proxies: each key from homes of its own."""

from simulators.pooling import ADDRESSES, PAGES, REPORTS, Manner

MANNER = Manner(
    "sellers' own keys through residential proxies, each from homes of its own",
    mode="own",
    sellers=(12, 30),
    machines="homes",
    addresses=(3, 14),
    routes=((PAGES, 0.5), (ADDRESSES, 0.3), (REPORTS, 0.2)),
    return_hours=(2, 14),
    expect=("foreign",),
)
