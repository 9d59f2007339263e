"""What a field of a usage event may hold, in words and in numbers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from models.decode.lists import ID_MAX_BYTES
from models.events import PII_BITS, PII_CLASSES

REQUIRED = ("event_id", "time", "developer_id", "seller_id", "key_id", "operation", "status")
#: 2000-01-01 and 2100-01-01: what lies outside is seconds, microseconds or a broken clock.
EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000
RECORDS_MAX = 2**31 - 1
BYTES_MAX = 2**50

_ID = f"a string of 1 to {ID_MAX_BYTES} bytes"
RULES = {
    "event_id": _ID,
    "time": "integer milliseconds since 1970 or an RFC 3339 string with its offset, from 2000 to 2099",
    "developer_id": _ID,
    "seller_id": _ID,
    "key_id": _ID,
    "operation": "a string of 1 to 256 characters",
    "status": "an integer 100-599",
    "records": f"an integer 0-{RECORDS_MAX}",
    "bytes": f"an integer 0-{BYTES_MAX}",
    "pii": f"a list out of {', '.join(PII_CLASSES)}",
    "customers": "a list of strings",
    "orders": "a list of strings",
    "source_ip": f"a string of at most {ID_MAX_BYTES} bytes",
    "user_agent": "a string",
    "tls_fingerprint": f"a string of at most {ID_MAX_BYTES} bytes",
    "marketplace": "a string",
}


def pii_bits(classes: Sequence[str]) -> int:
    """Bits of `Events.pii`; -1 where a class is not known."""
    bits = 0
    for name in classes:
        if name not in PII_BITS:
            return -1
        bits |= PII_BITS[name]
    return bits


def time_ms_of(text: str) -> int:
    """RFC 3339 text, rounded down, or ms as text -> ms; -1 where it is neither or no plausible year."""
    try:
        if text.isascii() and text.isdigit():
            ms = int(text)
        else:
            moment = msgspec.convert(text, datetime)
            if moment.tzinfo is None:  # an instant needs its offset
                return -1
            ms = round(moment.timestamp() * 1e6) // 1000
    except (msgspec.MsgspecError, OverflowError, ValueError):
        return -1
    return ms if EARLIEST_MS <= ms < LATEST_MS else -1
