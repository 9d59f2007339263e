"""Customers -> codes of open cells -> an entity's distinct customers by hour. Touches their tables and lists.

An hour is a short list while they are few, HyperLogLog registers when they are many. What is counted is the
same either way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from models.compiled import inner, leaf
from models.memory.pool import PAGE_SHIFT as POOL_SHIFT
from models.memory.pool import free_row, take_row
from models.memory.tables import PAGE_SHIFT
from models.windows.layout import FEW
from models.windows.sketch import REGISTERS, code_of, enter, estimate

#: Hour buckets kept: the newest is not full yet.
SKETCH_HOURS = 24


@leaf
def enter_customers(customers: Any, cells: Any, at: Any, places: Any, hashes: Any) -> None:
    """Keep customers with the open cell of their row.

    customers  their pool; cells: rows of the open cells; at int32[n]: the cell of each row, -1 = nothing grew
    places     int32[k]: row of each customer; hashes uint64[k]
    """
    for k in range(len(places)):
        c = at[places[k]]
        if c >= 0:
            _keep_customer(customers, cells[c], np.uint16(code_of(hashes[k])))


@inner
def _keep_customer(customers: Any, cell: Any, code: Any) -> None:
    """Add a code to the cell's newest codes."""
    u = np.int64(cell.customers)
    if u >= 0:
        codes = customers.rows[u].codes
        for i in range(len(codes)):
            if codes[i] == code:
                return
            if codes[i] == 0:
                codes[i] = code
                customers.dirty[u >> POOL_SHIFT] = 1
                return
    u = take_row(customers)
    codes = customers.rows[u].codes
    codes[:] = 0
    codes[0] = code
    customers.rows[u].next = cell.customers
    cell.customers = u


@inner
def meet_customers(t: Any, e: Any, first: Any, hour: Any) -> None:
    """Enter a cell's customers in the sketch of the hour; give the open customers back."""
    if first < 0:
        return
    s = _sketch_of(t, e, hour)
    u = first
    while u >= 0:
        codes = t.customers.rows[u].codes
        for i in range(len(codes)):
            if codes[i] and _note(t, t.sketches.rows[s], np.int64(codes[i])):
                t.guess[e, 1] = -1.0
                t.sketches.dirty[s >> POOL_SHIFT] = 1
        following = t.customers.rows[u].next
        free_row(t.customers, u)
        u = following


@inner
def _sketch_of(t: Any, e: Any, hour: Any) -> Any:
    """The entity's sketch of the hour, which is its newest."""
    row = t.entities.rows[e]
    s = np.int64(row.sketches)
    if s >= 0 and t.sketches.rows[s].hour == hour:
        return s
    shed_sketches(t, e, hour)
    s = take_row(t.sketches)
    sketch = t.sketches.rows[s]
    sketch.hour, sketch.next, sketch.count, sketch.registers = hour, row.sketches, 0, -1
    row.sketches = s
    t.entities.dirty[e >> PAGE_SHIFT] = 1
    return s


@inner
def _note(t: Any, sketch: Any, code: Any) -> bool:
    """Count a customer; whether that was news."""
    if sketch.registers < 0:
        for i in range(sketch.count):
            if sketch.codes[i] % REGISTERS == code % REGISTERS:
                if sketch.codes[i] >= code:
                    return False
                sketch.codes[i] = code
                return True
        if sketch.count < FEW:
            sketch.codes[sketch.count] = code
            sketch.count += 1
            return True
        _spread(t, sketch)
    if not enter(t.registers.rows[sketch.registers].registers, code):
        return False
    t.registers.dirty[sketch.registers >> POOL_SHIFT] = 1
    return True


@inner
def _spread(t: Any, sketch: Any) -> None:
    """From a list to registers."""
    r = take_row(t.registers)
    registers = t.registers.rows[r].registers
    for i in range(REGISTERS):
        registers[i] = 0
    for i in range(sketch.count):
        enter(registers, np.int64(sketch.codes[i]))
    sketch.registers = r


@inner
def shed_sketches(t: Any, e: Any, hour: Any) -> None:
    """Drop the sketches of entity e that no window at `hour` or later holds: they are the list's end."""
    row = t.entities.rows[e]
    before, s = np.int64(-1), np.int64(row.sketches)
    while s >= 0 and t.sketches.rows[s].hour > hour - SKETCH_HOURS:
        before, s = s, np.int64(t.sketches.rows[s].next)
    if s < 0:
        return
    if before < 0:
        row.sketches = -1
        t.entities.dirty[e >> PAGE_SHIFT] = 1
    else:
        t.sketches.rows[before].next = -1
        t.sketches.dirty[before >> POOL_SHIFT] = 1
    while s >= 0:
        following = np.int64(t.sketches.rows[s].next)
        if t.sketches.rows[s].registers >= 0:
            free_row(t.registers, np.int64(t.sketches.rows[s].registers))
        free_row(t.sketches, s)
        s = following


@njit(cache=True)
def customers_of(t: Any, e: Any, hour: Any) -> Any:
    """Distinct customers of entity e in the newest 24 hour buckets, estimated."""
    if t.guess[e, 1] == hour:
        return t.guess[e, 0]
    union = np.zeros(REGISTERS, np.uint8)
    s = np.int64(t.entities.rows[e].sketches)
    found = False
    while s >= 0 and t.sketches.rows[s].hour > hour - SKETCH_HOURS:
        sketch = t.sketches.rows[s]
        if sketch.registers < 0:
            for i in range(sketch.count):
                enter(union, np.int64(sketch.codes[i]))
        else:
            registers = t.registers.rows[sketch.registers].registers
            for i in range(REGISTERS):
                union[i] = max(union[i], registers[i])
        found = True
        s = np.int64(sketch.next)
    t.guess[e, 0] = estimate(union) if found else 0.0
    t.guess[e, 1] = hour
    return t.guess[e, 0]
