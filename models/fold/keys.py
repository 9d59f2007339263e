"""Facts about one key: where it is used, by whom, and who only reads with it. Compiled; touches arguments."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any

import numpy as np

from models.compiled import inner
from models.fold.facts import Call, differ, tag
from models.fold.layout import KEY_PLACES, KEY_WRITERS
from models.fold.rows import plus, row_of
from models.memory.tables import PAGE_SHIFT, find, take
from models.operations import WRITE
from models.wire.sightings import ORIGIN

#: Bits that `use_key` returns.
ELSEWHERE, FOREIGN, ROAMING = 1, 2, 4


@inner
def use_key(table: Any, key: Any, call: Call, lim: Any) -> int:
    """Enter a use of `key`; what it is, in bits.

    elsewhere  another client on another network used it within lim.elsewhere_minutes
    foreign    and this place came more than a day after the key, while a place that the key had from its
               first day was active within lim.established_minutes
    roaming    an identifying read, as `_roams`: to be told by `tell_roaming`
    """
    row = find(table.keys, table.slots, key)
    if row < 0:
        row = take(table, key)
        table.rows[row].first = call.now
        table.rows[row].places = 0
        for w in range(KEY_WRITERS):
            table.rows[row].writers[w] = 0
        table.rows[row].roamed = 0
    k = table.rows[row]
    table.dirty[row >> PAGE_SHIFT] = 1
    now = call.now
    k.last = now
    cli, net = tag(call.client), tag(call.network)
    here, elsewhere, owner = -1, False, False
    for p in range(k.places):
        if k.client[p] == cli and k.network[p] == net:
            here = p
        elif differ(k.client[p], cli) and differ(k.network[p], net):
            if now - k.until[p] <= lim.elsewhere_minutes:
                elsewhere = True
            if k.since[p] - k.first <= lim.known_minutes and now - k.until[p] <= lim.established_minutes:
                owner = True
    if here < 0:
        here = _place_for(k, lim)
        k.client[here] = cli
        k.network[here] = net
        k.since[here] = now
        k.read[here] = 0
        k.wrote[here] = 0
    k.until[here] = now
    k.origin[here] = call.origin  # the newest of the network's
    if call.good and call.kind == WRITE:
        k.wrote[here] = now
        _remember_writer(k, cli)
    elif call.good:
        k.read[here] = now
    foreign = elsewhere and owner and k.since[here] - k.first > lim.known_minutes
    roaming = call.reads and elsewhere and _roams(k, cli, now, lim)
    return (ELSEWHERE if elsewhere else 0) | (FOREIGN if foreign else 0) | (ROAMING if roaming else 0)


@inner
def _roams(k: Any, client: Any, now: int, lim: Any) -> bool:
    """A client only reads with key `k`, from several networks in two days, while others go on to use it.

    Networks that change all the time hide who calls; and the owner, who works with the key, needs no second
    client that only reads. Where the others only read too, one network more is asked for. Others who only
    read from ever other networks themselves prove nothing: so do the parts of a script in a cloud.
    """
    places = _networks(k, client, now, lim)
    if places < lim.roam_places or _writes(k, client):
        return False
    came, read, wrote = now, 0, 0
    for p in range(k.places):
        other = k.client[p]
        if other == client:
            came = min(came, k.since[p])
        elif differ(other, client) and (_writes(k, other) or _networks(k, other, now, lim) < lim.roam_places):
            read, wrote = max(read, k.read[p]), max(wrote, k.wrote[p])
    if read <= came:
        return False
    return places > lim.roam_places or (wrote > came and now - wrote <= lim.handled_minutes)


@inner
def _networks(k: Any, client: Any, now: int, lim: Any) -> int:
    """Networks from which a client used key `k` in two days."""
    count = 0
    for p in range(k.places):
        count += k.client[p] == client and now - k.until[p] <= lim.roam_minutes
    return count


@inner
def _writes(k: Any, client: Any) -> bool:
    """Whether it is among the last clients that wrote with key `k`, from whatever place."""
    found = False
    for w in range(KEY_WRITERS):
        found |= k.writers[w] == client
    return found


@inner
def _remember_writer(k: Any, client: Any) -> None:
    """Put it first; the last one is forgotten for it."""
    before = client
    for w in range(KEY_WRITERS):
        before, k.writers[w] = k.writers[w], before
        if before == client:
            return


@inner
def tell_roaming(mem: Any, totals: Any, seller: Any, key: Any, call: Call, minute: int, lim: Any) -> None:
    """Tell a call that roams; once a day, and from each further network, the client's other places too."""
    k = mem.keys.rows[find(mem.keys.keys, mem.keys.slots, key)]
    every = call.now - k.roamed > lim.elsewhere_minutes
    for p in range(k.places):
        every |= k.client[p] == tag(call.client) and k.since[p] == call.now
    if every:
        k.roamed = call.now
    for p in range(k.places):
        recent = k.client[p] == tag(call.client) and call.now - k.until[p] <= lim.roam_minutes
        if recent and (every or k.origin[p] == call.origin):
            at = row_of(totals, ORIGIN, k.origin[p], seller, key, call.developer, minute, call.offset)
            totals.rows[at].roaming = plus(totals.rows[at].roaming, 1)


@inner
def _place_for(k: Any, lim: Any) -> int:
    """A free place of key `k`, else the longest silent one, those of its first day last."""
    if k.places < KEY_PLACES:
        k.places += 1
        return k.places - 1
    best, best_rank = 0, np.int64(2**62)
    for p in range(KEY_PLACES):
        established = k.since[p] - k.first <= lim.known_minutes
        rank = np.int64(k.until[p]) + (np.int64(2**40) if established else 0)
        if rank < best_rank:
            best, best_rank = p, rank
    return best
