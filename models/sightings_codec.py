"""`Sightings` <-> bytes; their way to partitions. Pure.

A row is 44 words of 32 bits. A message holds, for each word that is not zero in every row, a column: its
least value and the differences to it in 1, 2 or 4 bytes. One compiled pass each way: messages are small.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

from models.compiled import inner, leaf
from models.errors import PoolwatchError
from models.sightings import CUSTOMER, ROW, Sightings
from models.tables import find, insert

VERSION = 1
#: Kafka takes 1 MB a message by default; half of it leaves room for headers and a neighbour in the batch.
MESSAGE_MAX_BYTES = 512 * 1024
_WORDS = ROW.itemsize // 4
_ROWS_MOST = 4_000_000
_IDS = 4  # entity, seller, key, other: the first words, two each
_KIND = ROW.fields["kind"][1] // 4  # type: ignore[index]
assert ROW.itemsize % 4 == 0
assert CUSTOMER.itemsize == 12


class _Message(msgspec.Struct, array_like=True):
    version: int
    source: int
    chunk: int
    watermark_ms: int
    idle: bool
    rows: int
    customers: int
    body: bytes  # widths, bases, columns, rows of customers, customers
    name_ids: bytes  # uint64[]
    names: list[str]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Message).decode


@inner
def _put(out: Any, at: int, width: int, value: Any) -> None:
    for b in range(width):
        out[at + b] = (value >> np.uint32(8 * b)) & np.uint32(255)


@inner
def _got(data: Any, at: int, width: int) -> Any:
    value = np.uint32(0)
    for b in range(width):
        value |= np.uint32(data[at + b]) << np.uint32(8 * b)
    return value


@inner
def _place_width(rows: int) -> int:
    """Bytes that a place among so many rows needs."""
    return 1 if rows <= 256 else 2 if rows <= 65_536 else 4


@leaf
def _pack(words: Any, customers: Any, out: Any) -> int:
    """Bytes of words uint32[rows, 44] and customers uint32[k, 3] into out; how many."""
    # Plainly: per word, least = min, width = bytes that max - min needs (0 where all is 0);
    # out = widths, the leasts, (value - least) column by column, places of customers, customers.
    rows = len(words)
    base, columns = _WORDS, 0
    for w in range(_WORDS):
        low, high = np.uint32(0xFFFFFFFF), np.uint32(0)
        for r in range(rows):
            low, high = min(low, words[r, w]), max(high, words[r, w])
        span = high - low
        out[w] = 0 if high == 0 else 1 if span < 256 else 2 if span < 65_536 else 4
        if out[w]:
            _put(out, base, 4, low)
            base += 4
            columns += 1
    at, base = base, _WORDS
    for w in range(_WORDS):
        width = out[w]
        if width == 0:
            continue
        low = _got(out, base, 4)
        base += 4
        for r in range(rows):
            v = words[r, w] - low
            if width == 1:
                out[at] = v
            else:
                _put(out, at, 2 if width == 2 else 4, v)
            at += width
    width = _place_width(rows)
    for k in range(len(customers)):
        _put(out, at, width, customers[k, 0])
        at += width
    for k in range(len(customers)):
        _put(out, at, 4, customers[k, 1])
        _put(out, at + 4, 4, customers[k, 2])
        at += 8
    return at


@leaf
def _length(data: Any, rows: int, customers: int) -> Any:
    """Bytes that a body with these widths must have, -1 where no such body is."""
    if len(data) < _WORDS:
        return -1
    columns, widths = 0, 0
    for w in range(_WORDS):
        if data[w] == 3 or data[w] > 4 or (data[w] and rows == 0):
            return -1
        columns += data[w] > 0
        widths += data[w]
    return _WORDS + 4 * columns + widths * rows + (8 + _place_width(rows)) * customers


@leaf
def _unpack(data: Any, words: Any, customers: Any) -> bool:
    """The inverse: fills words (all 0) and customers; False where a kind or place is out of range."""
    rows, base = len(words), _WORDS
    at = base
    for w in range(_WORDS):
        at += 4 if data[w] else 0
    for w in range(_WORDS):
        width = data[w]
        if width == 0:
            continue
        low = _got(data, base, 4)
        base += 4
        for r in range(rows):
            if width == 1:
                words[r, w] = low + np.uint32(data[at])
            else:
                words[r, w] = low + _got(data, at, 2 if width == 2 else 4)
            at += width
    good = True
    for r in range(rows):
        good &= words[r, _KIND] <= 1
    width = _place_width(rows)
    for k in range(len(customers)):
        customers[k, 0] = _got(data, at, width)
        good &= customers[k, 0] < rows
        at += width
    for k in range(len(customers)):
        customers[k, 1] = _got(data, at, 4)
        customers[k, 2] = _got(data, at + 4, 4)
        at += 8
    return good


def encode(sightings: Sightings) -> bytes:
    """One message's bytes; as small as `cut` made it."""
    rows, customers, names = sightings.rows, sightings.customers, sightings.names
    out = np.empty(rows.nbytes + customers.nbytes + 5 * _WORDS, np.uint8)
    size = _pack(_words(rows, _WORDS), _words(customers, 3), out)
    return _encode(
        _Message(
            VERSION,
            sightings.source,
            sightings.chunk,
            sightings.watermark_ms,
            sightings.idle,
            len(rows),
            len(customers),
            out[:size].tobytes(),
            np.fromiter(names, np.uint64, len(names)).tobytes(),
            list(names.values()),
        )
    )


def decode(data: bytes) -> Sightings:
    """The sightings of a message. PoolwatchError where the bytes are none."""
    try:
        message = _decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise PoolwatchError(f"not a sightings message ({error}); is the topic poolwatch's own?") from None
    if message.version != VERSION:
        raise PoolwatchError(
            f"sightings message of version {message.version}, this program reads {VERSION}; "
            "let all workers run the same release"
        )
    body = np.frombuffer(message.body, np.uint8)
    if not _fits(message, body):
        raise PoolwatchError("not a sightings message (its parts do not fit); is the topic poolwatch's own?")
    rows, customers = np.zeros(message.rows, ROW), np.empty(message.customers, CUSTOMER)
    if not _unpack(body, _words(rows, _WORDS), _words(customers, 3)):
        raise PoolwatchError(
            "not a sightings message (a row or kind is out of range); is the topic poolwatch's own?"
        )
    ids = np.frombuffer(message.name_ids, np.uint64).tolist()
    names = dict(zip(ids, message.names, strict=True))
    return Sightings(
        message.source, message.chunk, message.watermark_ms, message.idle, rows, customers, names
    )


def _fits(message: _Message, body: npt.NDArray[np.uint8]) -> bool:
    return (
        0 <= message.rows <= _ROWS_MOST
        and 0 <= message.customers <= len(body)
        and len(body) == _length(body, message.rows, message.customers)
        and len(message.name_ids) == 8 * len(message.names)
        and message.source >= 0
        and max(abs(message.chunk), abs(message.watermark_ms)) < 2**62
    )


def _words(rows: npt.NDArray[np.void], words: int) -> npt.NDArray[np.uint32]:
    """The same content as uint32[rows, words]."""
    return np.ascontiguousarray(rows).view(np.uint32).reshape(len(rows), words)


@njit(cache=True)
def _part(words: Any, customers: Any, to: Any, names: Any, out: Any, out_customers: Any, named: Any) -> Any:
    """Sort rows and customers by part, stably; (starts of the rows, of the customers), int64[parts + 1] each.

    words, customers  uint32[rows, 44], uint32[k, 3]; a customer's place is counted from its part's start
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
        for w in range(_WORDS):
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


def _parted(sightings: Sightings, to: npt.NDArray[np.int64], parts: int) -> list[Sightings]:
    """The rows of each part, with their customers and names."""
    s = sightings
    rows, customers = np.empty_like(s.rows), np.empty_like(s.customers)
    ids, texts = np.fromiter(s.names, np.uint64, len(s.names)), list(s.names.values())
    named = np.zeros((parts, len(ids)), np.uint8)
    words, whom = _words(s.rows, _WORDS), _words(s.customers, 3)
    starts, many = _part(words, whom, to, ids, _words(rows, _WORDS), _words(customers, 3), named)
    a, b = starts.tolist(), many.tolist()
    out = []
    for p in range(parts):
        at = np.flatnonzero(named[p]).tolist() if texts else []
        names = dict(zip(ids[at].tolist(), [texts[n] for n in at], strict=True)) if at else {}
        whose = customers[b[p] : b[p + 1]]
        out.append(Sightings(s.source, s.chunk, s.watermark_ms, s.idle, rows[a[p] : a[p + 1]], whose, names))
    return out


def route(sightings: Sightings, partitions: int) -> dict[int, Sightings]:
    """{hash of the entity modulo `partitions`: sightings}; each has the watermark, rows or not."""
    if partitions == 1:
        return {0: sightings}
    to = (sightings.rows["entity"] % np.uint64(partitions)).astype(np.int64)
    return dict(enumerate(_parted(sightings, to, partitions)))


def cut(sightings: Sightings, max_bytes: int = MESSAGE_MAX_BYTES) -> list[Sightings]:
    """Pieces of which each encodes to at most `max_bytes`; to be sent in order.

    Only the last piece carries the watermark: the ones before it say that the earliest of all rows is still
    open. A row with more customers than fit comes in several pieces (totals are absolute: harmless).
    PoolwatchError where one row and its names are too large by themselves.
    """
    if _most_bytes(sightings) <= max_bytes:
        return [sightings]
    early = min(sightings.watermark_ms, int(sightings.rows["minute"].min()) * 60_000)
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
        parts = [
            Sightings(
                sightings.source,
                sightings.chunk,
                sightings.watermark_ms,
                sightings.idle,
                sightings.rows,
                c,
                sightings.names,
            )
            for c in (sightings.customers[:middle], sightings.customers[middle:])
        ]
    else:
        raise PoolwatchError(f"a sightings row does not fit in {max_bytes} bytes; raise the message size")
    return [piece for part in parts for piece in _halved(part, max_bytes)]
