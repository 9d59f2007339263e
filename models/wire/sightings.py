"""Sightings: what fold tells detect, summed per (entity, seller, key, other, minute). Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.dtypes import U32

DEVELOPER, ORIGIN = 0, 1
ENTITY_KINDS = ("developer", "origin")

#: Source offsets are folded in chunks; a chunk's sightings are its absolute totals.
CHUNK_OFFSETS = 4_096


@dataclass(frozen=True, slots=True)
class Sum:
    """One quantity that fold sums over a row's events. It never falls within a chunk."""

    name: str
    unit: str
    meaning: str


SUMS = (
    Sum("calls", "calls", "all calls, whatever the answer"),
    Sum("failures", "calls", "answered 400 or above, except 429"),
    Sum("throttled", "calls", "answered 429"),
    Sum("records", "records", "records returned by successful calls"),
    Sum("bytes", "bytes", "size of successful answers"),
    Sum("pii_name", "records", "records that carried a name"),
    Sum("pii_address", "records", "records that carried an address"),
    Sum("pii_phone", "records", "records that carried a phone number"),
    Sum("pii_email", "records", "records that carried an e-mail address"),
    Sum("pii_purchase", "records", "records that carried what was bought"),
    Sum("pii_tax", "records", "records that carried a tax number"),
    Sum("pii_records", "records", "records that identify a person: name, address, phone, email or tax"),
    Sum("pii_calls", "calls", "successful calls that returned such records"),
    Sum("writes", "calls", "successful writes of any kind"),
    Sum(
        "deeds",
        "calls",
        "successful writes that justify personal data: shipped, answered, invoiced; chaff is none",
    ),
    Sum("reports", "calls", "report operations"),
    Sum("report_records", "records", "records that came in reports"),
    Sum("orders_taken", "orders", "personal data of the order read by this entity for the first time"),
    Sum("orders_needed", "orders", "taken earlier, and now acted on by this entity (once an order)"),
    Sum("orders_handled", "orders", "taken after somebody else had already acted on the order"),
    Sum("orders_followed", "orders", "taken after somebody else had read the order, and nobody acted yet"),
    Sum("orders_again", "orders", "read again by this entity"),
    Sum(
        "orders_old",
        "orders",
        "shadow orders beyond what the seller gets that nobody had touched, or older than its coming; none "
        "of an answer that tells tax numbers, and neither telephone numbers nor e-mail addresses: invoices",
    ),
    Sum("orders_stale", "orders", "shadow orders dealt with two days before or more; none of invoices"),
    Sum("orders_alone", "orders", "taken a day ago where another party handles the orders; untouched since"),
    Sum(
        "shadow_calls",
        "calls",
        "identifying reads where another party handles the seller's orders, this one never",
    ),
    Sum("newcomer", "sellers", "first identifying read of a seller that was known for a day before"),
    Sum("elsewhere", "calls", "the key was used within a day from another client on another network"),
    Sum("foreign", "calls", "as elsewhere, and this place came after the key's established one"),
    Sum(
        "roaming",
        "calls",
        "identifying reads by a client that only reads with the key, from several networks in two days, "
        "while others go on to use it",
    ),
    Sum("offhours", "records", "identifying records read in hours in which the seller's side is asleep"),
)
SUM_NAMES = tuple(s.name for s in SUMS)

#: One row. entity, seller, key, other are hashes; `other` is the origin of a developer row and the
#: developer of an origin row; minute = event time in ms // 60,000.
ROW = np.dtype(
    [
        ("entity", "u8"),
        ("seller", "u8"),
        ("key", "u8"),
        ("other", "u8"),
        ("first_offset", "i8"),
        ("last_offset", "i8"),
        ("minute", "i4"),
        ("kind", "i4"),
        *[(s.name, "i8" if s.name == "bytes" else "i4") for s in SUMS],
    ]
)

#: A customer seen in a row of the same message (sets: telling one again is harmless). `customer` is the
#: lower 58 bits of its hash, and above them the bits of PII_CLASSES that the answer carried.
CUSTOMER = np.dtype([("row", "i4"), ("customer", "u8")])
CLASS_SHIFT = 58

#: 32-bit words of a row, as compiled code moves it.
ROW_WORDS = ROW.itemsize // 4
assert ROW.itemsize % 4 == 0
assert CUSTOMER.itemsize == 12


@dataclass(slots=True)
class Sightings:
    """One message: rows of one chunk that changed, their absolute totals so far, and the watermark.

    watermark_ms: no row of this source partition with an earlier time comes any more.
    idle: the source partition is read to its end and silent; it does not hold the watermark back.
    """

    source: int
    chunk: int
    watermark_ms: int
    idle: bool = False
    rows: npt.NDArray[np.void] = field(default_factory=lambda: np.empty(0, ROW))
    customers: npt.NDArray[np.void] = field(default_factory=lambda: np.empty(0, CUSTOMER))
    names: dict[int, str] = field(default_factory=dict)


def words_of(rows: npt.NDArray[np.void]) -> U32:
    """Rows or customers as uint32[n, words]; the same memory where they lie end to end."""
    return np.ascontiguousarray(rows).view(np.uint32).reshape(len(rows), rows.dtype.itemsize // 4)
