"""Bulk reports in place of calls: one document equals thousands of reads."""

from simulators.pooling import REPORTS, Manner

MANNER = Manner(
    "reports in place of calls: few calls, thousands of records",
    sellers=(20, 60),
    routes=((REPORTS, 1.0),),
    pages=(0.7, 4),
    back_minutes=(100, 700),
    return_hours=(12, 30),
    history_days=(20, 400),
    expect=("report", "dug", "alone"),
)
