"""Files of labels, alerts, scores and takes -> what models.yardstick measures. Reads only.

Big files are streamed by row groups; what is kept grows with entities, not with rows.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.decode.decode import Decoder
from models.dtypes import I64
from models.errors import ConfigError, PoolwatchError
from models.operations import Operations
from models.yardstick.truth import AGGREGATOR, Entity, Truth, parse_label
from models.yardstick.yardstick import Sign, Take
from streams.inputs.adapters import NOT_JSON, Adapter
from streams.inputs.inputs import find_inputs
from streams.inputs.readers import Reader
from streams.inputs.tables import LISTS

BATCH_ROWS = 262_144
SCORE_COLUMNS = ("time", "entity_kind", "entity_id", "score")


def read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file:line, object) of a JSON-lines file; PoolwatchError where it is unreadable."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{path}:{number}", _object(line, f"{path}:{number}")
    except OSError as error:
        raise PoolwatchError(f"{path}: cannot be read: {error.strerror}") from None


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        record = msgspec.json.decode(line)
    except NOT_JSON as error:
        raise PoolwatchError(f"{where}: not JSON: {error}") from None
    if not isinstance(record, dict):
        raise PoolwatchError(f"{where}: a JSON object is needed")
    return record


def read_labels(path: Path) -> Truth:
    """The labels of a JSON-lines file; ConfigError names the line of a bad one."""
    return Truth(parse_label(record, where) for where, record in read_lines(path))


def read_alerts(path: Path) -> list[dict[str, Any]]:
    """The alerts of a JSON-lines file, each in its last version."""
    last: dict[str, dict[str, Any]] = {}
    for where, record in read_lines(path):
        missing = [name for name in ("alert_id", "time", "entity_kind", "entity_id") if name not in record]
        if missing:
            raise PoolwatchError(f"{where}: an alert needs {', '.join(missing)}")
        held = last.get(str(record["alert_id"]))
        if held is None or record.get("version", 1) >= held.get("version", 1):
            last[str(record["alert_id"])] = record
    return list(last.values())


def parquet_files(path: Path) -> list[pq.ParquetFile]:
    """One file, or those of a folder in the order of their names."""
    paths = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    try:
        files = [pq.ParquetFile(p) for p in paths]
    except (OSError, pa.ArrowInvalid) as error:
        raise PoolwatchError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0]}") from None
    if not files:
        raise PoolwatchError(f"{path}: holds no Parquet file")
    return files


def batches(path: Path, wanted: Iterable[str], needed: Iterable[str] = ()) -> Iterator[pa.RecordBatch]:
    """Batches of a Parquet or .jsonl file: the wanted columns that it has; `needed` must be there."""
    if path.suffix == ".jsonl":
        yield from _line_batches(path, tuple(wanted), tuple(needed))
        return
    for file in parquet_files(path):
        names = set(file.schema_arrow.names)
        missing = [name for name in needed if name not in names]
        if missing:
            raise PoolwatchError(f"{path}: has no column {', '.join(missing)}")
        yield from file.iter_batches(BATCH_ROWS, columns=[name for name in wanted if name in names])


def _line_batches(path: Path, wanted: tuple[str, ...], needed: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """JSON lines as batches; a line without a needed field is passed over, as a dead letter would be."""
    lines = (record for _, record in read_lines(path))
    good = ({n: r.get(n) for n in wanted} for r in lines if all(r.get(n) is not None for n in needed))
    while rows := list(itertools.islice(good, BATCH_ROWS)):
        table = pa.Table.from_pylist(rows)
        yield from table.select([n for n in wanted if table[n].null_count < len(rows)]).to_batches()


def accepted(
    inputs: Sequence[str], wanted: Sequence[str], adapter: Adapter | None = None
) -> Iterator[pa.Table]:
    """The events of files that a replay would accept: time in ms, status, and those of `wanted` that came."""
    decoder = Decoder(Operations.load())
    reader = Reader(decoder, adapter)
    for item in find_inputs(inputs, lambda _: None, adapter.documents if adapter else ()):
        for part in reader.parts(item):
            records = part.records
            if isinstance(records, pa.Table):
                events, _ = decoder.table(records, 0)
                names = [name for name in wanted if name in records.column_names]
                rows = records.select(names).take(events.offset)
            else:
                events, _ = decoder.records(records, range(len(records)))
                told = [msgspec.json.decode(records[i]) for i in events.offset.tolist()]
                rows = pa.table({name: [record.get(name) for record in told] for name in wanted})
            for i, name in enumerate(rows.column_names):
                kind = pa.list_(pa.string()) if name in LISTS else pa.string()
                rows = rows.set_column(i, name, rows[name].cast(kind))
            yield rows.append_column("time", [events.time_ms]).append_column("status", [events.status])


def milliseconds(column: pa.Array) -> I64:
    """An event's time column as int64 ms: integers, RFC 3339 text or timestamps."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.cast(column, pa.timestamp("ms", "UTC"))
    if pa.types.is_timestamp(column.type):
        column = pc.cast(column, pa.timestamp("ms", column.type.tz), safe=False)
    time_ms: I64 = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return time_ms


class ScoreFile:
    """A Parquet file of score rows, or a table of them: read as often as needed, never held whole.

    from_ms, until_ms: rows outside are not looked at (a row's time is its minute's end).
    """

    def __init__(
        self, source: Path | pa.Table, from_ms: int | None = None, until_ms: int | None = None
    ) -> None:
        self._source, self._from, self._until = source, from_ms, until_ms

    def _tables(self) -> Iterator[pa.Table]:
        if isinstance(self._source, pa.Table):
            parts = iter(self._source.select(list(SCORE_COLUMNS)).to_batches(BATCH_ROWS))
        else:
            parts = batches(self._source, SCORE_COLUMNS, SCORE_COLUMNS)
        for part in parts:
            table = pa.table(part)
            if self._from is not None:
                table = table.filter(pc.greater(table["time"], self._from))
            if self._until is not None:
                table = table.filter(pc.less_equal(table["time"], self._until))
            yield table

    def highest(self) -> dict[Entity, float]:
        """Each entity's highest score."""
        best: dict[Entity, float] = {}
        for table in self._tables():
            top = table.group_by(["entity_kind", "entity_id"]).aggregate([("score", "max")])
            columns = (top[name].to_pylist() for name in ("entity_kind", "entity_id", "score_max"))
            for kind, name, score in zip(*columns, strict=True):
                if score is not None and score > best.get((kind, name), -1.0):
                    best[kind, name] = score
        return best

    def signs(self, truth: Truth, line: float, kinds: Iterable[str]) -> list[Sign]:
        """Rows of poolers' entities above the line, as signs of their minute."""
        found = []
        for table in self._tables():
            above = table.filter(pc.greater(table["score"], line))
            above = above.filter(pc.is_in(above["entity_kind"], pa.array(list(kinds), pa.string())))
            for row in above.select(SCORE_COLUMNS[:3]).to_pylist():
                kind, name, time = row["entity_kind"], row["entity_id"], row["time"]
                labels = truth.standing(kind, name)
                if labels and labels[0].label == AGGREGATOR:
                    found.append(Sign(kind, name, time, time))
        return found

    def span_ms(self) -> tuple[int, int] | None:
        """First and last time of the rows; None where there are none."""
        ends = [pc.min_max(t["time"]).as_py() for t in self._tables() if t.num_rows]
        return (min(e["min"] for e in ends), max(e["max"] for e in ends)) if ends else None

    def top_rows(self) -> pa.Table | None:
        """Each entity's row of highest score (its first, where several are), with all columns."""
        held: pa.Table | None = None
        for table in [self._source] if isinstance(self._source, pa.Table) else parquet_parts(self._source):
            held = _tops(table if held is None else pa.concat_tables([held, table]))
        return held


def _tops(table: pa.Table) -> pa.Table:
    kinds = table["entity_kind"].combine_chunks().dictionary_encode().indices.to_numpy()
    names = table["entity_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    entity = kinds.astype(np.int64) << 40 | names
    order = np.lexsort((table["time"].to_numpy(), -table["score"].to_numpy(), entity))
    first = np.flatnonzero(np.diff(entity[order], prepend=-1))
    return table.take(np.sort(order[first]))


def parquet_parts(path: Path) -> Iterator[pa.Table]:
    """All columns, by row groups."""
    for file in parquet_files(path):
        for part in file.iter_batches(BATCH_ROWS):
            yield pa.table(part)


def read_take(path: Path) -> Take:
    """The side file of what poolers took: Parquet or JSON lines with party, customer, time (first taken)."""
    if path.suffix == ".parquet":
        parts = [
            pa.table(b) for b in batches(path, ("party", "customer", "time"), ("party", "customer", "time"))
        ]
        table = pa.concat_tables(parts) if parts else pa.table({"party": [], "customer": [], "time": []})
    else:
        rows = [record for _, record in read_lines(path)]
        missing = [n for n in ("party", "customer", "time") if any(n not in r for r in rows)]
        if missing:
            raise ConfigError(
                f"{path}: a line needs party, customer and time; {', '.join(missing)} is missing"
            )
        table = pa.table({n: [r[n] for r in rows] for n in ("party", "customer", "time")})
    if not table.num_rows:
        return {}
    first = table.group_by(["party", "customer"]).aggregate([("time", "min")])
    times: dict[str, list[int]] = defaultdict(list)
    for party, time in zip(first["party"].to_pylist(), first["time_min"].to_pylist(), strict=True):
        times[str(party)].append(time)
    return {party: np.sort(np.array(t, np.int64)) for party, t in times.items()}
