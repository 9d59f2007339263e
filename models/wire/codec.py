"""`Sightings` <-> bytes. Pure.

A row is words of 32 bits. A message holds, for each word that is not zero in every row, a column: its
least value and the differences to it in 1, 2 or 4 bytes. One compiled pass each way: messages are small.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from models.compiled import inner, leaf
from models.dtypes import U8
from models.errors import PoolwatchError
from models.wire.sightings import CUSTOMER, ROW, ROW_WORDS, Sightings, words_of

VERSION = 2
_ROWS_MOST = 4_000_000
_KIND = ROW.fields["kind"][1] // 4  # type: ignore[index]


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
    """Bytes of words uint32[rows, ROW_WORDS] and customers uint32[k, 3] into out; how many."""
    # Plainly: per word, least = min, width = bytes that max - min needs (0 where all is 0);
    # out = widths, the leasts, (value - least) column by column, places of customers, customers.
    rows = len(words)
    base, columns = ROW_WORDS, 0
    for w in range(ROW_WORDS):
        low, high = np.uint32(0xFFFFFFFF), np.uint32(0)
        for r in range(rows):
            low, high = min(low, words[r, w]), max(high, words[r, w])
        span = high - low
        out[w] = 0 if high == 0 else 1 if span < 256 else 2 if span < 65_536 else 4
        if out[w]:
            _put(out, base, 4, low)
            base += 4
            columns += 1
    at, base = base, ROW_WORDS
    for w in range(ROW_WORDS):
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
    if len(data) < ROW_WORDS:
        return -1
    columns, widths = 0, 0
    for w in range(ROW_WORDS):
        if data[w] == 3 or data[w] > 4 or (data[w] and rows == 0):
            return -1
        columns += data[w] > 0
        widths += data[w]
    return ROW_WORDS + 4 * columns + widths * rows + (8 + _place_width(rows)) * customers


@leaf
def _unpack(data: Any, words: Any, customers: Any) -> bool:
    """The inverse: fills words (all 0) and customers; False where a kind or place is out of range."""
    rows, base = len(words), ROW_WORDS
    at = base
    for w in range(ROW_WORDS):
        at += 4 if data[w] else 0
    for w in range(ROW_WORDS):
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
    """One message's bytes; as small as routing.cut made it."""
    rows, customers, names = sightings.rows, sightings.customers, sightings.names
    out = np.empty(rows.nbytes + customers.nbytes + 5 * ROW_WORDS, np.uint8)
    size = _pack(words_of(rows), words_of(customers), out)
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
    if not _unpack(body, words_of(rows), words_of(customers)):
        raise PoolwatchError(
            "not a sightings message (a row or kind is out of range); is the topic poolwatch's own?"
        )
    ids = np.frombuffer(message.name_ids, np.uint64).tolist()
    names = dict(zip(ids, message.names, strict=True))
    return Sightings(
        message.source, message.chunk, message.watermark_ms, message.idle, rows, customers, names
    )


def _fits(message: _Message, body: U8) -> bool:
    return (
        0 <= message.rows <= _ROWS_MOST
        and 0 <= message.customers <= len(body)
        and len(body) == _length(body, message.rows, message.customers)
        and len(message.name_ids) == 8 * len(message.names)
        and message.source >= 0
        and max(abs(message.chunk), abs(message.watermark_ms)) < 2**62
    )
