"""One input in; its records as blocks of events out, in its own order. Touches files, standard input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.decode.decode import Decoder
from models.dtypes import I64
from models.errors import PoolwatchError
from models.events import Events, Rejected
from streams.inputs.adapters import Adapter
from streams.inputs.csv_rows import csv_rows
from streams.inputs.inputs import Input
from streams.inputs.lines import line_blocks, pieces
from streams.inputs.tables import as_records, known_columns, with_lists

#: Columns whose few texts are met once each, not once a row.
REPEATED = ["developer_id", "seller_id", "key_id", "operation", "source_ip", "user_agent", "tls_fingerprint"]


#: Of each record the line, row or Kafka offset.
Places = Sequence[int] | I64


@dataclass(slots=True)
class Part:
    """Consecutive records of one input in the contract's form, as JSON values or as a table."""

    records: list[bytes] | pa.Table
    places: Places
    position: int = 0  # bytes of the input read so far
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(slots=True)
class Block:
    """Consecutive events of one input; `events.offset` is the line, row or Kafka offset there."""

    events: Events
    rejected: list[Rejected] = field(default_factory=list)
    position: int = 0  # bytes of the input read so far


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads inputs. rows: events of a block; from_ms, until_ms: what need not be read at all."""

    decoder: Decoder
    adapter: Adapter | None = None
    rows: int = 65_536
    from_ms: int | None = None
    until_ms: int | None = None

    def blocks(self, item: Input) -> Iterator[Block]:
        """All blocks of the input. PoolwatchError naming it where it cannot be read."""
        for part in self.parts(item):
            events, broken = self._decoded(part)
            rejected = sorted(part.rejected + broken, key=lambda r: r.offset)
            yield Block(events, rejected, part.position)

    def parts(self, item: Input) -> Iterator[Part]:
        """All records of the input. PoolwatchError naming it where it cannot be read."""
        read: dict[str, Callable[[Input], Iterator[Part]]] = {
            "jsonl": self._lines,
            "document": self._document,
            "parquet": self._parquet,
            "csv": self._csv,
            "kafka": self._kafka,
        }
        try:
            yield from read[item.kind](item)
        except (pa.ArrowException, OSError) as error:
            reason = getattr(error, "strerror", None)
            what = "cannot be read" if reason else "damaged or cut short"
            reason = reason or " ".join(str(error).split())[:200]
            raise PoolwatchError(f"{item.name}: {what} ({reason})") from error

    def _decoded(self, part: Part) -> tuple[Events, list[Rejected]]:
        if not isinstance(part.records, pa.Table):
            return self.decoder.records(part.records, list(part.places))
        events, broken = self.decoder.table(part.records, 0)
        places = np.asarray(part.places, np.int64)
        return (
            replace(events, offset=places[events.offset]),
            [replace(r, offset=int(places[r.offset])) for r in broken],
        )

    def _lines(self, item: Input) -> Iterator[Part]:
        with opened(item) as (stream, position):
            for first, lines in line_blocks(stream, self.rows):
                places = [first + i for i, line in enumerate(lines) if line and not line.isspace()]
                values = [lines[place - first] for place in places]
                yield self._values(values, places, position())

    def _document(self, item: Input) -> Iterator[Part]:
        """A file that is one document: read whole, told in order of time, as its writer kept none."""
        assert self.adapter is not None
        with opened(item) as (stream, _):
            records = self.adapter.document(b"".join(pieces(stream)))
        if records is None:
            yield Part([], [], item.size, [Rejected(0, f"not a {self.adapter.name} document")])
            return
        for first in range(0, len(records), self.rows):
            some = records[first : first + self.rows]
            yield self._adapted(some, range(first + 1, first + 1 + len(some)), item.size)

    def _parquet(self, item: Input) -> Iterator[Part]:
        if not item.size:
            return
        names = pq.read_schema(item.name).names
        repeated = [name for name in REPEATED if name in names]
        with pq.ParquetFile(item.name, read_dictionary=repeated) as file:
            columns = self._columns(names, item.name)
            first, groups = 0, file.metadata.num_row_groups
            for group in range(groups):
                rows = file.metadata.row_group(group).num_rows
                if self._wanted(file.metadata.row_group(group)):
                    yield from self._row_group(file, group, columns, first, item.size * (group + 1) // groups)
                first += rows

    def _row_group(
        self, file: pq.ParquetFile, group: int, columns: list[str], first: int, position: int
    ) -> Iterator[Part]:
        for batch in file.iter_batches(batch_size=self.rows, row_groups=[group], columns=columns):
            yield self._table(pa.Table.from_batches([batch]), np.arange(first, first + len(batch)), position)
            first += batch.num_rows

    def _wanted(self, group: Any) -> bool:
        """False where the row group's statistics prove that no event is within from_ms..until_ms."""
        for i in range(group.num_columns):
            column = group.column(i)
            if column.path_in_schema == "time" and column.physical_type == "INT64" and column.is_stats_set:
                statistics = column.statistics  # a timestamp's are no integers, and may not be had at all
                if not statistics.has_min_max or statistics.logical_type.type not in ("NONE", "INT"):
                    return True
                after = self.from_ms is not None and statistics.max < self.from_ms
                before = self.until_ms is not None and statistics.min >= self.until_ms
                return not (after or before)
        return True

    def _csv(self, item: Input) -> Iterator[Part]:
        with opened(item) as (stream, position):
            for rows in csv_rows(stream, item.name, lambda names: self._columns(names, item.name)):
                table = rows.table if self.adapter else with_lists(rows.table)
                part = self._table(table, rows.lines, position())
                part.rejected += rows.rejected
                yield part

    def _kafka(self, item: Input) -> Iterator[Part]:
        from streams.inputs.kafka_range import Partition, messages

        assert isinstance(item, Partition)
        for values, offsets in messages(item, self.rows):
            yield self._values(values, offsets, offsets[-1] + 1 - item.first)

    def _columns(self, names: list[str], where: str) -> list[str]:
        return self.adapter.columns(names, where) if self.adapter else known_columns(names, where)

    def _table(self, table: pa.Table, places: I64, position: int) -> Part:
        if self.adapter:
            return self._adapted(as_records(table), places.tolist(), position)
        return Part(table, places, position)

    def _values(self, values: list[bytes], places: Sequence[int], position: int) -> Part:
        if not self.adapter:
            return Part(values, places, position)
        records, where, rejected = self.adapter.parse(values, places)
        part = self._adapted(records, where, position)
        part.rejected += rejected
        return part

    def _adapted(self, records: Sequence[Any], places: Sequence[int], position: int) -> Part:
        assert self.adapter is not None
        values, kept, rejected = self.adapter.convert(records, places)
        return Part(values, kept, position, rejected)


@contextmanager
def opened(item: Input) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
    """The input's plain bytes, and a function that tells how many of the file's own bytes are read."""
    if item.name == "-":
        yield sys.stdin.buffer, lambda: 0
        return
    with pa.OSFile(item.name, "rb") as raw:
        codec = {".gz": "gzip", ".zst": "zstd"}.get(item.packing)
        yield pa.CompressedInputStream(raw, codec) if codec else raw, raw.tell
