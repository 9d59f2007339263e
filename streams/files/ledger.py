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
from models.ledger.ledger import LedgerDay
from models.ledger.loop import ENTRY_MOST
from models.wire.sightings import ENTITY_KINDS
from streams.files.atomic import atomic_path, clear_write_errors

log = logging.getLogger("poolwatch.ledger")

VERSION = b"1"
#: Rows lie by entity, and a question is about few of them: small groups are skipped unread.
ROW_GROUP_ROWS = 4_096
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAY_S = 86_400
_IDS = ("entity_kind", "entity_id", "seller_id", "key_id", "classes")
SCHEMA = pa.schema(
    [
        *[pa.field(name, pa.string(), nullable=False) for name in _IDS],
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
    ]
    return _sorted(_table(columns, day.levels, day.starts, day.samples))


def _named(values: Any, names: Mapping[int, str]) -> pa.Array:
    distinct, places = np.unique(values, return_inverse=True)
    return pa.array([names[v] for v in distinct.tolist()], pa.string()).take(pa.array(places))


def _table(ids: Sequence[pa.Array], levels: Any, starts: Any, samples: Any) -> pa.Table:
    lists = pa.ListArray.from_arrays(pa.array(starts.astype(np.int32)), pa.array(samples))
    return pa.table([*ids, pa.array(levels), lists.cast(SCHEMA.field("sample").type)], schema=SCHEMA)


def _sorted(table: pa.Table) -> pa.Table:
    """By ids: the same bytes however the rows came."""
    return table.take(pc.sort_indices(table, [(name, "ascending") for name in _IDS])).combine_chunks()


def write(folder: str, partition: int, days: Sequence[LedgerDay], keep_days: int) -> None:
    """Keep days of a sightings partition, then delete those `keep_days` or more before the newest of them.

    Nothing is deleted by a day that is yet to come: a clock that is wrong must not cost the evidence.
    PoolwatchError where the folder cannot be written.
    """
    for day in days:
        path = Path(folder, _text(day.day), f"{partition:03}.parquet")
        with clear_write_errors(str(path)):
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
            write_statistics=["entity_id"],
            row_group_size=ROW_GROUP_ROWS,
        )


def _merged(path: Path, table: pa.Table) -> pa.Table:
    """`table` and what the file holds already, an entry of both once."""
    if not path.exists():
        return table
    try:
        there = read(path)
    except PoolwatchError as error:
        os.replace(path, path.with_suffix(".damaged"))
        log.warning("%s; set aside as .damaged", error)
        return table
    if there.equals(table):
        return table
    both = pa.concat_tables([there, table]).combine_chunks()
    entry, first = _entries(both)
    lists = both["sample"].combine_chunks()
    levels, kept = _united(entry, both["level"].to_numpy(), lists)
    starts = np.searchsorted(kept >> np.uint64(32), np.arange(len(first) + 1))
    ids = [both[name].combine_chunks().take(pa.array(first)) for name in _IDS]
    return _sorted(_table(ids, levels, starts, kept.astype(np.uint32)))


def _entries(rows: pa.Table) -> tuple[Any, Any]:
    """(entry int64[n] of each row, a row of each entry): rows of the same ids are of one entry."""
    entry = np.zeros(len(rows), np.int64)
    for name in _IDS:
        codes = rows[name].combine_chunks().dictionary_encode().indices.to_numpy()
        _, first, entry = np.unique(entry << 32 | codes, return_index=True, return_inverse=True)
    return entry, first


def _united(entry: Any, levels: Any, lists: pa.ListArray) -> tuple[Any, Any]:
    """(level uint8[entries], hashes kept with their entry above them uint64[.], ascending)."""
    top = np.zeros(entry.max() + 1, np.uint8)
    np.maximum.at(top, entry, levels)
    owner = np.repeat(entry.astype(np.uint64), pc.list_value_length(lists).to_numpy())
    kept = np.unique(owner << np.uint64(32) | lists.flatten().to_numpy())
    while True:
        owner = (kept >> np.uint64(32)).astype(np.int64)
        kept = kept[(kept & np.uint64(0xFFFFFFFF)) >> (32 - top[owner].astype(np.uint64)) == 0]
        over = np.bincount((kept >> np.uint64(32)).astype(np.int64), minlength=len(top)) > ENTRY_MOST
        if not over.any():
            return top, kept
        top[over] += 1


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
            with clear_write_errors(str(place)):
                shutil.rmtree(place)
            gone.append(place.name)
    return gone


def _text(day: int) -> str:
    return datetime.fromtimestamp(day * _DAY_S, UTC).date().isoformat()
