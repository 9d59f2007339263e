"""How compiled functions are declared. Pure.

`njit(cache=True)` or `leaf` is for what Python calls, `inner` for what compiled code calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])

_ALONE: dict[str, Any] = {"cache": True, "_nrt": False}
_MERGED: dict[str, Any] = {
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "_nrt": False,
}


def leaf(function: Function) -> Function:
    """Compile without reference counts: 3 to 8 times faster where tables of many arrays are passed down.

    For functions that make no array and return none: numba otherwise counts every array of every argument
    up and down at each call, atomically. One that does make an array fails to compile and says so.
    """
    return cast(Function, njit(**_ALONE)(function))


def inner(function: Function) -> Function:
    """Compile as a part of compiled functions, merged into them; makes no array either. Not for Python.

    Compiled on its own it would get a bridge from Python and a place in the cache, for each set of types,
    and take each array of each table as seven words.
    """
    return cast(Function, njit(**_MERGED)(function))
