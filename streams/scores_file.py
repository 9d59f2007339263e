"""Score rows in; one Parquet file out, streamed, there whole or not at all. Touches that file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from streams.atomic import atomic_path, told

ROW_GROUP_ROWS = 131_072


class _Groups:
    """Gathers rows until a row group is full."""

    def __init__(self, path: str, writer: pq.ParquetWriter) -> None:
        self._path, self._writer = path, writer
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def add(self, table: pa.Table) -> None:
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= ROW_GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            with told(self._path):
                self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=ROW_GROUP_ROWS)
        self._waiting, self._rows = [], 0


@contextlib.contextmanager
def scores_file(path: str, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """A function that adds rows (tables of `schema`). PoolwatchError where the file cannot be written."""
    with atomic_path(path) as partial, pq.ParquetWriter(partial, schema, compression="zstd") as writer:
        groups = _Groups(path, writer)
        yield groups.add
        groups.flush()
