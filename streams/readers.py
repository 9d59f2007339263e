"""One input in; its records as blocks of events out, in its own order. Touches files, standard input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

import msgspec
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from models.decode import Decoder
from models.errors import PoolwatchError
from models.events import Events, Rejected
from streams.adapters import Adapter
from streams.inputs import Input
from streams.tables import CSV_TYPES, as_events_table, as_rows, known_columns

LINE_BYTES = 1 << 24  # a longer line is no event: it must not fill the memory
READ_BYTES = 1 << 22
#: Columns whose few texts are met once each, not once a row.
REPEATED = ["developer_id", "seller_id", "key_id", "operation", "source_ip", "user_agent", "tls_fingerprint"]


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
        read: dict[str, Callable[[Input], Iterator[Block]]] = {
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

    def _lines(self, item: Input) -> Iterator[Block]:
        with opened(item) as (stream, position):
            for first, lines in line_blocks(stream, self.rows):
                places = [first + i for i, line in enumerate(lines) if line and not line.isspace()]
                values = [lines[place - first] for place in places]
                yield self._decoded(values, places, position())

    def _document(self, item: Input) -> Iterator[Block]:
        """A file that is one document: read whole, told in order of time, as its writer kept none."""
        assert self.adapter is not None
        with opened(item) as (stream, _):
            records = self.adapter.document(stream.read())
        if records is None:
            events, _ = self.decoder.records([], [])
            yield Block(events, [Rejected(0, f"not a {self.adapter.name} document")], item.size)
            return
        for first in range(0, len(records), self.rows):
            some = records[first : first + self.rows]
            yield self._adapted(some, range(first + 1, first + 1 + len(some)), item.size)

    def _parquet(self, item: Input) -> Iterator[Block]:
        names = pq.read_schema(item.name).names
        repeated = [name for name in REPEATED if name in names]
        with pq.ParquetFile(item.name, read_dictionary=repeated) as file:
            columns = None if self.adapter else known_columns(names, item.name)
            first, groups = 0, file.metadata.num_row_groups
            for group in range(groups):
                rows = file.metadata.row_group(group).num_rows
                if self._wanted(file.metadata.row_group(group)):
                    yield from self._row_group(file, group, columns, first, item.size * (group + 1) // groups)
                first += rows

    def _row_group(
        self, file: pq.ParquetFile, group: int, columns: list[str] | None, first: int, position: int
    ) -> Iterator[Block]:
        for batch in file.iter_batches(batch_size=self.rows, row_groups=[group], columns=columns):
            yield self._table(pa.Table.from_batches([batch]), first, position)
            first += batch.num_rows

    def _wanted(self, group: Any) -> bool:
        """False where the row group's statistics prove that no event is within from_ms..until_ms."""
        for i in range(group.num_columns):
            column = group.column(i)
            if column.path_in_schema != "time" or not column.is_stats_set:
                continue
            low, high = column.statistics.min, column.statistics.max
            if isinstance(low, int) and isinstance(high, int):
                after = self.from_ms is not None and high < self.from_ms
                before = self.until_ms is not None and low >= self.until_ms
                return not (after or before)
        return True

    def _csv(self, item: Input) -> Iterator[Block]:
        broken: list[int] = []

        def skip(row: Any) -> str:
            broken.append(row.number or 0)
            return "skip"

        reader = pa_csv.open_csv(
            item.name,
            read_options=pa_csv.ReadOptions(block_size=READ_BYTES, use_threads=False),
            parse_options=pa_csv.ParseOptions(invalid_row_handler=skip),
            convert_options=pa_csv.ConvertOptions(
                column_types=CSV_TYPES, strings_can_be_null=True, null_values=[""]
            ),
        )
        first, position = 1, 0
        for batch in reader:
            position = min(position + batch.nbytes, item.size)
            block = self._csv_block(pa.Table.from_batches([batch]), item.name, first, position)
            block.rejected += [Rejected(row, "wrong number of columns") for row in broken]
            first += batch.num_rows + len(broken)
            broken.clear()
            yield block

    def _kafka(self, item: Input) -> Iterator[Block]:
        from streams.kafka_range import Partition, messages

        assert isinstance(item, Partition)
        for values, offsets in messages(item, self.rows):
            yield self._decoded(values, offsets, offsets[-1] + 1 - item.first)

    def _csv_block(self, table: pa.Table, where: str, first: int, position: int) -> Block:
        if self.adapter:
            return self._table(table, first, position)
        try:
            return self._table(as_events_table(table, where), first, position)
        except pa.ArrowInvalid:  # a cell that is no number: row by row, so that it costs that row alone
            values = [msgspec.json.encode(row) for row in as_rows(table, where)]
            return Block(*self.decoder.records(values, range(first, first + len(values))), position)

    def _table(self, table: pa.Table, first: int, position: int) -> Block:
        if self.adapter:
            places = range(first, first + table.num_rows)
            return self._adapted(table.to_pylist(), places, position)
        return Block(*self.decoder.table(table, first), position)

    def _decoded(self, values: list[bytes], places: Sequence[int], position: int) -> Block:
        if not self.adapter:
            return Block(*self.decoder.records(values, places), position)
        records, where, rejected = self.adapter.parse(values, places)
        block = self._adapted(records, where, position)
        block.rejected += rejected
        return block

    def _adapted(self, records: list[Any], places: Sequence[int], position: int) -> Block:
        assert self.adapter is not None
        values, kept, rejected = self.adapter.convert(records, places)
        events, more = self.decoder.records(values, kept)
        return Block(events, rejected + more, position)


@contextmanager
def opened(item: Input) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
    """The input's plain bytes, and a function that tells how many of the file's own bytes are read."""
    if item.name == "-":
        yield sys.stdin.buffer, lambda: 0
        return
    with pa.OSFile(item.name, "rb") as raw:
        codec = {".gz": "gzip", ".zst": "zstd"}.get(item.packing)
        yield pa.CompressedInputStream(raw, codec) if codec else raw, raw.tell


def line_blocks(stream: IO[bytes], rows: int) -> Iterator[tuple[int, list[bytes]]]:
    """(number of the first line, from 1; at most `rows` lines). A line beyond LINE_BYTES comes cut."""
    first, rest = 1, b""
    while data := stream.read(READ_BYTES):
        lines = (rest + data).split(b"\n")
        rest = lines.pop()[: LINE_BYTES + 1]
        for i in range(0, len(lines), rows):
            yield first + i, lines[i : i + rows]
        first += len(lines)
    if rest:
        yield first, [rest]
