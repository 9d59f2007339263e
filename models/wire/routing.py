"""`Sightings` -> those of each partition, and pieces that fit in a message. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numba import njit

from models.dtypes import I64
from models.errors import PoolwatchError
from models.memory.tables import find, insert
from models.minutes import MINUTE_MS
from models.wire.sightings import CUSTOMER, ROW, ROW_WORDS, Sightings, words_of

#: Kafka takes 1 MB a message by default; half of it leaves room for headers and a neighbour in the batch.
MESSAGE_MAX_BYTES = 512 * 1024
_IDS = 4  # entity, seller, key, other: the first words, two each


@njit(cache=True)
def _part(words: Any, customers: Any, to: Any, names: Any, out: Any, out_customers: Any, named: Any) -> Any:
    """Sort rows and customers by part, stably; (starts of the rows, of the customers), int64[parts + 1] each.

    words, customers  as `words_of` gives them; a customer's place is counted from its part's start
    to                int64[rows], part of each row
    names             uint64[], ids that have a text; named uint8[parts, names], out: ids of the part's rows
    """
    parts = len(named)
    starts, many = np.zeros(parts + 1, np.int64), np.zeros(parts + 1, np.int64)
    for r in range(len(words)):
        starts[to[r] + 1] += 1
    for k in range(len(customers)):
        many[to[customers[k, 0]] + 1] += 1
    for p in range(parts):
        starts[p + 1] += starts[p]
        many[p + 1] += many[p]
    size = 16
    while size < 2 * len(names):
        size *= 2
    keys, slots = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for n in range(len(names)):
        insert(keys, slots, names[n], np.int32(n))
    place, next_row, next_customer = np.empty(len(words), np.uint32), starts.copy(), many.copy()
    for r in range(len(words)):
        p = to[r]
        at = next_row[p]
        next_row[p] += 1
        place[r] = at - starts[p]
        for w in range(ROW_WORDS):
            out[at, w] = words[r, w]
        if len(names):
            for i in range(_IDS):
                n = find(
                    keys, slots, np.uint64(words[r, 2 * i]) | np.uint64(words[r, 2 * i + 1]) << np.uint64(32)
                )
                if n >= 0:
                    named[p, n] = 1
    for k in range(len(customers)):
        r = customers[k, 0]
        at = next_customer[to[r]]
        next_customer[to[r]] += 1
        out_customers[at, 0], out_customers[at, 1], out_customers[at, 2] = (
            place[r],
            customers[k, 1],
            customers[k, 2],
        )
    return starts, many


def _parted(sightings: Sightings, to: I64, parts: int) -> list[Sightings]:
    """The rows of each part, with their customers and names."""
    s = sightings
    rows, customers = np.empty_like(s.rows), np.empty_like(s.customers)
    ids, texts = np.fromiter(s.names, np.uint64, len(s.names)), list(s.names.values())
    named = np.zeros((parts, len(ids)), np.uint8)
    words, whom = words_of(s.rows), words_of(s.customers)
    starts, many = _part(words, whom, to, ids, words_of(rows), words_of(customers), named)
    a, b = starts.tolist(), many.tolist()
    out = []
    for p in range(parts):
        at = np.flatnonzero(named[p]).tolist() if texts else []
        names = dict(zip(ids[at].tolist(), [texts[n] for n in at], strict=True)) if at else {}
        whose = customers[b[p] : b[p + 1]]
        out.append(Sightings(s.source, s.chunk, s.watermark_ms, s.idle, rows[a[p] : a[p + 1]], whose, names))
    return out


def route(sightings: Sightings, partitions: int) -> list[Sightings]:
    """Those of each partition, the entity's hash modulo `partitions`; each has the watermark, rows or not."""
    if partitions == 1:
        return [sightings]
    to = (sightings.rows["entity"] % np.uint64(partitions)).astype(np.int64)
    return _parted(sightings, to, partitions)


def cut(sightings: Sightings, max_bytes: int = MESSAGE_MAX_BYTES) -> list[Sightings]:
    """Pieces of which each encodes to at most `max_bytes`; to be sent in order.

    Only the last piece carries the watermark: the ones before it say that the earliest of all rows is still
    open. A row with more customers than fit comes in several pieces (totals are absolute: harmless).
    PoolwatchError where one row and its names are too large by themselves.
    """
    if _most_bytes(sightings) <= max_bytes:
        return [sightings]
    early = min(sightings.watermark_ms, int(sightings.rows["minute"].min()) * MINUTE_MS)
    pieces = _halved(sightings, max_bytes)
    for piece in pieces[:-1]:
        piece.watermark_ms, piece.idle = early, False
    return pieces


def _most_bytes(sightings: Sightings) -> int:
    # A text of a name takes at most 4 bytes a character in UTF-8, its hash 8, its msgpack head at most 5.
    names = sum(map(len, sightings.names.values())) * 4 + 13 * len(sightings.names)
    return len(sightings.rows) * ROW.itemsize + len(sightings.customers) * CUSTOMER.itemsize + names + 400


def _halved(sightings: Sightings, max_bytes: int) -> list[Sightings]:
    count = len(sightings.rows)
    if _most_bytes(sightings) <= max_bytes:
        return [sightings]
    if count > 1:
        parts = _parted(sightings, np.arange(count) * 2 // count, 2)
    elif len(sightings.customers) > 1:
        middle = len(sightings.customers) // 2
        halves = (sightings.customers[:middle], sightings.customers[middle:])
        parts = [replace(sightings, customers=half) for half in halves]
    else:
        raise PoolwatchError(f"a sightings row does not fit in {max_bytes} bytes; raise the message size")
    return [piece for part in parts for piece in _halved(part, max_bytes)]
