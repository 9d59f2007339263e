"""Seed and counters -> reproducible chance. Pure: the same arguments give the same numbers."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from models.dtypes import F64, U64

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


def stream(seed: int, *names: object) -> int:
    """A 64-bit seed of its own for each name, so that one population's draws never shift another's."""
    text = "/".join(map(str, (seed, *names))).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def rng(seed: int, *names: object) -> np.random.Generator:
    """numpy generator for one named purpose."""
    return np.random.Generator(np.random.PCG64(stream(seed, *names)))


def mix(seed: int, *parts: npt.ArrayLike) -> U64:
    """uint64[n] hash of the integer arrays `parts` (splitmix64's finaliser, once a part)."""
    with np.errstate(over="ignore"):
        h: U64 = np.array(seed & 0xFFFFFFFFFFFFFFFF, np.uint64)
        for part in parts:
            h = h ^ np.asarray(part).astype(np.uint64, copy=False)
            h *= _GOLDEN
            h += _GOLDEN
            h ^= h >> np.uint64(30)
            h *= _M1
            h ^= h >> np.uint64(27)
            h *= _M2
            h ^= h >> np.uint64(31)
        return np.asarray(h, dtype=np.uint64)


def uniform(seed: int, *parts: npt.ArrayLike) -> F64:
    """float64[n] in [0, 1), one for each row of `parts`."""
    return np.asarray((mix(seed, *parts) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def lognormal(seed: int, median: npt.ArrayLike, sigma: npt.ArrayLike, *parts: npt.ArrayLike) -> F64:
    """float64[n], lognormal with that median; by Box-Muller from two uniforms of the row."""
    h = mix(seed, *parts)
    u = ((h >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32
    v = (h & np.uint64(0xFFFFFFFF)).astype(np.float64) * 2.0**-32
    normal = np.sqrt(-2.0 * np.log(u)) * np.cos(2 * np.pi * v)
    return np.asarray(np.asarray(median) * np.exp(np.asarray(sigma) * normal))
