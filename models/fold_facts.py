"""Facts about one order, key or seller, from what is remembered of it. Compiled; touches its arguments."""

# Types in compiled code are numba's to infer; mypy sees Any.
# mypy: disable-error-code="no-any-return, arg-type, return-value, assignment"

from __future__ import annotations

from typing import Any

import numpy as np

from models.compiled import inner
from models.hashing import mix
from models.tables import PAGE_SHIFT, find, take

# Bits that `read_order` returns, for the developer; shifted by 3 for the origin.
AGAIN, HANDLED, FOLLOWED = 1, 2, 4
_LOW = np.uint64(0xFFFFFFFF)


@inner
def tag(h: Any) -> Any:
    """Low half of a hash: enough to tell a handful of parties apart."""
    return np.uint32(h & _LOW)


@inner
def differ(a: Any, b: Any) -> bool:
    """Two clients or networks are known, and not the same; what is absent (0) differs from nothing."""
    return a != 0 and b != 0 and a != b


@inner
def read_order(o: Any, developer: Any, origin: Any, client: Any) -> int:
    """Enter a reader of order `o`; returns the bits above.

    For an origin, somebody else is another developer, or the same one on another client: a tool may stand at
    several addresses, and what one of them read the others have read too.
    """
    # Plainly: again = read by me before; else handled = acted on by somebody else;
    # else followed = read by somebody else and not acted on.
    dev, org, cli = tag(developer), tag(origin), tag(client)
    seen, other, org_seen, org_other, place, needed = False, False, False, False, -1, 0
    for r in range(o.readers):
        same = o.readers_developer[r] == dev
        if same:
            seen = True
            needed |= (o.needed >> r) & 1
        else:
            other = True
        if o.readers_origin[r] == org or (same and not differ(o.readers_client[r], cli)):
            org_seen = True
            needed |= ((o.needed >> (8 + r)) & 1) << 8
        else:
            org_other = True
        if same and o.readers_origin[r] == org:
            place = r
    bits = 0
    if seen:
        bits |= AGAIN
    elif o.acted != 0:
        bits |= HANDLED if o.actor_developer != dev else 0
    elif other:
        bits |= FOLLOWED
    if org_seen:
        bits |= AGAIN << 3
    elif o.acted != 0:
        bits |= HANDLED << 3 if o.actor_developer != dev or differ(o.actor_client, cli) else 0
    elif org_other:
        bits |= FOLLOWED << 3
    if place < 0:
        place = min(np.int64(o.readers), 2)  # a fourth reader takes the third's place
        o.readers = place + 1
        o.readers_developer[place] = dev
        o.readers_origin[place] = org
        o.readers_client[place] = cli
        o.needed = (np.int64(o.needed) & ~(0x101 << place)) | (needed << place)
        if place == 0:
            o.developer = developer
            o.origin = origin
    return bits


@inner
def act_on_order(o: Any, developer: Any, origin: Any, client: Any, now: int) -> int:
    """Enter a deed; returns bits: 1 the developer had taken the order and acts first now, 2 the origin had, 4
    it is the first deed of all: who ships first handles the seller's orders, invoices and letters follow.

    An origin acts on what its developer took on the same client too: tools read here and ship there.
    """
    dev, org, cli = tag(developer), tag(origin), tag(client)
    taken, org_taken, before, org_before = 0, 0, 0, 0
    for r in range(o.readers):
        same = o.readers_developer[r] == dev
        if same:
            taken |= 1 << r
            before |= o.needed & (1 << r)
        if o.readers_origin[r] == org or (same and not differ(o.readers_client[r], cli)):
            org_taken |= 0x100 << r
            org_before |= o.needed & (0x100 << r)
    o.needed = np.int64(o.needed) | taken | org_taken
    first = 4 if o.acted == 0 else 0
    if first:
        o.acted = now
        o.actor_developer = dev
        o.actor_client = cli
    return (1 if taken and not before else 0) | (2 if org_taken and not org_before else 0) | first


@inner
def alone(o: Any) -> bool:
    """One developer read the order, and nobody acted on it."""
    if o.acted != 0 or o.readers == 0:
        return False
    for r in range(1, o.readers):  # noqa: SIM110 (compiled)
        if o.readers_developer[r] != o.readers_developer[0]:
            return False
    return True


@inner
def use_key(table: Any, key: Any, client: Any, network: Any, now: int, lim: Any) -> int:
    """Enter a use of `key`; returns 1 if it was used elsewhere of late, 3 if this place is foreign to it too.

    elsewhere  another client on another network used it within lim.elsewhere_minutes
    foreign    and this place came more than a day after the key, while a place that the key had from its
               first day was active within lim.established_minutes
    """
    row = find(table.keys, table.slots, key)
    if row < 0:
        row = take(table, key)
        table.rows[row].first = now
        table.rows[row].places = 0
    k = table.rows[row]
    table.dirty[row >> PAGE_SHIFT] = 1
    k.last = now
    cli, net = tag(client), tag(network)
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
    k.until[here] = now
    foreign = elsewhere and owner and k.since[here] - k.first > lim.known_minutes
    return (1 if elsewhere else 0) | (2 if foreign else 0)


@inner
def _place_for(k: Any, lim: Any) -> int:
    """A free place of key `k`, else the longest silent one, those of its first day last."""
    if k.places < 4:
        k.places += 1
        return k.places - 1
    best, best_rank = 0, np.int64(2**62)
    for p in range(4):
        established = k.since[p] - k.first <= lim.known_minutes
        rank = np.int64(k.until[p]) + (np.int64(2**40) if established else 0)
        if rank < best_rank:
            best, best_rank = p, rank
    return best


@inner
def enter_deed(s: Any, developer: Any, client: Any, network: Any, now: int) -> None:
    """Remember who acted for seller `s` last: three parties, by developer and client."""
    dev, cli = tag(developer), tag(client)
    at = 0
    for p in range(3):
        if s.deed[p] != 0 and s.deed_developer[p] == dev and s.deed_client[p] == cli:
            at = p
            break
        if s.deed[p] < s.deed[at]:
            at = p
    s.deed_developer[at] = dev
    s.deed_client[at] = cli
    s.deed_network[at] = tag(network)
    s.deed[at] = now


@inner
def others_handle(s: Any, developer: Any, client: Any, network: Any, now: int, minutes: int) -> int:
    """Bits: 1 another developer acted for seller `s` within `minutes`; 2 the same one did, on another client
    and network."""
    found = 0
    for p in range(3):
        if s.deed[p] != 0 and now - s.deed[p] <= minutes:
            if s.deed_developer[p] != tag(developer):
                found |= 1
            elif differ(s.deed_client[p], tag(client)) and differ(s.deed_network[p], tag(network)):
                found |= 2
    return found


@inner
def idle(p: Any, now: int, lim: Any) -> bool:
    """Pair `p` does not handle the seller's orders: no deed of late, or few for the orders it took."""
    if p.deed == 0 or now - p.deed > lim.deed_minutes:
        return True
    if p.blanket != 0 and now - p.blanket <= lim.deed_minutes:
        return False
    fresh = np.int64(p.taken) - p.dug  # a migration digs up years, and works on what is new
    return fresh >= lim.shadow_orders and np.int64(p.needed) * lim.deed_share < fresh


@inner
def enter_write(s: Any, hour: int, deed: bool) -> None:
    """Count a write in the seller's hours. Halved at 2**16, so that new habits are learnt."""
    s.writes[hour] += 1
    s.writes_all += 1
    if s.writes_all >= 65_536:
        s.writes_all = 0
        for h in range(24):
            s.writes[h] //= 2
            s.writes_all += s.writes[h]
    if deed:
        s.deeds[hour] += 1
        s.deeds_all += 1
        if s.deeds_all >= 65_536:
            s.deeds_all = 0
            for h in range(24):
                s.deeds[h] //= 2
                s.deeds_all += s.deeds[h]


@inner
def asleep(s: Any, hour: int, lim: Any) -> bool:
    """The seller's side hardly ever acts in this UTC hour: by its deeds, else by all its writes."""
    if s.deeds_all >= lim.asleep_least:
        return s.deeds[hour] * lim.asleep_share < s.deeds_all
    if s.writes_all >= lim.asleep_least:
        return s.writes[hour] * lim.asleep_share < s.writes_all
    return False


@inner
def pair_key(seller: Any, entity: Any, kind: int) -> Any:
    """Key of the pair (seller, entity)."""
    return mix(mix(seller, entity), np.uint64(kind + 1))


@inner
def pair_of(table: Any, seller: Any, entity: Any, kind: int) -> int:
    """Row of the pair (seller, entity); a new one counts from zero."""
    key = pair_key(seller, entity, kind)
    row = find(table.keys, table.slots, key)
    if row < 0:
        row = take(table, key)
        p = table.rows[row]
        p.deed = 0
        p.blanket = 0
        p.dug = 0
        p.reads = 0
        p.taken = 0
        p.needed = 0
    table.dirty[row >> PAGE_SHIFT] = 1
    return row
