"""Closed days of the ledger <-> Parquet files, FOLDER/2026-11-22/003.parquet for partition 3. Touches files.

A file is there whole or not at all. One that is there already is merged with: a day told again after a crash
changes nothing, and one told in part (by a replay of some hours, or of what Kafka still holds) loses nothing.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.errors import ConfigError, PoolwatchError
from models.events import PII_CLASSES
from models.ledger import LedgerDay
from models.ledger_loop import ENTRY_MOST
from models.sightings import ENTITY_KINDS
from streams.atomic import atomic_path, told

log = logging.getLogger("poolwatch.ledger")

VERSION = b"1"
#: Rows lie by entity, and a question is about few of them: small groups are skipped unread.
ROW_GROUP_ROWS = 4_096
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAY_S = 86_400
_IDS = ("entity_kind", "entity_id", "seller_id", "key_id", "classes")
SCHEMA = pa.schema(
    [
        *[pa.field(name, pa.dictionary(pa.int32(), pa.string()), nullable=False) for name in _IDS],
        pa.field("level", pa.uint8(), nullable=False),
        pa.field("sample", pa.list_(pa.field("item", pa.uint32(), nullable=False)), nullable=False),
    ],
    metadata={"poolwatch_ledger": VERSION},
)
#: Text of each set of classes, by its bits: names in the contract's order, joined by a comma.
CLASS_SETS = tuple(
    ",".join(name for place, name in enumerate(PII_CLASSES) if bits >> place & 1)
    for bits in range(1 << len(PII_CLASSES))
)


def table_of(day: LedgerDay) -> pa.Table:
    """Table of SCHEMA."""
    columns = [
        _named(day.kinds, dict(enumerate(ENTITY_KINDS))),
        *[_named(ids, day.names) for ids in (day.entities, day.sellers, day.keys)],
        _named(day.classes, dict(enumerate(CLASS_SETS))),
        pa.array(day.levels),
        pa.ListArray.from_arrays(pa.array(day.starts.astype(np.int32)), pa.array(day.samples)),
    ]
    return pa.table([*columns[:6], columns[6].cast(SCHEMA.field("sample").type)], schema=SCHEMA)


def _named(values: Any, names: Mapping[int, str]) -> pa.DictionaryArray:
    distinct, places = np.unique(values, return_inverse=True)
    return pa.DictionaryArray.from_arrays(
        pa.array(places.astype(np.int32)), pa.array([names[v] for v in distinct.tolist()], pa.string())
    )


def write(folder: str, partition: int, days: Sequence[LedgerDay], keep_days: int) -> None:
    """Keep days of a sightings partition, then delete those `keep_days` or more before the newest of them.

    Nothing is deleted by a day that is yet to come: a clock that is wrong must not cost the evidence.
    PoolwatchError where the folder cannot be written.
    """
    for day in days:
        path = Path(folder, _text(day.day), f"{partition:03}.parquet")
        with told(str(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, _merged(path, table_of(day)))
    if days:
        expire(folder, min(days[-1].day, int(time.time()) // _DAY_S) - keep_days)


def _write(path: Path, table: pa.Table) -> None:
    with atomic_path(str(path)) as partial:
        pq.write_table(
            table,
            partial,
            compression="zstd",
            use_dictionary=list(_IDS),
            write_statistics=list(_IDS),
            row_group_size=ROW_GROUP_ROWS,
        )


def _merged(path: Path, table: pa.Table) -> pa.Table:
    """`table` and what the file holds already, an entry of both once."""
    if not path.exists():
        return _sorted(table)
    try:
        there = read(path)
    except PoolwatchError as error:
        os.replace(path, path.with_suffix(".damaged"))
        log.warning("%s; set aside as .damaged", error)
        return _sorted(table)
    both = pa.concat_tables([there, table]).unify_dictionaries()
    rows: dict[tuple[str, ...], tuple[int, Any]] = {}
    ids = zip(*(both[name].to_pylist() for name in _IDS), strict=True)
    for entry, level, sample in zip(ids, both["level"].to_pylist(), both["sample"], strict=True):
        values = sample.values.to_numpy()
        if entry in rows:
            level, values = _one(max(level, rows[entry][0]), np.union1d(values, rows[entry][1]))
        rows[entry] = (level, values)
    columns = [pa.array(column).dictionary_encode() for column in zip(*rows, strict=True)]
    levels = pa.array([level for level, _ in rows.values()], pa.uint8())
    samples = pa.array([values for _, values in rows.values()], SCHEMA.field("sample").type)
    return _sorted(pa.table([*columns, levels, samples], schema=SCHEMA))


def _one(level: int, values: Any) -> tuple[int, Any]:
    """A sample of `level` or above that is no larger than one entry's may be."""
    values = values[values.astype(np.uint64) < 1 << (32 - level)]
    while len(values) > ENTRY_MOST:
        level += 1
        values = values[values < 1 << (32 - level)]
    return level, values


def _sorted(table: pa.Table) -> pa.Table:
    """By ids: the same bytes however the rows came."""
    texts = pa.table({name: pc.cast(table[name], pa.string()) for name in _IDS})
    order = pc.sort_indices(texts, [(name, "ascending") for name in _IDS])
    table, texts = table.take(order), texts.take(order)
    for place, name in enumerate(_IDS):
        table = table.set_column(
            place, SCHEMA.field(name), pc.dictionary_encode(texts[name].combine_chunks())
        )
    return table.cast(SCHEMA).combine_chunks()


def read(path: Path, entities: Sequence[str] | None = None) -> pa.Table:
    """Table of SCHEMA, of these entity ids (None = all).

    PoolwatchError: a damaged file, or one of another version.
    """
    wanted = None if entities is None else pc.field("entity_id").isin(list(entities))
    try:
        table = pq.read_table(path, filters=wanted)
        metadata = table.schema.metadata or {}
        if metadata.get(b"poolwatch_ledger") != VERSION:
            raise PoolwatchError(
                f"{path}: no ledger of this version; move it out of the folder, or replay its day's events"
            )
        return table.cast(SCHEMA)
    except (pa.ArrowException, OSError, ValueError) as error:
        why = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise PoolwatchError(
            f"{path}: damaged or no Parquet ({why}); bring a copy back, or delete it and replay the day"
        ) from error


def files(
    folder: str, from_ms: int | None = None, until_ms: int | None = None
) -> Iterator[tuple[date, Path]]:
    """(UTC day, file) of each day that overlaps [from, until), oldest first. ConfigError: no such folder."""
    if not Path(folder).is_dir():
        raise ConfigError(
            f"--ledger {folder}: no such folder; worker and replay write it where --ledger says"
        )
    for number, place in _days(folder):
        begins = number * _DAY_S * 1000
        if (until_ms is None or begins < until_ms) and (from_ms is None or begins + _DAY_S * 1000 > from_ms):
            for path in sorted(place.glob("*.parquet")):
                yield date.fromisoformat(place.name), path


def _days(folder: str) -> list[tuple[int, Path]]:
    """(day since 1970, its folder), oldest first; anything else in there is left alone."""
    out = []
    for place in Path(folder).iterdir():
        if _DAY.fullmatch(place.name) and place.is_dir():
            try:
                begins = datetime.fromisoformat(place.name).replace(tzinfo=UTC).timestamp()
            except ValueError:
                continue
            out.append((int(begins) // _DAY_S, place))
    return sorted(out)


def expire(folder: str, until_day: int) -> list[str]:
    """Delete the days up to `until_day`; their names."""
    gone = []
    for number, place in _days(folder):
        if number <= until_day:
            with told(str(place)):
                shutil.rmtree(place)
            gone.append(place.name)
    return gone


def _text(day: int) -> str:
    return datetime.fromtimestamp(day * _DAY_S, UTC).date().isoformat()
