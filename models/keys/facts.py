"""What is remembered of each key that an entity uses: facts for models.keys.owner. Reads the state only."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from models.dtypes import F64, I64, U64, Bools
from models.minutes import DAY_MINUTES
from models.windows.columns import KEY, OTHER, WEEK_DAYS
from models.windows.meetings import KEY_SIGNS, packed_days, packed_orders
from models.windows.members import notes_after, pair_count
from models.windows.state import State
from models.wire.sightings import ORIGIN

#: A sign holds on the UTC day on which it showed, and for so many days in all.
SIGN_DAYS = WEEK_DAYS
#: A key is idle in a place where fewer than 1 in so many orders read with it were acted on.
IDLE_ONE_IN = 20


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """Facts about n keys of one entity; signs are of today and six UTC days before.

    keys       uint64[n]   hashes
    elsewhere  bool[n]     used here while it was used from another client on another network within a day
    foreign    bool[n]     and this place came after the established one
    dug        bool[n]     orders were read with it here that nobody had touched, or that were long done,
                           at a seller whose orders another party or place handles
    roaming    bool[n]     a caller here only reads with it, from ever other networks; others work with it
    taken      float64[n]  orders read with it here, as long as it is remembered (8 silent days)
    needed     float64[n]  orders acted on (without order ids: identifying calls, deeds)
    company    float64[n]  other keys here that are used elsewhere, and are foreign, roaming or idle here; at
                           most the other developers here (0 for a developer: all its keys may move with it)
    """

    keys: U64
    elsewhere: Bools
    foreign: Bools
    dug: Bools
    roaming: Bools
    taken: F64
    needed: F64
    company: F64

    def __len__(self) -> int:
        return len(self.keys)

    def of(self, wanted: npt.NDArray[Any]) -> KeyFacts:
        """Those of some keys: places or bool[n]."""
        return KeyFacts(*(getattr(self, field.name)[wanted] for field in fields(self)))


@njit(cache=True)
def _walk(t: Any, e: Any, minute: Any, today: Any, log: Any, keys: Any, days: Any, orders: Any) -> Any:
    """Fill in the keys met since `today` less SIGN_DAYS, as of `minute`; (how many, how many others met)."""
    later = notes_after(t, e, minute, log)
    found = others = 0
    p = np.int64(t.entities.rows[e].members)
    while p >= 0:
        pair = t.pairs.rows[p]
        i = later[p] if p in later else -1  # noqa: SIM401 (compiled)
        day = log[i, 3] if i >= 0 else np.int64(pair.day[0])
        if day - 1 > today - SIGN_DAYS:
            if pair.kind == KEY and found < len(keys):
                keys[found] = pair.member
                days[found] = log[i, 4] if i >= 0 else packed_days(pair)
                orders[found] = log[i, 5] if i >= 0 else packed_orders(pair)
                found += 1
            others += pair.kind == OTHER
        p = np.int64(pair.next)
    return found, others


def key_facts(state: State, e: int, minute: int, log: I64) -> KeyFacts:
    """Facts about each key that entity row e met in the week up to `minute`, in the order of their hashes.

    log  int64[., LOG_COLUMNS]: meetings of the minutes closed together, to look back within them
    """
    t, today = state.tables, minute // DAY_MINUTES
    room = pair_count(t, e)
    keys, days, orders = np.zeros(room, np.uint64), np.zeros(room, np.int64), np.zeros(room, np.int64)
    found, others = _walk(t, e, minute, today, log, keys, days, orders)
    order = np.argsort(keys[:found])
    keys, days, orders = keys[order], days[order], orders[order]
    last = (days[:, None] >> 16 * np.arange(len(KEY_SIGNS))) & 0xFFFF
    elsewhere, foreign, dug, roaming = (last - 1 > today - SIGN_DAYS).T
    taken, needed = (orders >> 32).astype(np.float64), (orders & 0xFFFFFFFF).astype(np.float64)
    company = np.zeros(found)
    if t.entities.rows["kind"][e] == ORIGIN:
        away = foreign | roaming | (elsewhere & (taken > IDLE_ONE_IN * needed))
        company = np.clip(np.sum(away) - away, 0, max(others - 1, 0)).astype(np.float64)
    return KeyFacts(keys, elsewhere, foreign, dug, roaming, taken, needed, company)
