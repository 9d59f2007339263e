"""An insider: staff who act as many sellers through secret keys."""

from simulators.pooling import ADDRESSES, PAGES, Manner

MANNER = Manner(
    "staff origins that act as many sellers through secret keys",
    mode="staff",
    sellers=(40, 120),
    machines="staff",
    addresses=(1, 3),
    routes=((ADDRESSES, 0.7), (PAGES, 0.3)),
    pages=(1, 6),
    history_days=(5, 60),
    back_minutes=(30, 200),
    return_hours=(8, 30),
    shift_hours=9.0,
    expect=("dug", "alone", "new"),
)
