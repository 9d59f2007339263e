"""T as given on the command line in; ms out. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from models.errors import ConfigError

#: Years 1970 to 9999: what lies beyond is a mistake in the unit.
LATEST_MS = 253_402_300_800_000


def time_ms(text: str, option: str) -> int:
    """ms since the epoch of RFC 3339 text (a date alone is its midnight, no zone means UTC) or ms.

    ConfigError naming the option where it is neither.
    """
    if re.fullmatch(r"\d{1,15}", text) and int(text) < LATEST_MS:
        return int(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option} {text}: no time; give RFC 3339 such as 2026-01-31T12:00:00Z, or ms since the epoch"
        ) from None
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
