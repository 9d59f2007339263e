"""Arrow tables as files hold them in; tables of the contract's columns and types out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from models.errors import PoolwatchError

REQUIRED = ("event_id", "time", "developer_id", "seller_id", "key_id", "operation", "status")
TEXT = (
    "event_id",
    "developer_id",
    "seller_id",
    "key_id",
    "operation",
    "source_ip",
    "user_agent",
    "tls_fingerprint",
    "marketplace",
)
NUMBERS = ("status", "records", "bytes")
LISTS = ("pii", "customers", "orders")
FIELDS = ("time", *TEXT, *NUMBERS, *LISTS)
#: In a CSV file all is text; lists are parted by `;`.
CSV_TYPES = {name: pa.string() for name in FIELDS}
LIST_SEPARATOR = ";"


def known_columns(names: Sequence[str], where: str) -> list[str]:
    """The contract's columns among `names`. PoolwatchError where a required one is missing."""
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise PoolwatchError(
            f"{where}: no column {', '.join(missing)}; name your own columns with --mapping FILE.toml"
        )
    return [name for name in FIELDS if name in names]


def as_events_table(table: pa.Table) -> pa.Table:
    """The contract's columns of `table`: text as string, numbers as int64, lists as list<string>.

    time becomes int64 ms; other text stays text (RFC 3339). ArrowInvalid where a cell does not fit.
    """
    columns = {}
    for name in known_columns(table.column_names, "input"):
        column = table.column(name)
        if pa.types.is_null(column.type) and name not in REQUIRED:
            continue
        columns[name] = _as_type(name, column)
    return pa.table(columns)


def as_rows(table: pa.Table) -> list[dict[str, Any]]:
    """The same, row by row and leniently: a number that is none stays the text it is."""
    rows = []
    for row in table.select(known_columns(table.column_names, "input")).to_pylist():
        kept = {name: value for name, value in row.items() if value is not None}
        for name in LISTS:
            if isinstance(kept.get(name), str):
                kept[name] = kept[name].split(LIST_SEPARATOR)
        for name in ("time", *NUMBERS):
            text = kept.get(name)
            if isinstance(text, str) and text.lstrip("-").isdigit():
                kept[name] = int(text)
        rows.append(kept)
    return rows


def _as_type(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if name == "time":
        return _as_time(column)
    if name in NUMBERS:
        return column if pa.types.is_integer(kind) else column.cast(pa.int64())
    if name in TEXT:
        return column if pa.types.is_string(kind) else column.cast(pa.string())
    if pa.types.is_string(kind):
        return pc.split_pattern(column, LIST_SEPARATOR)
    wanted = pa.list_(pa.string())
    return column if kind == wanted else column.cast(wanted)


def _as_time(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("ms", kind.tz), safe=False).cast(pa.int64())
    if not pa.types.is_string(kind) and not pa.types.is_large_string(kind):
        return column.cast(pa.int64())
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column.cast(pa.string())
