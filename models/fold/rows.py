"""A chunk's totals: rows of sums, which of them a step touched, and what one record adds. Compiled."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from models.compiled import inner
from models.events import PII_BITS
from models.fold.layout import KEY_PLACES
from models.hashing import mix
from models.memory.tables import find, insert
from models.operations import REPORT, WRITE
from models.wire.sightings import CLASS_SHIFT

#: Rows that one record may touch: its own two, those of a newcomer of whom something was held, and those of
#: the places of a client that roams.
ROWS_A_RECORD = 4 + KEY_PLACES
T_ROWS, T_TOUCHED, T_CUSTOMERS, T_UNNAMED, T_NAMED = range(5)
#: Orders of a call, counted for each kind of entity (`touch_orders`): int64[WHOLE + 1, ORDER_COUNTS].
#: O_EARLIER: of those taken, those that had turned up before the developer came.
O_TAKEN, O_NEEDED, O_HANDLED, O_FOLLOWED, O_AGAIN, O_UNSEEN, O_STALE, O_EARLIER = range(8)
ORDER_COUNTS = 8
#: Of the call as a whole: first deeds; the minute in which the newest of its orders turned up.
WHOLE, O_FIRST_DEEDS, O_NEWEST = 2, 0, 1
#: Places of the filter of what was told: half of them are used before all are forgotten.
NAMED_PLACES = 1 << 17
NAME, ADDRESS, PHONE, EMAIL, PURCHASE, TAX = PII_BITS.values()
IDENTIFY = NAME | ADDRESS | PHONE | EMAIL | TAX
INVOICE = TAX | PHONE | EMAIL  # with telephone or e-mail it is more than an invoice needs
MOST = 2**31 - 1
_CUSTOMER_BITS = np.uint64((1 << CLASS_SHIFT) - 1)


class Columns(NamedTuple):
    """What the loop sees of `Events`."""

    offset: Any
    time_ms: Any
    event: Any
    developer: Any
    seller: Any
    key: Any
    origin: Any
    client: Any
    network: Any
    operation: Any
    status: Any
    records: Any
    bytes: Any
    pii: Any
    orders: Any
    order_start: Any
    customers: Any
    customer_start: Any


class Totals(NamedTuple):
    """The chunk's rows, and which of them this step touched."""

    rows: Any  # ROW[]
    keys: Any  # index
    slots: Any
    order: Any  # int32[rows], place in `touched` plus 1, 0 = not touched in this step
    touched: Any  # int32[rows]
    customers: Any  # CUSTOMER[], row = place in `touched`
    unnamed: Any  # int32[rows], rows of which the ids' texts are to go out
    named: Any  # uint64[NAMED_PLACES], hashes of the ids, together, whose texts went out within the hour
    meta: Any  # int64[5]: rows, touched, customers, unnamed, hashes in `named`


@inner
def plus(a: Any, b: Any) -> Any:
    """Sum of two counts, int32, that stops at the most it can hold."""
    return np.int32(min(np.int64(a) + np.int64(b), MOST))


@inner
def forget_named(totals: Any) -> None:
    """Empty the filter of what was named."""
    totals.named[:] = 0
    totals.meta[T_NAMED] = 0


@inner
def _is_named(totals: Any, h: Any) -> bool:
    """Whether `h` was entered before; enters it."""
    named, mask = totals.named, NAMED_PLACES - 1
    at = np.int64(h & np.uint64(mask))
    while named[at] != np.uint64(0):
        if named[at] == h:
            return True
        at = (at + 1) & mask
    if 2 * totals.meta[T_NAMED] >= NAMED_PLACES:
        forget_named(totals)
        at = np.int64(h & np.uint64(mask))
    named[at] = h
    totals.meta[T_NAMED] += 1
    return False


@inner
def row_of(
    totals: Any, kind: int, entity: Any, seller: Any, key: Any, other: Any, minute: int, offset: int
) -> int:
    """Place of the row in the chunk's totals, touched; a new one starts at zero."""
    last = np.uint64(minute) | (np.uint64(kind) << np.uint64(40))
    ids = mix(mix(entity, seller), mix(key, other))
    h = mix(ids, last)
    at = np.int64(find(totals.keys, totals.slots, h))
    if at < 0:
        at = totals.meta[T_ROWS]
        totals.meta[T_ROWS] += 1
        insert(totals.keys, totals.slots, h, at)
        new = totals.rows[at]
        new.entity = entity
        new.seller = seller
        new.key = key
        new.other = other
        new.minute = minute
        new.kind = kind
        new.first_offset = offset
        new.last_offset = offset
        if not _is_named(totals, ids):
            totals.unnamed[totals.meta[T_UNNAMED]] = at
            totals.meta[T_UNNAMED] += 1
    r = totals.rows[at]
    r.first_offset = min(r.first_offset, offset)
    r.last_offset = max(r.last_offset, offset)
    if totals.order[at] == 0:
        totals.touched[totals.meta[T_TOUCHED]] = at
        totals.meta[T_TOUCHED] += 1
        totals.order[at] = totals.meta[T_TOUCHED]
    return at


@inner
def with_classes(customer: Any, classes: Any) -> Any:
    """`customer` of CUSTOMER: the hash, and above it the classes of personal data that the answer carried."""
    return (customer & _CUSTOMER_BITS) | (np.uint64(classes) << np.uint64(CLASS_SHIFT))


@inner
def add_plain(r: Any, ev: Any, i: int, kind: int, asleep_now: bool) -> None:
    """Sums that one record alone decides."""
    r.calls = plus(r.calls, 1)
    status = ev.status[i]
    if kind == REPORT:
        r.reports = plus(r.reports, 1)
    if status == 429:
        r.throttled = plus(r.throttled, 1)
    elif status >= 400:
        r.failures = plus(r.failures, 1)
    if status < 200 or status > 299:
        return
    r.records = plus(r.records, ev.records[i])
    r.bytes += ev.bytes[i]
    if kind == REPORT:
        r.report_records = plus(r.report_records, ev.records[i])
    if kind == WRITE:
        r.writes = plus(r.writes, 1)
    pii = ev.pii[i]
    if pii == 0:
        return
    many = max(ev.records[i], np.int64(ev.order_start[i + 1] - ev.order_start[i]))
    if pii & NAME:
        r.pii_name = plus(r.pii_name, many)
    if pii & ADDRESS:
        r.pii_address = plus(r.pii_address, many)
    if pii & PHONE:
        r.pii_phone = plus(r.pii_phone, many)
    if pii & EMAIL:
        r.pii_email = plus(r.pii_email, many)
    if pii & PURCHASE:
        r.pii_purchase = plus(r.pii_purchase, many)
    if pii & TAX:
        r.pii_tax = plus(r.pii_tax, many)
    if pii & IDENTIFY and many > 0:
        r.pii_records = plus(r.pii_records, many)
        r.pii_calls = plus(r.pii_calls, 1)
        if asleep_now:
            r.offhours = plus(r.offhours, many)


@inner
def add_orders(r: Any, counts: Any) -> None:
    """Sums of what `touch_orders` counted for the row's kind of entity."""
    r.orders_taken = plus(r.orders_taken, counts[O_TAKEN])
    r.orders_needed = plus(r.orders_needed, counts[O_NEEDED])
    r.orders_handled = plus(r.orders_handled, counts[O_HANDLED])
    r.orders_followed = plus(r.orders_followed, counts[O_FOLLOWED])
    r.orders_again = plus(r.orders_again, counts[O_AGAIN])
