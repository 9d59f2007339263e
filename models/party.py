"""Suspects -> links between those that one party stands behind, with chance and sentence of each. Pure.

Two suspects are compared by what independent parties would share by chance: keys, a TLS fingerprint, the
minutes in which they set in. Each pair is one test, by weighted Bonferroni over its kinds of evidence, with
Benjamini-Hochberg over all pairs: FALSE_LINKS of the links that are found are expected to be false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from models.links import OWN_KEYS, Census, Suspect
from models.minutes import DAY_MINUTES, HOUR_MINUTES
from models.significance import chance, discoveries

#: False discovery rate of links, and the chance above which no pair is linked whatever the others are.
FALSE_LINKS, MOST_CHANCE = 0.01, 1e-3
#: Keys of sellers with much to read are likelier to be anywhere: expected overlaps are taken so much larger.
CROWDING = 4.0
#: Least part of the smaller side that an overlap of keys must be: a victim may have several thieves.
LEAST_OVERLAP = 0.25
#: A developer stands behind origins that serve at least this part of its keys and hardly anyone else.
FILLED = 0.5
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


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """Two entities (kind:id, a < b) that belong together; chance: that of so much in common by accident."""

    chance: float
    a: str
    b: str
    text: str


class Common:
    """How common keys and clients are in the whole market: the partitions' newest censuses."""

    def __init__(self, censuses: Sequence[Census]) -> None:
        self._censuses = censuses
        self.keys = sum(c.keys for c in censuses)
        self.origins = sum(c.origins for c in censuses)

    def count(self, client: int) -> int:
        """Origins with this TLS fingerprint."""
        return sum(c.count(client) for c in self._censuses)


def find(suspects: Sequence[Suspect], common: Common, *, timed: bool = True) -> list[Link]:
    """Every link that the evidence carries; the suspects in any order, the links in order of chance.

    timed  by times too: most of the work
    """
    suspects = sorted(suspects, key=lambda s: s.entity)
    if len(suspects) < 2:
        return []
    shared = _Keys(suspects)
    found: dict[tuple[int, int], list[tuple[float, str]]] = {}
    evidence = _by_keys(suspects, shared, common) + _by_client(suspects, common)
    evidence += _by_time(suspects, shared) if timed else []
    for pair, p, text in evidence:
        found.setdefault(pair, []).append((p, text))
    tests = len(suspects) * (len(suspects) - 1) // 2
    best = {pair: min(1.0, *(p for p, _ in told)) for pair, told in found.items()}
    line = min(discoveries(list(best.values()), tests, FALSE_LINKS), MOST_CHANCE)
    links = []
    for (i, j), p in best.items():
        if p <= line:
            text = "; ".join(text for q, text in sorted(found[i, j]) if q <= line)
            links.append(Link(p, suspects[i].entity, suspects[j].entity, text))
    links += _moving(suspects, shared)
    return sorted(links + _filled(suspects, shared, links))


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


class _Keys:
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


_Evidence = list[tuple[tuple[int, int], float, str]]


def _by_keys(suspects: Sequence[Suspect], keys: _Keys, common: Common) -> _Evidence:
    """Origins that the same keys are used from, beyond chance.

    Not another client on another network, not a home of keys with a place to which they are foreign, not two
    homes of a seller's own key: those are the hands of two parties, an owner and a helper, or a thief.
    """
    out: _Evidence = []
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


def _by_client(suspects: Sequence[Suspect], common: Common) -> _Evidence:
    """Origins with one TLS fingerprint that few but suspects have: all homes of keys, or all foreign to them.

    By chance: one has the other's, and so have as many of the rest, each as origins at home have it.
    """
    out: _Evidence = []
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


def _by_time(suspects: Sequence[Suspect], keys: _Keys) -> _Evidence:
    """Suspects that set in together, in turn, or when the other is refused: more often than if each hour's
    minutes were drawn anew, and than with one side moved. Those that share keys tell of the same calls.
    """
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
    apart = (keys.shared == 0) & ~np.eye(len(suspects), dtype=bool)
    out: _Evidence = []
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


def _by_hour(series: Any) -> Any:
    return series.reshape(len(series), -1, HOUR_MINUTES).sum(axis=2)


_LOCKSTEP = "{0} and {1} set in within the same minute {seen} times ({expected:.2g} expected by chance)"
_TURN = "{1} set in as {0} fell silent {seen} times ({expected:.2g} expected by chance)"
_HANDOVER = "{1} set in as {0} was refused (429) {seen} times ({expected:.2g} expected by chance)"


def _moving(suspects: Sequence[Suspect], keys: _Keys) -> list[Link]:
    """Places of a key or two that one client used them from, none of them the keys' home: a proxy's."""
    homes = np.array([s.key_count <= OWN_KEYS and not s.at_home and s.client != 0 for s in suspects], bool)
    out = []
    for i, j in np.argwhere(np.triu(keys.shared, 1) * np.outer(homes, homes)).tolist():
        if suspects[i].client == suspects[j].client:
            told = "one TLS fingerprint uses the same key from both, and neither is the key's home"
            out.append(Link(0.0, suspects[i].entity, suspects[j].entity, told))
    return out


def _filled(suspects: Sequence[Suspect], keys: _Keys, links: Sequence[Link]) -> list[Link]:
    """Developers and the origins that serve them and hardly anyone else.

    Origins count together with those that they are linked with. A popular console or a shared NAT has many
    more keys than one suspect's, and a victim's developer no more than its own: neither is joined.
    """
    place = {s.entity: i for i, s in enumerate(suspects)}
    groups = components([s.entity for s in suspects if s.kind == "origin"], links)
    developers = [i for i, s in enumerate(suspects) if s.kind == "developer" and not s.own]
    sizes = np.array([len(keys.hashes[d]) for d in developers])
    out = []
    for group in groups:
        origins = [place[name] for name in group]
        most = keys.shared[np.ix_(developers, origins)].sum(axis=1)  # a key may be shared with several
        meeting = [d for d, near in zip(developers, most >= FILLED * sizes, strict=True) if near]
        if not meeting:
            continue
        served = _union([keys.hashes[o] for o in origins])
        inside = {d: _shared(keys.hashes[d], served) for d in meeting}
        at_home = [d for d in meeting if inside[d] >= FILLED * len(keys.hashes[d])]
        theirs = _shared(_union([keys.hashes[d] for d in at_home]), served)
        if not at_home or theirs < FILLED * len(served):
            continue
        for d in at_home:
            o = max(origins, key=lambda o: (keys.shared[d, o], suspects[o].entity))
            where = f"{len(origins)} linked origins" if len(origins) > 1 else "the origin"
            told = f"{inside[d] / len(keys.hashes[d]):.0%} of the developer's {suspects[d].key_count:,} keys "
            told += (
                f"are used from {where}; {theirs / len(served):.0%} of the keys there are such developers'"
            )
            a, b = sorted((suspects[d].entity, suspects[o].entity))
            out.append(Link(0.0, a, b, told))
    return out


def _union(hashes: Sequence[Any]) -> Any:
    return np.unique(np.concatenate(hashes)) if hashes else np.zeros(0, np.uint64)


def _shared(a: Any, b: Any) -> int:
    return len(np.intersect1d(a, b, assume_unique=True))


def components(
    entities: Sequence[str], links: Sequence[Link], apart: frozenset[tuple[str, str]] = frozenset()
) -> list[list[str]]:
    """Parties: entities joined by links, each sorted; a link that would join two that are known to be apart
    is left out, the weakest first. apart: pairs (a, b), a < b."""
    party = {name: [name] for name in entities}
    for link in sorted(links):
        if link.a not in party or link.b not in party:
            continue
        one, other = party[link.a], party[link.b]
        if one is other or any((min(x, y), max(x, y)) in apart for x in one for y in other):
            continue
        one += other
        for name in other:
            party[name] = one
    return [sorted(members) for members in {id(members): members for members in party.values()}.values()]
