"""Score rows in; one Parquet file out, streamed, there whole or not at all. Touches that file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from models.scoring.features import FEATURE_NAMES
from models.scoring.score_rows import ScoreRows
from streams.files.atomic import atomic_path, clear_write_errors

ROW_GROUP_ROWS = 65_536
SCHEMA = pa.schema(
    [
        pa.field("time", pa.int64(), nullable=False),
        pa.field("entity_kind", pa.string(), nullable=False),
        pa.field("entity_id", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        *[pa.field(name, pa.float64(), nullable=False) for name in FEATURE_NAMES],
    ]
)


class _Groups:
    """Gathers rows until a row group is full."""

    def __init__(self, path: str, writer: pq.ParquetWriter) -> None:
        self._path, self._writer = path, writer
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def add(self, rows: ScoreRows) -> None:
        self._waiting.append(pa.table(rows.columns(), schema=SCHEMA))
        self._rows += len(rows)
        if self._rows >= ROW_GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            with clear_write_errors(self._path):
                self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=ROW_GROUP_ROWS)
        self._waiting, self._rows = [], 0


@contextlib.contextmanager
def scores_file(path: str) -> Iterator[Callable[[ScoreRows], None]]:
    """A function that adds rows. PoolwatchError where the file cannot be written."""
    with (
        atomic_path(path) as partial,
        pq.ParquetWriter(partial, SCHEMA, compression="zstd", compression_level=1) as writer,
    ):
        groups = _Groups(path, writer)
        yield groups.add
        groups.flush()
