"""Suspects -> arrays in which they lie side by side: what each is, its keys and minutes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numba import njit

from models.dtypes import I64
from models.minutes import DAY_MINUTES, HOUR_MINUTES
from models.wire.links import Suspect


class Crowd:
    """Suspects side by side, n of them.

    hashes   of the keys that each tells; counts int64[n]: keys of each; sampled float64[n]: see Suspect
    shared   int64[n, n]: keys of the samples that two have in common
    hand     int64[n]: equal for those who share keys, directly or through others
    client   uint64[n], network int64[n]: 0 = unknown
    origin, at_home, own   bool[n]
    """

    def __init__(self, suspects: Sequence[Suspect]) -> None:
        self.suspects = suspects
        self.hashes = [s.key_hashes for s in suspects]
        self.counts = np.array([s.key_count for s in suspects], np.int64)
        self.sampled = np.array([s.sampled for s in suspects])
        self.client = np.array([s.client for s in suspects], np.uint64)
        self.network = _numbered(s.network for s in suspects)
        self.origin = np.array([s.kind == "origin" for s in suspects], bool)
        self.at_home = np.array([s.at_home for s in suspects], bool)
        self.own = np.array([s.own for s in suspects], bool)
        self.shared = _shared(self.hashes)
        self.hand = _hands(self.shared)

    def pairs(self, wanted: Any) -> tuple[I64, I64]:
        """(i, j), i < j, int64[k] each, of those set in bool[n, n]."""
        i, j = np.nonzero(np.triu(wanted, 1))
        return i, j


def _numbered(texts: Iterable[str]) -> I64:
    """Equal numbers for equal texts; 0 for the empty one."""
    numbers = {"": 0}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int64)


def _shared(hashes: Sequence[Any]) -> I64:
    """Hashes that two have in common: int64[n, n]."""
    every = np.concatenate(hashes)
    owner = np.repeat(np.arange(len(hashes)), [len(h) for h in hashes])
    _, key, times = np.unique(every, return_inverse=True, return_counts=True)
    several = times[key] > 1
    key, owner = np.unique(key[several], return_inverse=True)[1], owner[several]
    uses = np.zeros((len(hashes), int(key.max()) + 1 if len(key) else 0), np.uint8)
    uses[owner, key] = 1
    return np.asarray(coincidences(uses, uses))


def _hands(shared: I64) -> I64:
    hand = np.arange(len(shared))
    while True:
        lowest = np.minimum(hand, np.where(shared > 0, hand, len(hand)).min(axis=1))
        if (lowest == hand).all():
            return hand
        hand = lowest


def series(suspects: Sequence[Suspect]) -> Any:
    """Minutes in which each sets in, in which it has fallen silent, and from a refusal to the next: uint8[3,
    suspects, minutes of whole hours], of two days."""
    end = max(s.minute for s in suspects) + 1
    first = (end - 2 * DAY_MINUTES) // HOUR_MINUTES * HOUR_MINUTES
    size = -(-(end - first + 1) // HOUR_MINUTES) * HOUR_MINUTES
    series = np.zeros((3, len(suspects), size), np.uint8)
    begins, ends, refused = series
    for i, s in enumerate(suspects):
        active = s.minutes(s.active) - first
        active = active[active >= 0]
        if not len(active):
            continue
        steps = np.diff(active) > 1
        begins[i, active[np.append(False, steps)]] = 1  # the first is cut off by the window
        ends[i, active[:-1][steps] + 1] = 1
        throttled = s.minutes(s.throttled) - first
        throttled = throttled[throttled >= 0]
        refused[i, throttled] = 1
        refused[i, np.minimum(throttled + 1, size - 1)] = 1
    return series


@njit(cache=True)
def coincidences(a: Any, b: Any) -> Any:
    """How often both are set: int64[n, n] of two uint8[n, places]; quick where few are."""
    # Plainly: a @ b.T
    n, places = a.shape
    out = np.zeros((n, n), np.int64)
    set_b = np.empty(n, np.int64)
    for p in range(places):
        count = 0
        for j in range(n):
            if b[j, p]:
                set_b[count] = j
                count += 1
        if count:
            for i in range(n):
                if a[i, p]:
                    for k in range(count):
                        out[i, set_b[k]] += 1
    return out
