"""Zeroed arrays for tables that grow. Allocates; knows nothing of what is in them."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

#: From here on an array has pages of its own.
LARGE_BYTES = 1 << 20


def zeros(count: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """dtype[count], all 0; a large one is given back to the system as soon as it is forgotten.

    A table that grows leaves its old place. glibc's malloc keeps such places, up to 32 MB each, in holes that
    nothing fits into: a third more memory after a day's backlog (benchmarks.worker_memory).
    """
    size = count * np.dtype(dtype).itemsize
    if size < LARGE_BYTES:
        return np.zeros(count, dtype)
    place = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(place, dtype, count)
