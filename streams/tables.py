"""Arrow tables as files hold them in; tables of the contract's columns and types out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from models.errors import PoolwatchError
from models.fields import REQUIRED

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


def as_events_table(table: pa.Table, where: str) -> pa.Table:
    """A CSV table's columns as the contract has them: numbers as int64 (time too, if ms), list<string>.

    ArrowInvalid where a cell does not fit; PoolwatchError as `known_columns`.
    """
    columns = {}
    for name in known_columns(table.column_names, where):
        column = table.column(name)
        if name in NUMBERS:
            column = column.cast(pa.int64())
        elif name in LISTS:
            column = pc.split_pattern(column, LIST_SEPARATOR)
        elif name == "time" and pc.all(pc.utf8_is_digit(column)).as_py():
            column = column.cast(pa.int64())
        columns[name] = column
    return pa.table(columns)


def as_rows(table: pa.Table, where: str) -> list[dict[str, Any]]:
    """The same, row by row and leniently: a number that is none stays the text it is."""
    rows = []
    for row in table.select(known_columns(table.column_names, where)).to_pylist():
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
