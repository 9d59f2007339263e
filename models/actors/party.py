"""Suspects -> links between those that one party stands behind, with chance and sentence of each. Pure.

Two suspects are compared by what independent parties would share by chance (likeness). Each pair
is one test, by weighted Bonferroni over its kinds of evidence, with Benjamini-Hochberg over all pairs:
FALSE_LINKS of the links that are found are expected to be false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from models.actors.crowd import Crowd
from models.actors.likeness import MOST_CHANCE, Common, Found, evidence
from models.actors.significance import discoveries
from models.dtypes import I64
from models.wire.links import OWN_KEYS, Suspect

#: False discovery rate of links.
FALSE_LINKS = 0.01
#: A developer stands behind origins that serve at least this part of its keys and hardly anyone else.
FILLED = 0.5
#: A bystander does with nearly all its keys, where the place is over a line. If all are bystanders, hardly
#: anyone else may be there.
WHOLLY = 0.9
#: Links kept of each suspect. Hundreds of places of one party are all linked with one another.
STRONGEST = 8

_MOVES = "one TLS fingerprint uses the same key from both, and neither is the key's home"


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """Two entities (kind:id, a < b) that belong together; chance: that of so much in common by accident."""

    chance: float
    a: str
    b: str
    text: str


def find(suspects: Sequence[Suspect], common: Common, *, timed: bool = True) -> list[Link]:
    """Links that the evidence carries, in order of chance: of each suspect the STRONGEST, and those without
    which a party would fall apart. The suspects in any order.

    timed  by times too: most of the work
    """
    suspects = sorted(suspects, key=lambda s: s.entity)
    if len(suspects) < 2:
        return []
    compared = [s for s in suspects if not s.bystander]
    if not compared:
        return []
    crowd = Crowd(compared)
    links = _carried(crowd, evidence(crowd, common, timed=timed)) + _moving(crowd)
    company = _company(suspects)
    return sorted(links + _filled(Crowd(compared + company) if company else crowd, links))


def _company(suspects: Sequence[Suspect]) -> list[Suspect]:
    """Bystanders who call from a place that is over a line."""
    places = _union([s.key_hashes for s in suspects if s.over and s.kind == "origin"])
    return [s for s in suspects if s.bystander and _shared(s.key_hashes, places)]


def _carried(crowd: Crowd, found: Sequence[Found]) -> list[Link]:
    """Links of the pairs that the evidence carries."""
    suspects, n = crowd.suspects, len(crowd.suspects)
    i, j, p = (np.concatenate([getattr(f, name) for f in found]) for name in ("i", "j", "chance"))
    pair = i * n + j
    order = np.lexsort((p, pair))
    best = order[np.unique(pair[order], return_index=True)[1]]  # of each pair, its strongest evidence
    line = min(discoveries(np.minimum(p[best], 1.0), n * (n - 1) // 2, FALSE_LINKS), MOST_CHANCE)
    best = best[p[best] <= line]
    best = best[np.lexsort((pair[best], p[best]))]
    best = best[_needed(i[best], j[best], n, STRONGEST)]
    sentences = _sentences(found, pair, p <= line, pair[best])
    return [
        Link(float(p[k]), suspects[i[k]].entity, suspects[j[k]].entity, "; ".join(sentences[int(pair[k])]))
        for k in best.tolist()
    ]


def _sentences(found: Sequence[Found], pair: I64, carried: Any, wanted: I64) -> dict[int, list[str]]:
    """What carries each wanted pair, the strongest first."""
    texts_of: dict[int, list[tuple[float, str]]] = {}
    start = 0
    for kind in found:
        mine = slice(start, start + len(kind.i))
        for k in np.flatnonzero(carried[mine] & np.isin(pair[mine], wanted)).tolist():
            texts_of.setdefault(int(pair[start + k]), []).append((float(kind.chance[k]), kind.text(k)))
        start += len(kind.i)
    return {number: [text for _, text in sorted(texts)] for number, texts in texts_of.items()}


@njit(cache=True)
def _needed(i, j, n, most):  # type: ignore[no-untyped-def]
    """bool[k]: links int64[k] between n suspects, the strongest first, that join two parties (Kruskal), or of
    which one end has fewer than `most`."""
    out = np.zeros(len(i), np.bool_)
    parent, count = np.arange(n), np.zeros(n, np.int64)
    for k in range(len(i)):
        a, b = i[k], j[k]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a != b or count[i[k]] < most or count[j[k]] < most:
            out[k] = True
            parent[a] = b
            count[i[k]] += 1
            count[j[k]] += 1
    return out


def _moving(crowd: Crowd) -> list[Link]:
    """Places of a key or two that one client used them from, none of them the keys' home: a proxy's."""
    homes = (crowd.counts <= OWN_KEYS) & ~crowd.at_home & (crowd.client != 0)
    i, j = crowd.pairs((crowd.shared > 0) & np.outer(homes, homes) & (crowd.client[:, None] == crowd.client))
    kept = _needed(i, j, len(homes), STRONGEST)
    pairs = zip(i[kept].tolist(), j[kept].tolist(), strict=True)
    return [Link(0.0, crowd.suspects[a].entity, crowd.suspects[b].entity, _MOVES) for a, b in pairs]


def _filled(crowd: Crowd, links: Sequence[Link]) -> list[Link]:
    """Developers and the origins that serve them and hardly anyone else.

    Origins count together with those that they are linked with. A popular console or a shared NAT has many
    more keys than one suspect's, and a victim's developer no more than its own: neither is joined.
    """
    suspects = crowd.suspects
    place = {s.entity: i for i, s in enumerate(suspects)}
    groups = components([s.entity for s in suspects if s.kind == "origin"], links)
    developers = [i for i, s in enumerate(suspects) if s.kind == "developer" and not s.own]
    sizes = np.array([len(crowd.hashes[d]) for d in developers])
    out: list[Link] = []
    for group in groups:
        origins = [place[name] for name in group]
        most = crowd.shared[np.ix_(developers, origins)].sum(axis=1)  # a key may be shared with several
        near = [d for d, enough in zip(developers, most >= FILLED * sizes, strict=True) if enough]
        if near:
            out += _filled_by(crowd, near, origins)
    return out


def _filled_by(crowd: Crowd, developers: Sequence[int], origins: Sequence[int]) -> list[Link]:
    """As `_filled`, of some developers and one group of linked origins: their places in the crowd."""
    suspects, hashes = crowd.suspects, crowd.hashes
    served = _union([hashes[o] for o in origins])
    behind = _behind(crowd, developers, origins, served)
    where = f"{len(origins)} linked origins" if len(origins) > 1 else "the origin"
    there = f"{_part(served, [hashes[d] for d in behind]):.0%} of the keys there are such developers'"
    out = []
    for d in behind:
        o = max(origins, key=lambda o: (crowd.shared[d, o], suspects[o].entity))
        theirs = f"{_part(hashes[d], [served]):.0%} of the developer's {suspects[d].key_count:,} keys"
        a, b = sorted((suspects[d].entity, suspects[o].entity))
        out.append(Link(0.0, a, b, f"{theirs} are used from {where}; {there}"))
    return out


def _behind(crowd: Crowd, developers: Sequence[int], origins: Sequence[int], served: Any) -> list[int]:
    """Of some developers, those who stand behind origins at which the keys `served` are used."""
    suspects, hashes = crowd.suspects, crowd.hashes
    least = {d: WHOLLY if suspects[d].bystander else FILLED for d in developers}
    residents = [d for d in developers if _part(hashes[d], [served]) >= least[d]]
    compared = [d for d in residents if not suspects[d].bystander]
    over = len(residents) > 1 and any(suspects[o].over and suspects[o].at_home for o in origins)
    theirs = _part(served, [hashes[d] for d in compared]) >= FILLED
    filled = over and _part(served, [hashes[d] for d in residents]) >= WHOLLY
    if not (theirs or filled):
        return []
    return residents if over else compared


def _part(keys: Any, others: Sequence[Any]) -> float:
    """Part of the keys that are among all the others."""
    return _shared(keys, _union(others)) / len(keys)


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
        if one is other:
            continue
        if apart and any((min(x, y), max(x, y)) in apart for x in one for y in other):
            continue
        one += other
        for name in other:
            party[name] = one
    return [sorted(members) for members in {id(members): members for members in party.values()}.values()]
