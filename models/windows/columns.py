"""What detect keeps of an entity, by name: window columns, day columns, distinct counts. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.dtypes import F64, I64, U8
from models.minutes import DAY_MINUTES, HOUR_MINUTES
from models.wire.sightings import SUM_NAMES

#: Trailing windows, in minutes, shortest first; a window's place here is its index in every table.
TRAILING = {"5m": 5, "1h": HOUR_MINUTES, "24h": DAY_MINUTES}
WINDOW_MINUTES = tuple(TRAILING.values())
_, HOUR, DAY = range(3)
#: The longest window: whole UTC days, today and six before.
WEEK_NAME, WEEK_DAYS = "7d", 7
WINDOW_NAMES = (*TRAILING, WEEK_NAME)

#: Who an entity meets: a seller, a key, and the other kind of entity (origin of a developer and vice versa).
SELLER, KEY, OTHER = range(3)


@dataclass(frozen=True, slots=True)
class Distinct:
    """Members of one kind that an entity met in a way; counted once in each window."""

    name: str
    member: int
    meaning: str


#: Grouped by member, plain meeting first. A pair remembers its last meeting of each sort.
DISTINCTS = (
    Distinct("sellers", SELLER, "sellers called for"),
    Distinct("sellers_pii", SELLER, "sellers whose customers' identifying data was read"),
    Distinct("sellers_shadow", SELLER, "sellers whose orders another party handles, and this one only reads"),
    Distinct("sellers_new", SELLER, "sellers that were known for a day and are now read for the first time"),
    Distinct("sellers_dug", SELLER, "of those, sellers whose old orders it digs up"),
    Distinct("sellers_deed", SELLER, "sellers for whom something was done that needs personal data"),
    Distinct("sellers_alone", SELLER, "sellers of whom it read orders that nobody else touched in a day"),
    Distinct("sellers_unneeded", SELLER, "sellers whose orders are read and next to never acted on"),
    Distinct("keys", KEY, "keys used"),
    Distinct("keys_elsewhere", KEY, "keys that were in use elsewhere within a day"),
    Distinct("keys_foreign", KEY, "as elsewhere, and this place came after the established one"),
    Distinct("keys_roaming", KEY, "keys that a client only reads with, from several networks"),
    Distinct("keys_throttled", KEY, "keys answered 429"),
    Distinct("others", OTHER, "origins of a developer, developers of an origin"),
)
DISTINCT_NAMES = tuple(d.name for d in DISTINCTS)
#: First distinct of each member kind, and where the last ends.
DISTINCT_START = (0, 8, 13, 14)
assert all(d.member == m for m in range(3) for d in DISTINCTS[DISTINCT_START[m] : DISTINCT_START[m + 1]])
assert DISTINCT_START[-1] == len(DISTINCTS)
#: Bit of each distinct in a row's meetings.
BIT = {name: 1 << place for place, name in enumerate(DISTINCT_NAMES)}

#: Summed columns: fold's sums, then what detect counts itself.
SUMMED = (*SUM_NAMES, "handovers")
#: Columns of a window: sums, active minutes, distinct counts.
COLUMNS = (*SUMMED, "minutes", *DISTINCT_NAMES)
COLUMN = {name: place for place, name in enumerate(COLUMNS)}
FIRST_DISTINCT = len(SUMMED) + 1

#: Distinct counts over whole UTC days: today and six before. The first of DISTINCTS.
DAY_DISTINCTS = ("sellers", "sellers_pii", "sellers_shadow", "sellers_new", "sellers_dug", "sellers_deed")
#: Sums kept per UTC day.
DAY_SUMMED = (
    "calls",
    "records",
    "pii_name",
    "pii_address",
    "pii_phone",
    "pii_email",
    "pii_purchase",
    "pii_tax",
    "pii_records",
    "orders_taken",
    "orders_needed",
    "orders_old",
    "orders_stale",
    "orders_alone",
    "minutes",
)
WEEK = (*DAY_DISTINCTS, *DAY_SUMMED)
WEEK_COLUMN = {name: place for place, name in enumerate(WEEK)}
#: Own past: over the six days before today on which the entity was active.
PAST = ("days", "sellers", "sellers_pii", "records", "pii_records")
PAST_COLUMN = {name: place for place, name in enumerate(PAST)}


def window_start(minute: int, name: str) -> int:
    """First minute of the window of that name that ends with `minute`; KeyError for another name."""
    if name == WEEK_NAME:
        return (minute // DAY_MINUTES - WEEK_DAYS + 1) * DAY_MINUTES
    return minute + 1 - TRAILING[name]


@dataclass(slots=True)
class View:
    """What is known of n entities at the close of a minute.

    kinds      uint8[n]                       places in ENTITY_KINDS
    windows    int64[n, windows, COLUMNS]     sums and distinct counts over the trailing windows
    week       int64[n, WEEK]                 the same over today and six UTC days before
    past       int64[n, PAST]                 sums over the six days before today, and how many were active
    customers  float64[n]                     distinct customers over 24 hours, estimated
    """

    kinds: U8
    windows: I64
    week: I64
    past: I64
    customers: F64

    @classmethod
    def empty(cls, n: int) -> View:
        """A view of n rows to be filled."""
        return cls(
            np.zeros(n, np.uint8),
            np.empty((n, len(WINDOW_MINUTES), len(COLUMNS)), np.int64),
            np.zeros((n, len(WEEK)), np.int64),
            np.zeros((n, len(PAST)), np.int64),
            np.zeros(n),
        )

    def __len__(self) -> int:
        return len(self.kinds)

    def part(self, rows: npt.NDArray[Any]) -> View:
        """Some rows: their places, or bool[n]."""
        return View(
            self.kinds[rows], self.windows[rows], self.week[rows], self.past[rows], self.customers[rows]
        )

    def of(self, column: str, window: int) -> F64:
        """float64[n] of a name of COLUMNS over one of the trailing windows; KeyError for another name."""
        return self.windows[:, window, COLUMN[column]].astype(np.float64)

    def over_week(self, column: str) -> F64:
        """float64[n] of a name of WEEK over seven UTC days; KeyError for another name."""
        return self.week[:, WEEK_COLUMN[column]].astype(np.float64)

    def of_past(self, column: str) -> F64:
        """float64[n] of a name of PAST; KeyError for another name."""
        return self.past[:, PAST_COLUMN[column]].astype(np.float64)
