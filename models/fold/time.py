"""What one partition is told again, and whose clock is believed. Compiled; touches its arguments only."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any

from models.compiled import inner
from models.fold.layout import C_HIGHEST, C_PENDING, C_SEEN_FORGOTTEN, C_SEEN_HEAD, C_SEEN_TAIL
from models.memory.pool import COUNT
from models.memory.tables import append, drop_first, find, take


@inner
def vote(mem: Any, time: int, lim: Any) -> None:
    """A record speaks for those pending whose time it reaches, against the rest (an hour's slack)."""
    for h in range(mem.clock[C_PENDING]):
        if time < mem.pending_time[h] - lim.ahead_ms:
            mem.pending_against[h] += 1
        else:
            mem.pending_support[h] += 1


@inner
def decided(mem: Any, lim: Any) -> bool:
    """Whether a pending record has its verdict: enough for it, enough against, or time came up to it."""
    need = lim.jump_records if mem.clock[C_HIGHEST] >= 0 else lim.start_records
    for h in range(mem.clock[C_PENDING]):
        if mem.pending_support[h] >= need or mem.pending_against[h] >= lim.against_records:
            return True
        if mem.clock[C_HIGHEST] >= 0 and mem.pending_time[h] <= mem.clock[C_HIGHEST] + lim.ahead_ms:
            return True
    return False


@inner
def is_duplicate(mem: Any, event: Any) -> bool:
    """The event id was accepted within the horizon, or waits to be believed."""
    if find(mem.seen.keys, mem.seen.slots, event) >= 0:
        return True
    for h in range(mem.clock[C_PENDING]):  # noqa: SIM110 (compiled)
        if mem.pending_event[h] == event:
            return True
    return False


@inner
def remember_seen(mem: Any, event: Any, lim: Any) -> None:
    """Enter an event id, stamped with the stream's time, so that ids leave in the order they came."""
    clock, seen = mem.clock, mem.seen
    while (
        clock[C_SEEN_HEAD] >= 0 and seen.rows[clock[C_SEEN_HEAD]].stamp < clock[C_HIGHEST] - lim.duplicate_ms
    ):
        drop_first(seen, clock, C_SEEN_HEAD, C_SEEN_TAIL)
    if seen.meta[COUNT] >= lim.duplicates_most:
        drop_first(seen, clock, C_SEEN_HEAD, C_SEEN_TAIL)
        clock[C_SEEN_FORGOTTEN] += 1
    row = take(seen, event)
    seen.rows[row].stamp = clock[C_HIGHEST]
    append(seen, row, clock, C_SEEN_HEAD, C_SEEN_TAIL)
