"""Units of event time."""

MINUTE_MS = 60_000
HOUR_MINUTES = 60
DAY_MINUTES = 1_440
