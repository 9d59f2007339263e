"""Samples of customers -> how many distinct ones there are, with bounds, over any union. Pure.

A sample of level L is every 32-bit hash below 2^(32 - L) of a set of customers. A union is the union of what
lies below the highest level's line, so samples merge in any order and grouping with the same result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.dtypes import F64, I64, U8, U32

HASHES = 2.0**32
#: Standard deviations between estimate and bounds: about 95%.
DEVIATIONS = 2.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Distinct customers of n groups: float64[n] each; exact where low = high."""

    estimate: F64
    low: F64
    high: F64


def union(groups: I64, many: int, levels: U8, starts: I64, samples: U32) -> tuple[U8, I64]:
    """(highest level uint8[many], distinct hashes below its line int64[many]) of each group of samples.

    groups   int64[n]: the group of each sample, 0 .. many - 1
    levels   uint8[n]; starts int64[n + 1]: sample i is samples[starts[i]:starts[i + 1]]
    """
    top = np.zeros(many, np.uint8)
    np.maximum.at(top, groups, levels)
    group = np.repeat(groups, np.diff(starts))
    below = (samples >> (32 - top[group].astype(np.uint64))) == 0
    kept = np.unique(group[below].astype(np.uint64) << np.uint64(32) | samples[below])
    return top, np.bincount((kept >> np.uint64(32)).astype(np.int64), minlength=many)


def counts(levels: Any, kept: Any) -> Counts:
    """Customers behind `kept` hashes of a sample of a level, arrays or numbers; bounds at about 95%.

    The hashes below the line number S = 2^(32 - level). Two customers with one hash are taken into account:
    m = -S ln(1 - kept / S) customers stand behind them, of m 2^level in all. Bounds: score interval of a
    binomial share (Wilson 1927), and the spread m^2 / 2S of what collides. Never below what was seen.
    """
    share = 2.0 ** -np.asarray(levels, np.float64)
    kept = np.asarray(kept, np.float64)
    hashes = HASHES * share
    seen = -hashes * np.log1p(-np.minimum(kept, hashes - 1) / hashes)
    z2 = DEVIATIONS**2 * (1 - share)
    half = np.sqrt(z2 * (seen + z2 / 4) + DEVIATIONS**2 * seen**2 / (2 * hashes))
    low, high = (seen + z2 / 2 - half) / share, (seen + z2 / 2 + half) / share
    return Counts(np.round(seen / share), np.maximum(np.round(low), kept), np.round(high))
