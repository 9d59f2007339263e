"""How alike two suspects are beyond chance: keys, TLS fingerprint, minutes in which they set in. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.actors.crowd import Crowd, coincidences, series
from models.actors.significance import chance, chances
from models.dtypes import F64, I64
from models.minutes import HOUR_MINUTES
from models.wire.links import Census

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


@dataclass(frozen=True, slots=True)
class Found:
    """Pairs for which one kind of evidence speaks.

    i, j    int64[n]: places of the two suspects, i < j
    chance  float64[n]: of as much in common by accident, corrected for its kind
    text    sentence of the k-th pair
    """

    i: I64
    j: I64
    chance: F64
    text: Callable[[int], str]


class Common:
    """How common keys and clients are in the whole market: the partitions' newest censuses."""

    def __init__(self, censuses: Sequence[Census]) -> None:
        self._censuses = censuses
        self.keys = sum(c.keys for c in censuses)
        self.origins = sum(c.origins for c in censuses)

    def count(self, client: int) -> int:
        """Origins with this TLS fingerprint."""
        return sum(c.count(client) for c in self._censuses)


def evidence(crowd: Crowd, common: Common, *, timed: bool) -> list[Found]:
    """What speaks for a common party, of every pair that something does; a pair may come several times."""
    found = [_by_keys(crowd, common), *_by_client(crowd, common)]
    return [*found, *_by_time(crowd)] if timed else found


def _by_keys(crowd: Crowd, common: Common) -> Found:
    """Origins that the same keys are used from, beyond chance.

    Not another client on another network, not a home of keys with a place to which they are foreign, not two
    homes of a seller's own key: those are the hands of two parties, an owner and a helper, or a thief.
    """
    mine = crowd.origin & ~crowd.own & (common.keys > 0)
    i, j = crowd.pairs((crowd.shared > 0) & np.outer(mine, mine))
    seen = crowd.shared[i, j] / np.minimum(crowd.sampled[i], crowd.sampled[j])
    least = np.minimum(crowd.counts[i], crowd.counts[j])
    alike = (
        (crowd.at_home[i] == crowd.at_home[j]) & ~_elsewhere(crowd, i, j) & (seen >= LEAST_OVERLAP * least)
    )
    i, j, seen, least = i[alike], j[alike], seen[alike], least[alike]
    size = np.array([len(h) for h in crowd.hashes])
    wider = np.maximum(crowd.sampled[i], crowd.sampled[j])
    expected = CROWDING * size[i] * size[j] / (max(common.keys, 1) * wider)

    def text(k: int) -> str:
        told = f"{round(seen[k]):,} of the {least[k]:,} keys used from one are used from the other too"
        return f"{told} ({expected[k]:.2g} expected by chance)"

    return Found(i, j, chances(crowd.shared[i, j].astype(np.float64), expected) / KEYS, text)


def _elsewhere(crowd: Crowd, i: I64, j: I64) -> Any:
    """bool[k]: two origins are another client on another network; what is unknown differs from nothing."""
    differ = np.ones(len(i), bool)
    for part in (crowd.client, crowd.network):
        differ &= (part[i] != 0) & (part[j] != 0) & (part[i] != part[j])
    return differ


def _by_client(crowd: Crowd, common: Common) -> list[Found]:
    """Origins with one TLS fingerprint that few but suspects have: all homes of keys, or all foreign to them.

    Null model: each other hand has this fingerprint with the share that it has among origins at home. Hands
    are counted, for the places of one party have its client a hundred times.
    """
    out = []
    hands = len(np.unique(crowd.hand[crowd.client != 0]))
    for client in np.unique(crowd.client[crowd.client != 0]):
        mine = crowd.client == client
        found = len(np.unique(crowd.hand[mine]))
        at_home = common.count(int(client))
        others = max(at_home - int((mine & crowd.at_home).sum()), 0)  # of those at home, as in the census
        if found < 2 or found < SUSPECT_PART * (found + others) or not common.origins:
            continue
        part = min(max(at_home, 1) / common.origins, 1.0)
        p = part * chance(found - 2, (hands - 2) * part) / CLIENT
        told = f"one TLS fingerprint, of {found:,} hands and {others:,} of {common.origins:,} other origins"
        i, j = crowd.pairs(np.outer(mine, mine) & (crowd.at_home[:, None] == crowd.at_home))
        out.append(Found(i, j, np.full(len(i), p), _saying(told)))
    return out


def _saying(text: str) -> Callable[[int], str]:
    return lambda _: text


def _by_time(crowd: Crowd) -> list[Found]:
    """Suspects that set in together, in turn, or when the other is refused: more often than if each hour's
    minutes were drawn anew, and than with one side moved. Those that share keys tell of the same calls.
    """
    begins, ends, refused = series(crowd.suspects)
    apart = (crowd.shared == 0) & ~np.eye(len(crowd.suspects), dtype=bool)
    out = []
    for leading, sentence in ((begins, _LOCKSTEP), (ends, _TURN), (refused, _HANDOVER)):
        seen = coincidences(leading, begins)
        due = np.einsum("ih,jh->ij", _by_hour(leading), _by_hour(begins)) / HOUR_MINUTES
        worth = apart & (seen >= LEAST_COINCIDENCES) & (seen > due + 1)
        if leading is begins:
            worth = np.triu(worth)
        i, j = np.nonzero(worth)
        likely = chances(seen[i, j].astype(np.float64), due[i, j]) / TIME > MOST_CHANCE
        i, j = i[~likely], j[~likely]
        expected = np.maximum(due[i, j], _moved(leading[i], begins[j]))
        out.append(_set_in(crowd, i, j, seen[i, j].astype(np.float64), expected, sentence))
    return out


def _moved(leading: Any, begins: Any) -> F64:
    """float64[k]: the most coincidences of rows uint8[k, minutes] when one side is moved."""
    by = [(leading & np.roll(begins, m, axis=1)).sum(axis=1) for m in MOVES]
    return np.max(by, axis=0).astype(np.float64) if len(leading) else np.zeros(0)


def _set_in(crowd: Crowd, i: I64, j: I64, seen: F64, expected: F64, sentence: str) -> Found:
    """i leads, j follows."""
    names = [(crowd.suspects[a].entity, crowd.suspects[b].entity) for a, b in zip(i, j, strict=True)]

    def text(k: int) -> str:
        return sentence.format(*names[k], seen=int(seen[k]), expected=expected[k])

    return Found(np.minimum(i, j), np.maximum(i, j), chances(seen, expected) / TIME, text)


def _by_hour(series: Any) -> Any:
    return series.reshape(len(series), -1, HOUR_MINUTES).sum(axis=2)
