"""Rows of one message -> open cells: what grew since the chunk was last told. Touches its tables only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from models.compiled import inner
from models.hashing import mixed
from models.memory.pool import HIGH, take_row
from models.memory.pool import PAGE_SHIFT as POOL_SHIFT
from models.memory.tables import PAGE_SHIFT, find, take
from models.minutes import DAY_MINUTES
from models.windows.columns import BIT, COLUMN, KEY, OTHER, SELLER, WEEK_DAYS
from models.windows.layout import RING
from models.wire.sightings import ROW, SUM_NAMES

#: Word (int32) of each sum in a row; `bytes` is two words.
_WORD = np.array([ROW.fields[name][1] // 4 for name in SUM_NAMES])  # type: ignore[index]
_BYTES = COLUMN["bytes"]
_BYTES_LONG = ROW.fields["bytes"][1] // 8  # type: ignore[index]
_MINUTE = ROW.fields["minute"][1] // 4  # type: ignore[index]
_KIND = ROW.fields["kind"][1] // 4  # type: ignore[index]
_FIRST, _LAST = 4, 5
_SUMS = len(SUM_NAMES)

_THROTTLED = COLUMN["throttled"]
_CALLS = COLUMN["calls"]
_RECORDS = COLUMN["records"]
_PII_CALLS = COLUMN["pii_calls"]
_PII_RECORDS = COLUMN["pii_records"]
_DEEDS = COLUMN["deeds"]
_TAKEN = COLUMN["orders_taken"]
_NEEDED = COLUMN["orders_needed"]
_AGAIN = COLUMN["orders_again"]
_OLD = COLUMN["orders_old"]
_STALE = COLUMN["orders_stale"]
_ALONE = COLUMN["orders_alone"]
_SHADOW = COLUMN["shadow_calls"]
_NEWCOMER = COLUMN["newcomer"]
_ELSEWHERE = COLUMN["elsewhere"]
_FOREIGN = COLUMN["foreign"]
_ROAMING = COLUMN["roaming"]
PII, SHADOW, NEW, DUG = BIT["sellers_pii"], BIT["sellers_shadow"], BIT["sellers_new"], BIT["sellers_dug"]
DEED, ALONE = BIT["sellers_deed"], BIT["sellers_alone"]
ELSEWHERE, FOREIGN, THROTTLED = BIT["keys_elsewhere"], BIT["keys_foreign"], BIT["keys_throttled"]
ROAMING = BIT["keys_roaming"]
PLAIN = BIT["sellers"] | BIT["keys"] | BIT["others"]

#: Counters that `enter` raises: rows that came after their minute's close, and quantities that tell which
#: optional fields the events carry.
COUNTERS = ("late", "records", "bytes", "pii", "orders")
LATE, RECORDS, BYTES, ANY_PII, ORDERS = range(len(COUNTERS))


@inner
def entity_of(t: Any, kind: Any, name: Any) -> Any:
    """The entity's row, new or known."""
    key = mixed(name, np.uint64(kind + 1))
    e = find(t.entities.keys, t.entities.slots, key)
    if e >= 0:
        return e
    e = take(t.entities, key)
    row = t.entities.rows[e]
    row.hash, row.kind = name, kind
    row.members, row.sketches, row.open = -1, -1, -1
    row.day, row.minute = -1, -1
    row.throttled_minute, row.throttled_keys, row.orders_logged = -9, 0, 0
    for i in range(WEEK_DAYS * RING):
        row.ring[i] = 0
    t.sums[e] = 0
    t.tails[e] = 0
    t.heads[e] = 0
    t.guess[e] = -1.0
    return e


@inner
def pair_of(t: Any, e: Any, kind: Any, member: Any) -> Any:
    """The row of an entity and a member of it, new or known."""
    key = mixed(t.entities.rows[e].key + np.uint64(kind), member)
    p = find(t.pairs.keys, t.pairs.slots, key)
    if p >= 0:
        return p
    p = take(t.pairs, key)
    row = t.pairs.rows[p]
    row.member, row.entity, row.kind = member, e, kind
    row.taken, row.needed = 0, 0
    for k in range(len(row.last)):
        row.last[k] = 0
    for k in range(len(row.day)):
        row.day[k] = 0
    row.next = t.entities.rows[e].members
    t.entities.rows[e].members = p
    t.entities.dirty[e >> PAGE_SHIFT] = 1
    t.open_bits[p] = 0
    return p


@inner
def cell_of(t: Any, e: Any, minute: Any) -> Any:
    """The entity's open cell of a minute, new or known."""
    c = t.entities.rows[e].open
    while c >= 0:
        if t.cells.rows[c].minute == minute:
            return c
        c = t.cells.rows[c].next
    c = take_row(t.cells)
    row = t.cells.rows[c]
    row.entity, row.minute = e, minute
    row.rows, row.count, row.customers, row.told, row.seen = -1, 0, -1, 0, -1
    for i in range(len(row.sums)):
        row.sums[i] = 0
    row.next = t.entities.rows[e].open
    t.entities.rows[e].open = c
    t.entities.dirty[e >> PAGE_SHIFT] = 1
    return c


@inner
def _row_of(t: Any, e: Any, c: Any, seller: Any, key: Any, other: Any, bits: Any) -> Any:
    """The open cell's row of these members, new or the one that the key's pair used last.

    A row that preview has counted is not given new bits: it would not be counted again.
    """
    p = pair_of(t, e, np.int64(KEY), key)
    p_seller, p_other = pair_of(t, e, np.int64(SELLER), seller), pair_of(t, e, np.int64(OTHER), other)
    o = np.int64(t.open_row[p])
    if o < t.rows.meta[HIGH]:
        row = t.rows.rows[o]
        same = row.pairs[SELLER] == p_seller and row.pairs[KEY] == p and row.pairs[OTHER] == p_other
        if row.cell == c and same and row.bits | bits == row.bits:
            t.rows.dirty[o >> POOL_SHIFT] = 1
            return o
    o = take_row(t.rows)
    row = t.rows.rows[o]
    row.cell, row.bits = c, bits
    row.pairs[SELLER], row.pairs[KEY], row.pairs[OTHER] = p_seller, p, p_other
    row.taken, row.needed, row.reads, row.deeds = 0, 0, 0, 0
    row.next = t.cells.rows[c].rows
    t.cells.rows[c].rows = o
    t.cells.rows[c].count += 1
    t.open_row[p] = o
    return o


@inner
def _witness(t: Any, e: Any, source: Any, day: Any, first: Any, last: Any) -> None:
    key = mixed(t.entities.rows[e].key, np.uint64(source + 1))
    v = find(t.evidence.keys, t.evidence.slots, key)
    if v < 0:
        v = take(t.evidence, key)
        row = t.evidence.rows[v]
        row.entity, row.source, row.day = e, source, day
        row.span[0], row.span[1], row.span[2], row.span[3] = first, last, -1, -1
        return
    row = t.evidence.rows[v]
    t.evidence.dirty[v >> PAGE_SHIFT] = 1
    if day > row.day:
        kept = day == row.day + 1
        row.span[2] = row.span[0] if kept else -1
        row.span[3] = row.span[1] if kept else -1
        row.span[0], row.span[1], row.day = first, last, day
        return
    row.span[0] = min(row.span[0], first)
    row.span[1] = max(row.span[1], last)


@inner
def _grown(known: Any, fresh: Any, words: Any, longs: Any, r: Any, grew: Any) -> Any:
    """What row r has above `known` int64[sums] (nothing where fresh); raises `known` to it."""
    any_grew = False
    for s in range(_SUMS):
        value = longs[r, _BYTES_LONG] if s == _BYTES else np.int64(words[r, _WORD[s]])
        if fresh:
            known[s] = 0
        grew[s] = max(value - known[s], 0)
        known[s] = max(known[s], value)
        any_grew |= grew[s] > 0
    return any_grew


@inner
def _bits(grew: Any) -> Any:
    bits = PLAIN if grew[_CALLS] > 0 else 0  # a row without calls is a verdict on earlier ones
    bits |= DUG if grew[_OLD] + grew[_STALE] > 0 else 0
    bits |= ALONE if grew[_ALONE] > 0 else 0
    bits |= PII if grew[_PII_CALLS] > 0 else 0
    bits |= SHADOW if grew[_SHADOW] > 0 else 0
    bits |= NEW if grew[_NEWCOMER] > 0 else 0
    bits |= DEED if grew[_DEEDS] > 0 else 0
    bits |= ELSEWHERE if grew[_ELSEWHERE] > 0 else 0
    bits |= FOREIGN if grew[_FOREIGN] > 0 else 0
    bits |= ROAMING if grew[_ROAMING] > 0 else 0
    bits |= THROTTLED if grew[_THROTTLED] > 0 else 0
    return bits


@njit(cache=True)
def enter(
    t: Any, chunk: Any, longs: Any, source: Any, closed_to: Any, cells: Any, grown: Any, counts: Any
) -> Any:
    """Enter n rows; how many cells were added to `grown`.

    chunk   table of the source's open chunk
    longs   uint64[n, 22], the rows
    cells   int32[n], out: the open cell that a row went to, -1 = nothing grew
    grown   int32[>= n], out: cells that wait for preview since now
    counts  int64[COUNTERS], raised
    """
    n = len(longs)
    words = longs.view(np.int32)
    signed = longs.view(np.int64)
    grew = np.zeros(_SUMS, np.int64)
    added = 0
    for r in range(n):
        minute, kind = np.int64(words[r, _MINUTE]), words[r, _KIND]
        key = mixed(longs[r, 0], longs[r, 1])
        key = mixed(key + longs[r, 2], longs[r, 3])
        key = mixed(key, np.uint64(minute * 2 + kind + 1))
        at = find(chunk.keys, chunk.slots, key)
        fresh = at < 0
        if fresh:
            at = take(chunk, key)
        cells[r] = -1
        if not _grown(chunk.rows[at].sums, fresh, words, signed, r, grew):
            continue
        chunk.dirty[at >> PAGE_SHIFT] = 1
        counts[RECORDS] += grew[_RECORDS]
        counts[BYTES] += grew[_BYTES]
        counts[ANY_PII] += grew[_PII_RECORDS]
        counts[ORDERS] += grew[_TAKEN] + grew[_NEEDED] + grew[_AGAIN]
        if minute <= closed_to:
            minute = closed_to + 1
            counts[LATE] += 1
        e = entity_of(t, kind, longs[r, 0])
        c = cell_of(t, e, minute)
        cell = t.cells.rows[c]
        t.cells.dirty[c >> POOL_SHIFT] = 1
        for s in range(_SUMS):
            cell.sums[s] += grew[s]
        row = t.rows.rows[_row_of(t, e, c, longs[r, 1], longs[r, 2], longs[r, 3], _bits(grew))]
        row.taken += grew[_TAKEN]
        row.needed += grew[_NEEDED]
        row.reads += grew[_PII_CALLS]
        row.deeds += grew[_DEEDS]
        cells[r] = c
        _witness(t, e, source, minute // DAY_MINUTES, signed[r, _FIRST], signed[r, _LAST])
        if cell.told == 0:
            cell.told = 1
            grown[added] = c
            added += 1
    return added
