"""`Sightings` <-> bytes; their way to partitions. Pure.

A row is 44 words of 32 bits. A message holds, for each word that is not zero in every row, a column: its
least value and the differences to it in 1, 2 or 4 bytes.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

from models.compiled import leaf
from models.errors import PoolwatchError
from models.sightings import CUSTOMER, ROW, Sightings

VERSION = 1
#: Kafka takes 1 MB a message by default; half of it leaves room for headers and a neighbour in the batch.
MESSAGE_MAX_BYTES = 512 * 1024
_WORDS = ROW.itemsize // 4
_ROWS_MOST = 4_000_000
_IDS = ("entity", "seller", "key", "other")
assert ROW.itemsize % 4 == 0


class _Message(msgspec.Struct, array_like=True):
    version: int
    source: int
    chunk: int
    watermark_ms: int
    idle: bool
    count: int  # rows
    widths: bytes  # [words] bytes of a difference: 0 (no column), 1, 2, 4
    bases: bytes  # uint32[columns]
    columns: bytes
    customer_rows: bytes  # int32[]
    customers: bytes  # uint64[]
    name_ids: bytes  # uint64[]
    names: list[str]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Message).decode


@njit(cache=True)
def _pack(words: Any, widths: Any, bases: Any, out: Any) -> tuple[int, int]:
    """Columns of words uint32[rows, n]; fills widths uint8[n], bases uint32[n], out; (columns, bytes)."""
    # Plainly: per word, least = min, width = bytes that max - min needs; out += (value - least).
    rows, n = words.shape
    low, high = words[0].copy(), words[0].copy()
    for r in range(1, rows):
        for w in range(n):
            v = words[r, w]
            if v < low[w]:
                low[w] = v
            if v > high[w]:
                high[w] = v
    columns, at = 0, 0
    for w in range(n):
        if high[w] == 0:
            continue
        span = high[w] - low[w]
        width = 1 if span < 256 else 2 if span < 65_536 else 4
        widths[w] = width
        bases[columns] = low[w]
        columns += 1
        for r in range(rows):
            v = words[r, w] - low[w]
            for b in range(width):
                out[at] = (v >> np.uint32(8 * b)) & np.uint32(255)
                at += 1
    return columns, at


@leaf
def _unpack(words: Any, widths: Any, bases: Any, data: Any) -> None:
    """The inverse: fills words uint32[rows, n]."""
    rows, n = words.shape
    column, at = 0, 0
    for w in range(n):
        if widths[w] == 0:
            continue
        for r in range(rows):
            v = np.uint32(0)
            for b in range(widths[w]):
                v |= np.uint32(data[at]) << np.uint32(8 * b)
                at += 1
            words[r, w] = v + bases[column]
        column += 1


def encode(sightings: Sightings) -> bytes:
    """One message's bytes; as small as `cut` made it."""
    count = len(sightings.rows)
    widths = np.zeros(_WORDS, np.uint8)
    bases, out, used, size = np.empty(_WORDS, np.uint32), np.empty(0, np.uint8), 0, 0
    if count:
        words = np.ascontiguousarray(sightings.rows).view(np.uint32).reshape(count, _WORDS)
        out = np.empty(words.nbytes, np.uint8)
        used, size = _pack(words, widths, bases, out)
    names = sightings.names
    return _encode(
        _Message(
            VERSION,
            sightings.source,
            sightings.chunk,
            sightings.watermark_ms,
            sightings.idle,
            count,
            widths.tobytes(),
            bases[:used].tobytes(),
            out[:size].tobytes(),
            np.ascontiguousarray(sightings.customers["row"]).tobytes(),
            np.ascontiguousarray(sightings.customers["customer"]).tobytes(),
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
    _check(message)
    sightings = Sightings(message.source, message.chunk, message.watermark_ms, message.idle)
    if message.count:
        rows = np.zeros(message.count, ROW)
        _unpack(
            rows.view(np.uint32).reshape(message.count, _WORDS),
            np.frombuffer(message.widths, np.uint8),
            np.frombuffer(message.bases, np.uint32),
            np.frombuffer(message.columns, np.uint8),
        )
        sightings.rows = rows
    places = np.frombuffer(message.customer_rows, np.int32)
    customers = np.empty(len(places), CUSTOMER)
    customers["row"], customers["customer"] = places, np.frombuffer(message.customers, np.uint64)
    sightings.customers = customers
    ids = np.frombuffer(message.name_ids, np.uint64).tolist()
    sightings.names = dict(zip(ids, message.names, strict=True))
    _check_rows(sightings)
    return sightings


def _check(message: _Message) -> None:
    if message.version != VERSION:
        raise PoolwatchError(
            f"sightings message of version {message.version}, this program reads {VERSION}; "
            "let all workers run the same release"
        )
    widths, columns = (
        np.frombuffer(message.widths, np.uint8),
        np.count_nonzero(np.frombuffer(message.widths, np.uint8)),
    )
    fits = (
        len(widths) == _WORDS
        and not np.isin(widths, (0, 1, 2, 4), invert=True).any()
        and 0 <= message.count <= _ROWS_MOST
        and len(message.bases) == 4 * columns
        and len(message.columns) == int(widths.sum(dtype=np.int64)) * message.count
        and (message.count > 0 or columns == 0)
        and len(message.customer_rows) % 4 == 0
        and len(message.customers) == 2 * len(message.customer_rows)
        and len(message.name_ids) == 8 * len(message.names)
        and message.source >= 0
        and max(abs(message.chunk), abs(message.watermark_ms)) < 2**62
    )
    if not fits:
        raise PoolwatchError("not a sightings message (its parts do not fit); is the topic poolwatch's own?")


def _check_rows(sightings: Sightings) -> None:
    kinds, places = sightings.rows["kind"], sightings.customers["row"]
    if (kinds.size and (kinds.min() < 0 or kinds.max() > 1)) or (
        places.size and (places.min() < 0 or places.max() >= len(sightings.rows))
    ):
        raise PoolwatchError(
            "not a sightings message (a row or kind is out of range); is the topic poolwatch's own?"
        )


def _names_of(rows: npt.NDArray[np.void], names: dict[int, str]) -> dict[int, str]:
    """The part of `names` that these rows speak of."""
    if not names:
        return {}
    ids: set[int] = set()
    for column in _IDS:
        ids.update(rows[column].tolist())
    return (
        {h: names[h] for h in ids if h in names}
        if len(ids) < len(names)
        else {h: text for h, text in names.items() if h in ids}
    )


def _subset(sightings: Sightings, places: npt.NDArray[np.int64], watermark_ms: int) -> Sightings:
    """The rows at `places`, with their customers and names."""
    rows = sightings.rows[places]
    part = Sightings(sightings.source, sightings.chunk, watermark_ms, sightings.idle, rows)
    if len(sightings.customers):
        new = np.full(len(sightings.rows), -1, np.int32)
        new[places] = np.arange(len(places), dtype=np.int32)
        where = new[sightings.customers["row"]]
        part.customers = sightings.customers[where >= 0]
        part.customers["row"] = where[where >= 0]
    part.names = _names_of(rows, sightings.names)
    return part


def route(sightings: Sightings, partitions: int) -> dict[int, Sightings]:
    """{hash of the entity modulo `partitions`: sightings}; each has the watermark, rows or not."""
    if partitions == 1:
        return {0: sightings}
    to = (sightings.rows["entity"] % np.uint64(partitions)).astype(np.int64)
    order = np.argsort(to, kind="stable")
    ends = np.searchsorted(to[order], np.arange(partitions + 1))
    return {
        p: _subset(sightings, order[ends[p] : ends[p + 1]], sightings.watermark_ms)
        if ends[p + 1] > ends[p]
        else Sightings(sightings.source, sightings.chunk, sightings.watermark_ms, sightings.idle)
        for p in range(partitions)
    }


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
        places = np.arange(count)
        parts = [
            _subset(sightings, p, sightings.watermark_ms)
            for p in (places[: count // 2], places[count // 2 :])
        ]
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
