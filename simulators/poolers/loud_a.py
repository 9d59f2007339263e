"""Loud, mode (a): one application holds the keys of 92 sellers."""

from simulators.pooling import PAGES, REPORTS, Manner

MANNER = Manner(
    "one developer_id with 92 sellers' keys",
    sellers=(92, 92),
    routes=((PAGES, 0.8), (REPORTS, 0.2)),
    history_days=(250, 700),
    return_hours=(0.8, 4),
    pages=(2, 6),
    back_minutes=(12, 40),
    early=0.0,
    expect=("dug", "alone", "unneeded"),
)
