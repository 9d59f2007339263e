"""How many orders a seller gets, and so which of those that a pair reads are old. Compiled; touches pairs."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any

import numpy as np

from models.compiled import inner
from models.fold.rows import MOST, plus
from models.minutes import DAY_MINUTES


@inner
def since_of(p: Any, now: int) -> int:
    """Minute in which the pair's entity came to the seller: of its first identifying read."""
    return now if p.since == 0 else p.since


@inner
def _newcomer(p: Any, s: Any, now: int, lim: Any) -> bool:
    """The pair's entity came to seller `s` after the log began: who came with it most likely works there."""
    return since_of(p, now) - s.first >= lim.early_minutes


@inner
def _got(s: Any, now: int, lim: Any) -> int:
    """Orders a day that seller `s` gets: its handlers' or its parcels, whichever are more.

    Of the day that is seen most of; while the seller's first day runs, as if it went on like that.
    """
    most = np.int64(max(s.pace, s.pace_before, s.sent_today, s.sent_before))
    return most * DAY_MINUTES // min(max(now - s.first, lim.seen_minutes), DAY_MINUTES)


@inner
def _allowed(p: Any, s: Any, now: int, lim: Any) -> int:
    """Untouched orders a day that pair `p` may read as new ones: so many as seller `s` gets.

    As many as its handlers take, which is less than it gets where somebody else sends the parcels: those who
    came with the log are allowed more.
    """
    if _newcomer(p, s, now, lim):
        return np.int64(max(s.pace, s.pace_before)) * lim.pace_newcomer
    return _got(s, now, lim) * lim.pace_settled


@inner
def beyond(p: Any, s: Any, old: int, now: int, lim: Any) -> int:
    """Of orders that look old, those beyond what seller `s` gets: who reads first finds new ones untouched.

    A token bucket that fills at the pace that is allowed, and holds a day's orders."""
    pace = _allowed(p, s, now, lim)
    full = min(pace * DAY_MINUTES, MOST)
    p.spare = full if p.since == 0 else min(full, p.spare + pace * (now - p.last))
    new = min(np.int64(old), p.spare // DAY_MINUTES)
    p.spare -= new * DAY_MINUTES
    return old - new


@inner
def known(p: Any, s: Any, now: int, lim: Any) -> bool:
    """Enough was seen of seller `s` to call orders old: where pair `p` came with the log, hours of parcels.

    A log may begin on a Sunday, and what is ordered until Monday's parcels is nobody's past.
    """
    if now - s.first < lim.seen_minutes:
        return False
    return _newcomer(p, s, now, lim) or (s.opened != 0 and now - s.opened >= lim.opened_minutes)


@inner
def weigh(p: Any, s: Any, now: int, lim: Any) -> None:
    """Of what pair `p` read before enough of seller `s` was known, hold what is beyond its recent past.

    Weighed while the seller's first day runs, by the pace so far, and settled when it is over.
    """
    if p.unweighed == 0 or not known(p, s, now, lim):
        return
    old = max(0, p.unweighed - max(1, _got(s, now, lim)) * lim.recent_days)
    p.held = plus(p.held, old)
    p.unweighed = p.unweighed - old if now - s.first < lim.known_minutes else 0
