"""HyperLogLog registers -> distinct customers with bounds. Pure; the estimate depends on the set alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from models.compiled import inner

PRECISION = 10
REGISTERS = 1 << PRECISION
_MOST = 64 - PRECISION + 1
#: Half width of the 95% bounds, in parts of the estimate.
BOUND = 2 * 1.04 / math.sqrt(REGISTERS)


@inner
def code_of(customer: Any) -> Any:
    """A 64-bit hash as 16 bits: its register, and above that the height at which its first 1 stands."""
    rest = customer >> np.uint64(PRECISION)
    height = np.int64(1)
    while height < _MOST and (rest & np.uint64(1)) == np.uint64(0):
        rest >>= np.uint64(1)
        height += 1
    return np.int64(customer & np.uint64(REGISTERS - 1)) | height << PRECISION


@inner
def enter(registers: Any, code: Any) -> bool:
    """Count a code in uint8[REGISTERS]; True where a register rose."""
    place, height = code % REGISTERS, code >> PRECISION
    if registers[place] < height:
        registers[place] = height
        return True
    return False


@inner
def _sigma(x: float) -> float:
    if x == 1.0:
        return np.inf
    y, z = 1.0, x
    while True:
        x *= x
        old = z
        z += x * y
        y += y
        if z == old:
            return z


@inner
def _tau(x: float) -> float:
    if x == 0.0 or x == 1.0:
        return 0.0
    y, z = 1.0, 1.0 - x
    while True:
        x = np.sqrt(x)
        old = z
        y *= 0.5
        z -= (1.0 - x) ** 2 * y
        if z == old:
            return z / 3.0


@njit(cache=True)
def estimate(registers: Any) -> Any:
    """Distinct hashes entered in uint8[REGISTERS].

    source  Ertl, New cardinality estimation algorithms for HyperLogLog sketches (2017), algorithm 6
    """
    counts = np.zeros(_MOST + 1, np.int64)
    for height in registers:
        counts[height] += 1
    if counts[0] == REGISTERS:
        return 0.0
    z = REGISTERS * _tau(1.0 - counts[_MOST] / REGISTERS)
    for k in range(_MOST - 1, 0, -1):
        z = 0.5 * (z + counts[k])
    z += REGISTERS * _sigma(counts[0] / REGISTERS)
    return REGISTERS * REGISTERS / (2.0 * np.log(2.0) * z)


def bounds(value: float) -> tuple[int, int, int]:
    """Estimate, low and high at about 95%, as whole customers."""
    return round(value), math.floor(value * (1 - BOUND)), math.ceil(value * (1 + BOUND))
