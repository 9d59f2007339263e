"""How alike two suspects are beyond chance: keys, TLS fingerprint, minutes in which they set in. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit

from models.links import Census, Suspect
from models.minutes import DAY_MINUTES, HOUR_MINUTES
from models.significance import chance

#: The chance above which no pair is linked, whatever the others are.
MOST_CHANCE = 1e-3
#: Keys of sellers with much to read are likelier to be anywhere: expected overlaps are taken so much larger.
CROWDING = 4.0
#: Least part of the smaller side that an overlap of keys must be: a victim may have several thieves.
LEAST_OVERLAP = 0.25
#: A fingerprint is a party's only where at least this part of its origins are suspects.
SUSPECT_PART = 2 / 3
#: Coincidences below which times tell nothing.
LEAST_COINCIDENCES = 5
#: Minutes by which one side is moved for comparison: timetables (cron) that coincide do so when moved, too.
MOVES = (-60, -30, -20, -15, -10, -5, 5, 10, 15, 20, 30, 60)
#: Part of a pair's chance that each kind of evidence may use up: keys, fingerprint, and each of five in time
#: (lockstep; turns and hand-overs, both ways). A rare fingerprint is never rarer than two in the market.
KEYS, CLIENT, TIME = 0.3, 0.5, 0.04
assert KEYS + CLIENT + 5 * TIME <= 1.0

_LOCKSTEP = "{0} and {1} set in within the same minute {seen} times ({expected:.2g} expected by chance)"
_TURN = "{1} set in as {0} fell silent {seen} times ({expected:.2g} expected by chance)"
_HANDOVER = "{1} set in as {0} was refused (429) {seen} times ({expected:.2g} expected by chance)"

#: Places (i, j) of two suspects, i < j; chance of as much in common, corrected for its kind; sentence.
Evidence = list[tuple[tuple[int, int], float, str]]


class Common:
    """How common keys and clients are in the whole market: the partitions' newest censuses."""

    def __init__(self, censuses: Sequence[Census]) -> None:
        self._censuses = censuses
        self.keys = sum(c.keys for c in censuses)
        self.origins = sum(c.origins for c in censuses)

    def count(self, client: int) -> int:
        """Origins with this TLS fingerprint."""
        return sum(c.count(client) for c in self._censuses)


def evidence(suspects: Sequence[Suspect], keys: Keys, common: Common, *, timed: bool) -> Evidence:
    """What speaks for a common party, of every pair that something does; a pair may come several times."""
    found = _by_keys(suspects, keys, common) + _by_client(suspects, common)
    return found + _by_time(suspects, keys) if timed else found


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


class Keys:
    """Keys that suspects share. shared: int64[n, n], of the samples."""

    def __init__(self, suspects: Sequence[Suspect]) -> None:
        self.hashes = [s.key_hashes for s in suspects]
        self.counts = [s.key_count for s in suspects]
        self.sampled = [s.sampled for s in suspects]
        every = np.concatenate(self.hashes)
        owner = np.repeat(np.arange(len(suspects)), [len(h) for h in self.hashes])
        _, key, times = np.unique(every, return_inverse=True, return_counts=True)
        several = times[key] > 1
        key, owner = np.unique(key[several], return_inverse=True)[1], owner[several]
        held = np.zeros((len(suspects), int(key.max()) + 1 if len(key) else 0), np.uint8)
        held[owner, key] = 1
        self.shared = coincidences(held, held)

    def seen(self, i: int, j: int) -> float:
        """Keys that two suspects share, estimated where only a sample is told."""
        return float(self.shared[i, j]) / min(self.sampled[i], self.sampled[j])

    def expected(self, i: int, j: int, keys: int) -> float:
        """Of the samples' shared keys, by chance, in a market of so many."""
        wider = max(self.sampled[i], self.sampled[j])
        return len(self.hashes[i]) * len(self.hashes[j]) / (keys * wider)


def _by_keys(suspects: Sequence[Suspect], keys: Keys, common: Common) -> Evidence:
    """Origins that the same keys are used from, beyond chance.

    Not another client on another network, not a home of keys with a place to which they are foreign, not two
    homes of a seller's own key: those are the hands of two parties, an owner and a helper, or a thief.
    """
    out: Evidence = []
    if not common.keys:
        return out
    origin = np.array([s.kind == "origin" for s in suspects])
    for i, j in np.argwhere(np.triu(keys.shared, 1) * np.outer(origin, origin)).tolist():
        if suspects[i].at_home != suspects[j].at_home or _elsewhere(suspects[i], suspects[j]):
            continue
        seen, least = keys.seen(i, j), min(keys.counts[i], keys.counts[j])
        if seen < LEAST_OVERLAP * least or suspects[i].own or suspects[j].own:
            continue
        expected = CROWDING * keys.expected(i, j, common.keys)
        told = f"{round(seen):,} of the {least:,} keys used from one are used from the other too"
        told += f" ({expected:.2g} expected by chance)"
        out.append(((i, j), chance(float(keys.shared[i, j]), expected) / KEYS, told))
    return out


def _elsewhere(a: Suspect, b: Suspect) -> bool:
    """Two origins are another client on another network; what is unknown differs from nothing."""
    clients = bool(a.client and b.client) and a.client != b.client
    return clients and bool(a.network and b.network) and a.network != b.network


def _by_client(suspects: Sequence[Suspect], common: Common) -> Evidence:
    """Origins with one TLS fingerprint that few but suspects have: all homes of keys, or all foreign to them.

    By chance: one has the other's, and so have as many of the rest, each as origins at home have it.
    """
    out: Evidence = []
    of: dict[int, list[int]] = {}
    for i, s in enumerate(suspects):
        if s.client:
            of.setdefault(s.client, []).append(i)
    every = sum(map(len, of.values()))
    for client, places in of.items():
        at_home, found = common.count(client), len(places)
        others = max(at_home - found, 0)
        if found < 2 or found < SUSPECT_PART * (found + others) or not common.origins:
            continue
        part = min(max(at_home, 1) / common.origins, 1.0)
        p = part * chance(found - 2, (every - 2) * part) / CLIENT
        told = (
            f"one TLS fingerprint, of {found:,} suspected origins and {others:,} of {common.origins:,} others"
        )
        pairs = [(i, j) for n, i in enumerate(places) for j in places[n + 1 :]]
        out += [(pair, p, told) for pair in pairs if len({suspects[i].at_home for i in pair}) == 1]
    return out


def _by_time(suspects: Sequence[Suspect], keys: Keys) -> Evidence:
    """Suspects that set in together, in turn, or when the other is refused: more often than if each hour's
    minutes were drawn anew, and than with one side moved. Those that share keys tell of the same calls.
    """
    begins, ends, refused = _series(suspects)
    apart = (keys.shared == 0) & ~np.eye(len(suspects), dtype=bool)
    out: Evidence = []
    for leading, text in ((begins, _LOCKSTEP), (ends, _TURN), (refused, _HANDOVER)):
        seen = coincidences(leading, begins)
        due = np.einsum("ih,jh->ij", _by_hour(leading), _by_hour(begins)) / HOUR_MINUTES
        worth = apart & (seen >= LEAST_COINCIDENCES) & (seen > due + 1)
        for i, j in np.argwhere(np.triu(worth) if leading is begins else worth).tolist():
            times, expected = float(seen[i, j]), float(due[i, j])
            if chance(times, expected) / TIME > MOST_CHANCE:
                continue
            expected = max(expected, *(float((leading[i] & np.roll(begins[j], m)).sum()) for m in MOVES))
            told = text.format(suspects[i].entity, suspects[j].entity, seen=int(times), expected=expected)
            out.append(((min(i, j), max(i, j)), chance(times, expected) / TIME, told))
    return out


def _series(suspects: Sequence[Suspect]) -> Any:
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


def _by_hour(series: Any) -> Any:
    return series.reshape(len(series), -1, HOUR_MINUTES).sum(axis=2)
