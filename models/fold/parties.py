"""What a call makes of its developer, and of its origin, at the seller. Compiled; touches its arguments."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from models.compiled import inner
from models.fold.facts import Call, enter_pace, others_handle
from models.fold.keys import ELSEWHERE
from models.fold.pace import since_of
from models.fold.pairs import Visit, add_pair, pair_of
from models.fold.rows import O_TAKEN
from models.minutes import DAY_MINUTES
from models.operations import REPORT
from models.wire.sightings import DEVELOPER, ORIGIN


class Party(NamedTuple):
    """What a call's developer is to the seller."""

    idle: bool  # it does not handle the seller's orders
    shadow: bool  # another developer does, it only reads, and took enough to say so
    visit: Visit  # what this call of it is


#: Of a call without a developer.
NOBODY = Party(idle=True, shadow=False, visit=Visit(new=False, handled=False, lone=False, plenty=False))


@inner
def _lone(pair: Any, s: Any, call: Call, lim: Any) -> bool:
    """A report that none came before of late: bookkeeping; who pools comes back.

    While a seller is new in the log, a first batch of them: what goes round once a day was not seen yet.
    """
    if call.kind != REPORT:
        return False
    if pair.since == 0 or call.now - pair.last > lim.lone_minutes:
        return True
    return call.now - s.first < lim.known_minutes and call.now - pair.since < lim.batch_minutes


@inner
def _settled(pair: Any, s: Any, now: int, lim: Any) -> bool:
    """It came with the log, or a day ago at least: what it takes now is what the seller gets."""
    return pair.since - s.first < lim.log_minutes or now - pair.since >= lim.settle_minutes


@inner
def of_developer(mem: Any, s: Any, r: Any, call: Call, counts: Any, handles: bool, lim: Any) -> Party:
    """Account for a call of a developer at seller `s`, in row `r`; counts: its orders, as rows has them.

    handles  its calls show that one who acts for the seller is at work
    """
    pair = mem.pairs.rows[pair_of(mem.pairs, s.key, call.developer, DEVELOPER)]
    since = since_of(pair, call.now)
    new = pair.reads == 0 and since - s.first >= lim.known_minutes
    handled = call.reads and others_handle(s, call, since, lim) & 1 == 1
    visit = Visit(new, handled, lone=_lone(pair, s, call, lim), plenty=False)
    taken = counts[O_TAKEN]
    if call.blanket and pair.deed == 0:  # a first feed names no orders: it is for those read before, a day's
        taken = np.int64(pair.taken) * DAY_MINUTES // max(call.now - since, DAY_MINUTES)
    idle = add_pair(pair, r, s, counts, call, visit, lim)
    if taken > 0 and handles and not idle and _settled(pair, s, call.now, lim):
        enter_pace(s, taken, 0, call.now)
    return Party(idle, handled and idle and pair.taken >= lim.shadow_orders, visit)


@inner
def of_origin(mem: Any, s: Any, r: Any, call: Call, counts: Any, used: int, party: Party, lim: Any) -> None:
    """As `of_developer`, of the origin, whose developer is `party` to the seller. used: of `use_key`.

    A further address of a tool is not another party: its developer, or its client, must be.
    """
    pair = mem.pairs.rows[pair_of(mem.pairs, s.key, call.origin, ORIGIN)]
    since = since_of(pair, call.now)
    new = party.visit.new or (used & ELSEWHERE != 0 and since - s.first >= lim.known_minutes)
    handled = party.visit.handled and party.idle
    if call.reads and others_handle(s, call, since, lim) & 2 == 2:
        handled = True
    visit = Visit(new, handled, party.visit.lone, plenty=party.shadow)
    add_pair(pair, r, s, counts, call, visit, lim)
