"""A party's members -> what speaks against all of them together, and their score. Pure."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence

import numpy as np

from models.scoring.judge import score_over
from models.wire.links import Suspect

#: Evidence from which on a party is over the line though none of its members is. Several developers that each
#: read what nobody works on are hardly ever anything else; addresses may be many for one key.
TOGETHER = {"developer": 0.5, "origin": 0.8}


def together(members: Iterable[Suspect]) -> float:
    """Evidence 0..1 against all members: by noisy-or, as judge joins that of several thresholds.

    What is seen of the same keys from two sides counts once: from the strongest member down, each adds the
    part of its evidence that keys not seen before are of its keys.
    """
    seen = np.zeros(0, np.uint64)
    doubt = 1.0
    for member in sorted(members, key=lambda m: (-m.evidence, m.entity)):
        keys = member.key_hashes
        new = 1.0 - np.isin(keys, seen).mean() if len(keys) else 1.0
        doubt *= math.pow(1.0 - member.evidence, new)
        seen = np.union1d(seen, keys)
    return 1.0 - doubt


def judged_together(party: Iterable[Suspect], over: Container[str]) -> tuple[list[Suspect], float]:
    """Members of a party that are judged by what speaks against all of them, and their score.

    None where there are no two, or neither one of them is among `over` (over a line within a week) nor all
    together are. What may be a seller's own may be a victim's.
    """
    members = [m for m in party if not m.own]
    developers = [m for m in members if m.kind == "developer"]
    alike = developers or members
    if len(alike) < 2:
        return [], 0.0
    heard = alike + _homes(members, developers, over)
    evidence = together(heard)
    if evidence < TOGETHER[alike[0].kind] and not any(m.entity in over for m in heard):
        return [], 0.0
    hinted = max(m.hints for m in heard)
    return alike, float(score_over(evidence, hinted))


def _homes(members: Sequence[Suspect], developers: Sequence[Suspect], over: Container[str]) -> list[Suspect]:
    """Origins over a line that are the home of several of the developers.

    Of any other origin nothing is heard: it tells the same calls from the other side, or is a thief's.
    """

    def serves(place: Suspect) -> int:
        return sum(bool(np.isin(d.key_hashes, place.key_hashes).any()) for d in developers)

    places = [m for m in members if m.kind == "origin" and m.at_home and m.entity in over]
    return [place for place in places if serves(place) > 1]
