"""Arrow columns as they come -> columns of one type, their hashes. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.decode.fields import time_ms_of
from models.dtypes import I64, U64
from models.hashing import hash_ranges


def is_text(kind: pa.DataType) -> bool:
    """Strings of any form, dictionaries of them too."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    checks: tuple[Callable[[Any], bool], ...] = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
    )
    return any(check(kind) for check in checks)


def cast_each(column: pa.Array, to: pa.DataType) -> pa.Array:
    """The column as `to`; null where a cell does not fit. ArrowNotImplementedError where none can."""
    with contextlib.suppress(pa.ArrowInvalid):
        return column.cast(to)
    coded = column.dictionary_encode()
    return pa.array([_cast_cell(cell, to) for cell in coded.dictionary], to).take(coded.indices)


def _cast_cell(cell: pa.Scalar, to: pa.DataType) -> Any:
    try:
        return cell.cast(to).as_py()
    except pa.ArrowInvalid:
        return None


def text_times(column: pa.Array) -> pa.Array:
    """int64 ms of a column of texts; what is no time is beyond the plausible years."""
    column = readable(column.cast(pa.large_string()))
    if pc.all(pc.utf8_is_digit(column)).as_py():
        with contextlib.suppress(pa.ArrowInvalid):
            return column.cast(pa.int64())
    return pa.array([-1 if t is None else time_ms_of(t) for t in column.to_pylist()], pa.int64())


def readable(texts: pa.Array) -> pa.Array:
    """large_string as it is, but null where the bytes are no UTF-8: not every writer of Parquet looks."""
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return pa.array([_text(cell) for cell in texts.cast(pa.large_binary()).to_pylist()], texts.type)
    return texts


def _text(cell: bytes | None) -> str | None:
    try:
        return None if cell is None else cell.decode()
    except UnicodeDecodeError:
        return None


def hash_strings(column: pa.Array) -> tuple[U64, I64]:
    """(hashes, sizes in bytes) of a large_string array, on its own buffers."""
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    content = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    hashes: U64 = hash_ranges(content, ends[:-1], ends[1:])
    return hashes, np.diff(ends)
