"""JSON lists of ids, as bytes -> hashes. Pure. Compiled where plain, exact and slow where not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from models.compiled import leaf
from models.dtypes import I64, U64
from models.hashing import hash_range, hash_text

#: Longest id, in bytes, and most ids in one list: a record beyond is rejected, not cut.
ID_MAX_BYTES = 512
LIST_MAX_IDS = 100_000

_STRINGS = msgspec.json.Decoder(list[str])
_ODD = -1


@leaf
def _parse(data: Any, lists: int, hashes: Any, counts: Any, id_max: int, list_max: int) -> int:
    """Hashes of the strings of `lists` JSON lists, parted by a zero byte; counts[i] = -1 where not plain.

    Plain: a list of strings without escapes, in ASCII, 1 .. id_max bytes. Returns the number of hashes.
    """
    at, end, out = 0, len(data), 0
    for i in range(lists):
        first, state = out, 0  # 0 before [, 1 before an id or ], 2 before , or ], 3 before an id, 4 done
        plain = True
        while at < end and data[at] != 0:
            c = data[at]
            at += 1
            if c == 32 or c == 10 or c == 13 or c == 9:
                continue
            if c == 34 and (state == 1 or state == 3):
                start = at
                while at < end and data[at] != 34 and 32 <= data[at] < 128 and data[at] != 92:
                    at += 1
                if at >= end or data[at] != 34 or at == start or at - start > id_max:
                    plain = False
                    break
                hashes[out] = hash_range(data, start, at)
                out += 1
                at += 1
                state = 2
            elif c == 91 and state == 0:
                state = 1
            elif c == 44 and state == 2:
                state = 3
            elif c == 93 and (state == 1 or state == 2):
                state = 4
            else:
                plain = False
                break
        if plain and state == 4 and out - first <= list_max:
            counts[i] = out - first
        else:
            counts[i] = _ODD
            out = first
            while at < end and data[at] != 0:
                at += 1
        at += 1
    return out


def _exactly(raw: bytes) -> list[int] | str:
    """Hashes of one list, or the rule that it breaks."""
    if raw == b"null":
        return []
    try:
        ids = _STRINGS.decode(raw)
        if len(ids) > LIST_MAX_IDS:
            return f"must list at most {LIST_MAX_IDS:,} ids"
        if not all(0 < len(text.encode()) <= ID_MAX_BYTES for text in ids):
            return f"must list strings of 1 to {ID_MAX_BYTES} bytes"
        return [hash_text(text) for text in ids]
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return "must be a list of strings"


def hash_lists(
    raws: Sequence[Any],
) -> tuple[U64, I64, dict[int, str]]:
    """(hashes flat, counts int64[n], {list: rule it breaks}) of JSON values given as bytes-like objects."""
    joined = b"\0".join(raws)
    data = np.frombuffer(joined, np.uint8)
    hashes = np.empty(len(data) // 3 + 1, np.uint64)  # an id takes at least 3 bytes with its quotes
    counts = np.zeros(len(raws), np.int64)
    if joined.count(0) == len(raws) - 1:
        used = _parse(data, len(raws), hashes, counts, ID_MAX_BYTES, LIST_MAX_IDS)
        if not (counts == _ODD).any():
            return hashes[:used], counts, {}
    else:  # a raw zero byte within a string: no list can be told from the next
        counts[:] = _ODD
    return _mended(raws, hashes, counts)


def _mended(raws: Sequence[Any], hashes: U64, counts: I64) -> tuple[U64, I64, dict[int, str]]:
    odd = counts == _ODD
    starts = np.concatenate(([0], np.cumsum(np.where(odd, 0, counts))))
    broken: dict[int, str] = {}
    pieces: list[U64] = []
    at = 0
    for i in np.flatnonzero(odd).tolist():
        found = _exactly(bytes(raws[i]))
        if isinstance(found, str):
            broken[i], found = found, []
        pieces += [hashes[at : starts[i]], np.array(found, np.uint64)]
        at, counts[i] = int(starts[i]), len(found)
    pieces.append(hashes[at : starts[-1]])
    return np.concatenate(pieces), counts, broken
