"""Arrow tables as files hold them in; tables and records of the contract's fields out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from models.decode.fields import REQUIRED
from models.errors import PoolwatchError

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
#: Parts the ids of a list that is written as one text, as in CSV.
LIST_SEPARATOR = ";"


def known_columns(names: Sequence[str], where: str) -> list[str]:
    """The contract's columns among `names`. PoolwatchError where a required one is missing."""
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise PoolwatchError(
            f"{where}: no column {', '.join(missing)}; name your own columns with --mapping FILE.toml"
        )
    found = [name for name in FIELDS if name in names]
    twice = [name for name in found if names.count(name) > 1]
    if twice:
        raise PoolwatchError(f"{where}: column {', '.join(twice)} is there twice")
    return found


def with_lists(table: pa.Table) -> pa.Table:
    """A table of texts, its lists as such."""
    for i, name in enumerate(table.column_names):
        if name in LISTS:
            table = table.set_column(i, name, pc.split_pattern(table.column(i), LIST_SEPARATOR))
    return table


def as_records(table: pa.Table) -> list[dict[str, Any]]:
    """The rows. Times finer than a microsecond, which Python has no word for, are rounded down."""
    for i, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            rounded = table.column(i).cast(pa.timestamp("us", field.type.tz), safe=False)
            table = table.set_column(i, field.name, rounded)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
