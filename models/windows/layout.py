"""Rows of detect's tables, field by field; the tables as compiled code takes them. Pure data."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from models.windows.columns import DAY_DISTINCTS, DAY_SUMMED, DISTINCT_START, WEEK_DAYS, WINDOW_MINUTES
from models.windows.sketch import REGISTERS
from models.wire.sightings import SUM_NAMES

WINDOWS = len(WINDOW_MINUTES)
#: Sorts of meeting that one pair can remember: the widest group of DISTINCTS.
SLOTS = max(b - a for a, b in pairwise(DISTINCT_START))
#: A day of an entity: pairs last met on it, sums, and (sellers, sellers_pii) met on it at all.
RING_SUMMED = len(DAY_DISTINCTS)
RING_MET = RING_SUMMED + len(DAY_SUMMED)
RING = RING_MET + 2

ENTITY_ROW = np.dtype(
    [
        ("key", "u8"),
        ("hash", "u8"),
        ("next", "i4"),
        ("kind", "i4"),
        ("members", "i4"),  # first of its pairs
        ("sketches", "i4"),  # newest of its customer sketches
        ("open", "i4"),  # first of its open cells
        ("day", "i4"),  # newest day in the ring, -1 = none
        ("minute", "i4"),  # newest closed minute in which it was active
        ("throttled_minute", "i4"),
        ("throttled_keys", "i4"),
        ("orders_logged", "i4"),
        ("ring", "i8", (WEEK_DAYS * RING,)),
    ]
)
#: An entity and a member of it. `last` has a place in the arena (lower half) for each sort of meeting.
PAIR_ROW = np.dtype(
    [
        ("key", "u8"),
        ("member", "u8"),
        ("next", "i4"),  # next pair of the entity
        ("entity", "i4"),
        ("last", "u4", (SLOTS,)),
        ("day", "u2", (RING_SUMMED,)),  # UTC day of the last meeting, plus 1; 0 = never
        ("taken", "i4"),
        ("needed", "i4"),
        ("kind", "i4"),  # SELLER, KEY, OTHER
    ]
)
#: An entity's customers of an hour: codes of HyperLogLog while they are few, then a row of registers.
FEW = 56
SKETCH_ROW = np.dtype(
    [
        ("next", "i4"),  # the hour before
        ("hour", "i4"),
        ("count", "i4"),  # of codes
        ("registers", "i4"),  # -1 = none
        ("codes", "u2", (FEW,)),
    ]
)
REGISTERS_ROW = np.dtype([("next", "i4"), ("registers", "u1", (REGISTERS,))])
#: Where an entity's events of one source stand: of the day `day`, and of the days before.
EVIDENCE_ROW = np.dtype(
    [
        ("key", "u8"),
        ("next", "i4"),
        ("entity", "i4"),
        ("source", "i4"),
        ("day", "i4"),
        ("span", "i8", (4,)),  # first, last of the day; first, last before
    ]
)
CHUNK_ROW = np.dtype([("key", "u8"), ("next", "i4"), ("pad", "i4"), ("sums", "i8", (len(SUM_NAMES),))])
OPEN_CELL = np.dtype(
    [
        ("next", "i4"),  # next open cell of the entity
        ("entity", "i4"),  # -1 = free
        ("minute", "i4"),
        ("rows", "i4"),
        ("count", "i4"),  # of rows
        ("customers", "i4"),
        ("told", "i4"),  # 1 = waits for preview
        ("seen", "i4"),  # newest row that preview counted, -1 = none
        ("sums", "i8", (len(SUM_NAMES),)),
    ]
)
#: What sightings of one seller, key and other entity bring to an open cell; many messages add to one row.
OPEN_ROW = np.dtype(
    [
        ("next", "i4"),
        ("cell", "i4"),  # -1 = free
        ("pairs", "i4", (3,)),
        ("bits", "i4"),
        ("taken", "i4"),
        ("needed", "i4"),
        ("reads", "i4"),
        ("deeds", "i4"),
    ]
)
#: Customers of an open cell: codes of HyperLogLog; 0 = none yet.
OPEN_CUSTOMERS = np.dtype([("next", "i4"), ("codes", "u2", (6,))])


class Tables(NamedTuple):
    """What compiled code sees. What follows the arena follows from the rest and is never stored."""

    entities: Any
    pairs: Any
    sketches: Any
    registers: Any
    evidence: Any
    cells: Any
    rows: Any
    customers: Any
    arena: Any
    sums: Any  # int64[entities, windows, COLUMNS]: running
    tails: Any  # int64[entities, windows]: place of the oldest cell in each window, 0 = none
    heads: Any  # int64[entities]: place of the newest cell, 0 = none
    guess: Any  # float64[entities, 2]: customers and the hour for which they were estimated, -1 = anew
    open_bits: Any  # uint8[pairs]: meetings that preview counted
    open_row: Any  # int32[pairs]: the open row of the pair that was used last, if it is still there
    fresh: Any  # int32[open cells, windows, DISTINCTS]: members that only open cells hold, by preview
