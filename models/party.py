"""Suspects -> links between those that one party stands behind, with chance and sentence of each. Pure.

Two suspects are compared by what independent parties would share by chance (models.likeness). Each pair is
one test, by weighted Bonferroni over its kinds of evidence, with Benjamini-Hochberg over all pairs:
FALSE_LINKS of the links that are found are expected to be false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.likeness import MOST_CHANCE, Common, Keys, evidence
from models.links import OWN_KEYS, Suspect
from models.significance import discoveries

#: False discovery rate of links.
FALSE_LINKS = 0.01
#: A developer stands behind origins that serve at least this part of its keys and hardly anyone else.
FILLED = 0.5

_MOVES = "one TLS fingerprint uses the same key from both, and neither is the key's home"


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """Two entities (kind:id, a < b) that belong together; chance: that of so much in common by accident."""

    chance: float
    a: str
    b: str
    text: str


def find(suspects: Sequence[Suspect], common: Common, *, timed: bool = True) -> list[Link]:
    """Every link that the evidence carries; the suspects in any order, the links in order of chance.

    timed  by times too: most of the work
    """
    suspects = sorted(suspects, key=lambda s: s.entity)
    if len(suspects) < 2:
        return []
    shared = Keys(suspects)
    found: dict[tuple[int, int], list[tuple[float, str]]] = {}
    for pair, p, text in evidence(suspects, shared, common, timed=timed):
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


def _moving(suspects: Sequence[Suspect], keys: Keys) -> list[Link]:
    """Places of a key or two that one client used them from, none of them the keys' home: a proxy's."""
    homes = np.array([s.key_count <= OWN_KEYS and not s.at_home and s.client != 0 for s in suspects], bool)
    out = []
    for i, j in np.argwhere(np.triu(keys.shared, 1) * np.outer(homes, homes)).tolist():
        if suspects[i].client == suspects[j].client:
            out.append(Link(0.0, suspects[i].entity, suspects[j].entity, _MOVES))
    return out


def _filled(suspects: Sequence[Suspect], keys: Keys, links: Sequence[Link]) -> list[Link]:
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
