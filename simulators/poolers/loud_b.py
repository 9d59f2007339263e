"""Loud, mode (b): 92 sellers' own keys and applications, used from the pooler's machines."""

from simulators.pooling import ADDRESSES, PAGES, Manner

MANNER = Manner(
    "92 sellers' own keys and developer_ids, used from the pooler's machines",
    mode="own",
    sellers=(92, 92),
    routes=((PAGES, 0.8), (ADDRESSES, 0.2)),
    history_days=(250, 700),
    return_hours=(0.8, 4),
    pages=(2, 6),
    back_minutes=(12, 40),
    early=0.0,
    expect=("foreign", "developers"),
)
