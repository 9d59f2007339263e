"""Tables of usage events -> JSON lines or Parquet, streamed. Touches that file; same tables, same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulators.render import SCHEMA

ROW_GROUP = 131_072


def to_parquet(tables: Iterable[pa.Table], path: str | Path) -> int:
    """Write Parquet (zstd, dictionaries); how many events. OSError where it cannot be written."""
    count = 0
    unique = {"event_id", "time", "orders.list.element", "customers.list.element"}
    leaves = [
        leaf
        for field in SCHEMA
        for leaf in (f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name,)
    ]
    options: Any = {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [leaf for leaf in leaves if leaf not in unique],
        "store_schema": False,
        "write_statistics": ["time"],
    }
    with pq.ParquetWriter(str(path), SCHEMA, **options) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=ROW_GROUP)
            count += table.num_rows
    return count


def to_jsonl(tables: Iterable[pa.Table], path: str | Path) -> int:
    """Write one JSON object a line; how many events. OSError where it cannot be written."""
    count = 0
    with open(path, "wb") as file:
        for table in tables:
            write_lines(table, file)
            count += table.num_rows
    return count


def write_lines(table: pa.Table, file: IO[bytes]) -> None:
    """Append the table's events to an open file, a line each."""
    for start in range(0, table.num_rows, ROW_GROUP):
        text = lines(table.slice(start, ROW_GROUP))
        offsets = np.frombuffer(text.buffers()[1], np.int32)[text.offset : text.offset + len(text) + 1]
        file.write(memoryview(text.buffers()[2])[offsets[0] : offsets[-1]])


def lines(table: pa.Table) -> pa.Array:
    """string[n]: each event as JSON text with a newline. An empty list is left out, as gateways do."""
    table = table.combine_chunks()
    parts: list[Any] = []
    before = "{"
    for field in table.schema:
        column = _plain(table[field.name])
        if pa.types.is_list(field.type):
            parts += [before, _listed(field.name, column)]
            before = ""
        else:
            quoted = pa.types.is_string(field.type)
            lead = "," if parts else ""
            parts += [
                f'{before}{lead}"{field.name}":' + ('"' if quoted else ""),
                column if quoted else column.cast(pa.string()),
            ]
            before = '"' if quoted else ""
    return pc.binary_join_element_wise(*parts, before + "}\n", "")


def _plain(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else column.combine_chunks()


def _listed(name: str, column: pa.Array) -> pa.Array:
    """',"name":["a","b"]' for each row, '' where the list is empty."""
    inner = pc.binary_join(column, '","')
    full = pc.binary_join_element_wise(f',"{name}":["', inner, '"]', "")
    return pc.if_else(pc.equal(pc.list_value_length(column), 0), "", full)


def to_labels(labels: Iterable[dict[str, Any]], path: str | Path) -> int:
    """Write labels (contract) as JSON lines; how many."""
    count = 0
    with open(path, "w", encoding="utf-8") as file:
        for label in labels:
            file.write(json.dumps(label) + "\n")
            count += 1
    return count


def to_text(text: str, path: str | Path) -> None:
    """Write a page."""
    Path(path).write_text(text, encoding="utf-8")


def to_taken(table: pa.Table, path: str | Path) -> int:
    """Write the side file of what poolers took (Parquet); how many rows."""
    pq.write_table(table, str(path), compression="zstd")
    return int(table.num_rows)
