"""What a call makes of its developer, and of its origin, at the seller. Compiled; touches its arguments."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any, NamedTuple

from models.compiled import inner
from models.fold_facts import Call, enter_pace, others_handle
from models.fold_pairs import AWAY, add_away, add_pair, pair_of, since_of
from models.fold_rows import O_TAKEN
from models.operations import REPORT
from models.sightings import DEVELOPER, ORIGIN


class Party(NamedTuple):
    """What a call's developer is to the seller."""

    idle: bool  # it does not handle the seller's orders
    new: bool  # this is its first read, of a seller that was known for a day before
    shadowed: bool  # another developer handles them
    lone: bool  # this is a report that none came before of late
    plenty: bool  # it only reads, and took enough to be called a shadow


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
    """Account for a call of a developer at seller `s`, in row `r`; counts: its orders, as fold_rows has them.

    handles  its calls show that one who acts for the seller is at work
    """
    pair = mem.pairs.rows[pair_of(mem.pairs, s.key, call.developer, DEVELOPER)]
    since = since_of(pair, call.now)
    new = pair.reads == 0 and since - s.first >= lim.known_minutes
    shadowed = call.reads and others_handle(s, call, since, lim) & 1 == 1
    lone = _lone(pair, s, call, lim)
    idle = add_pair(pair, r, s, counts, call, new, shadowed, lone, False, lim)
    if call.reads and handles and not idle and _settled(pair, s, call.now, lim):
        enter_pace(s, counts[O_TAKEN], call.now)
    return Party(idle, new, shadowed, lone, shadowed and idle and pair.taken >= lim.shadow_orders)


@inner
def of_origin(mem: Any, s: Any, r: Any, call: Call, counts: Any, used: int, party: Party, lim: Any) -> None:
    """As `of_developer`, of the origin, whose developer is `party` to the seller. used: of `use_key`.

    A further address of a tool is not another party: its developer, or its client, must be.
    """
    pair = mem.pairs.rows[pair_of(mem.pairs, s.key, call.origin, ORIGIN)]
    since = since_of(pair, call.now)
    new = party.new or (used & 1 == 1 and since - s.first >= lim.known_minutes)
    others = party.shadowed and party.idle
    if call.reads and others_handle(s, call, since, lim) & 2 == 2:
        others = True
    idle = add_pair(pair, r, s, counts, call, new, others, party.lone, party.plenty, lim)
    if call.reads and idle and used & 2 == 2:
        away = mem.pairs.rows[pair_of(mem.pairs, s.key, s.key, AWAY)]
        if others_handle(s, call, since_of(away, call.now), lim) & 2 == 2:
            others = True
        add_away(away, pair, r, s, counts, others, call.now, lim)
