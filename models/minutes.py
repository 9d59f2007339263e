"""Units of event time. Pure."""

from __future__ import annotations

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
HOUR_MINUTES = 60
DAY_MINUTES = 1_440


def hour_ends(after: int, until: int, lives_minutes: int) -> list[int]:
    """Minutes with which an hour begins, after `after` (one of them) up to `until`.

    Of those more than `lives_minutes` after it the last alone: nothing lives then, and one is as another.
    """
    ends = range(after + HOUR_MINUTES, until + 1, HOUR_MINUTES)
    lively = -(-lives_minutes // HOUR_MINUTES)
    return [*ends[:lively], *ends[lively:][-1:]]
