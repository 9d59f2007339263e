"""Id text -> 64-bit hash, the same in every process and version. Pure; 0 is kept for "absent"."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from models.compiled import inner, leaf

_P1 = np.uint64(0x9E3779B185EBCA87)
_P2 = np.uint64(0xC2B2AE3D27D4EB4F)
_P3 = np.uint64(0x165667B19E3779F9)
_P4 = np.uint64(0x85EBCA77C2B2AE63)
_P5 = np.uint64(0x27D4EB2F165667C5)


@inner
def _rotate(x: Any, n: Any) -> Any:
    return (x << np.uint64(n)) | (x >> np.uint64(64 - n))


@inner
def _round(h: Any, word: Any) -> Any:
    h ^= _rotate(word * _P2, 31) * _P1
    return _rotate(h, 27) * _P1 + _P4


@inner
def finish(h: Any) -> Any:
    """Avalanche of xxHash64 (a bijection): each bit of `h` moves half of the result's bits."""
    h ^= h >> np.uint64(33)
    h *= _P2
    h ^= h >> np.uint64(29)
    h *= _P3
    return h ^ (h >> np.uint64(32))


@leaf
def hash_range(data: Any, start: int, end: int) -> Any:
    """Hash of data[start:end], uint8[]. Never 0.

    source  the short form of xxHash64 (https://xxhash.com), tail bytes as one word
    """
    # Plainly: for each 8 bytes as a little-endian word, then for the rest: h = round(h, word).
    h = _P5 + np.uint64(end - start)
    at = start
    while at + 8 <= end:
        word = np.uint64(0)
        for b in range(8):
            word |= np.uint64(data[at + b]) << np.uint64(8 * b)
        h = _round(h, word)
        at += 8
    if at < end:
        word = np.uint64(0)
        for b in range(end - at):
            word |= np.uint64(data[at + b]) << np.uint64(8 * b)
        h = _round(h, word)
    h = finish(h)
    return h if h != np.uint64(0) else _P1


@njit(cache=True)
def hash_ranges(data: Any, starts: Any, ends: Any) -> Any:
    """uint64[n] hashes of data[starts[i]:ends[i]]; data uint8[], starts and ends int32[] or int64[]."""
    out = np.empty(len(starts), np.uint64)
    for i in range(len(starts)):
        out[i] = hash_range(data, starts[i], ends[i])
    return out


@leaf
def mix(a: Any, b: Any) -> Any:
    """One hash of two, order matters. Never 0."""
    h = finish(_round(_round(_P5, a), b))
    return h if h != np.uint64(0) else _P1


@inner
def mixed(a: Any, b: Any) -> Any:
    """Key of two 64-bit values in a table; not 0. Cheaper than `mix`."""
    key = finish(finish(a) + b)
    return key if key != np.uint64(0) else np.uint64(1)


def hash_bytes(text: bytes) -> int:
    """Hash of `text`, 1 .. 2**64 - 1."""
    return int(hash_range(np.frombuffer(text, np.uint8), 0, len(text)))


def hash_text(text: str) -> int:
    """Hash of the UTF-8 form of `text`, 1 .. 2**64 - 1. UnicodeEncodeError on a lone surrogate."""
    return hash_bytes(text.encode())
