"""A question about days gone by -> distinct customers of a party, from the ledger's files. Reads files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.errors import ConfigError, PoolwatchError
from models.events import PII_CLASSES
from models.ledger.samples import counts, union
from models.wire.sightings import ENTITY_KINDS
from streams.files import ledger as ledger_files

BY = ("class", "key", "seller", "day", "entity")
#: Entities named in a message.
NAMED = 5
_COLUMNS = {"entity": "entity", "seller": "seller_id", "key": "key_id", "day": "day", "class": "classes"}


@dataclass(frozen=True, slots=True)
class Question:
    """Whose customers did these entities see, in these days?

    entities  ids, or KIND:ID where an id alone does not tell; empty = everybody
    by        one of BY
    """

    folder: str
    entities: tuple[str, ...] = ()
    from_ms: int | None = None
    until_ms: int | None = None
    by: str = "class"


@dataclass(frozen=True, slots=True)
class Line:
    """Distinct customers of one group, with bounds of about 95%; exact where low = high.

    sellers, keys, days  how many of each there are in the group
    """

    name: str
    customers: int
    low: int
    high: int
    sellers: int
    keys: int
    days: int


@dataclass(frozen=True, slots=True)
class Answer:
    """total: the line of everything together; unknown: entities of which these days hold nothing."""

    first_day: date
    last_day: date
    entities: list[str]
    unknown: list[str]
    total: Line
    by: str
    lines: list[Line]


def ask(question: Question) -> Answer:
    """The answer. ConfigError, PoolwatchError: one clear line."""
    if question.by not in BY:
        raise ConfigError(f"--by {question.by}: one of {', '.join(BY)}")
    days, rows = _rows(question)
    if not len(rows):
        who = _named(question.entities)
        raise PoolwatchError(
            f"{question.folder}: {days[0]} to {days[-1]} hold no customer that {who} read; "
            "an id is developer:ID or origin:ID, and a day is there once it is over"
        )
    read = _Read(rows)
    known = set(read.texts["entity"])
    unknown = [
        name for name in question.entities if not any(name in (entity, _id(entity)) for entity in known)
    ]
    lines = read.by_class() if question.by == "class" else read.by(question.by)
    (total,) = read.lines(["total"], np.arange(len(rows)), np.zeros(len(rows), np.int64))
    return Answer(days[0], days[-1], sorted(known), unknown, total, question.by, lines)


def _named(entities: Sequence[str]) -> str:
    more = [f"{len(entities) - NAMED:,} others"] if len(entities) > NAMED else []
    return " or ".join([*entities[:NAMED], *more]) or "anybody"


def _rows(question: Question) -> tuple[list[date], pa.Table]:
    """(days that have a file, their rows of the entities, with the day)."""
    ids = [_id(name) for name in question.entities] + list(question.entities)
    parts, days = [], set()
    for day, path in ledger_files.files(question.folder, question.from_ms, question.until_ms):
        days.add(day)
        part = ledger_files.read(path, ids if question.entities else None)
        parts.append(part.append_column("day", pa.array([day.isoformat()] * len(part), pa.string())))
    if not parts:
        raise PoolwatchError(f"{question.folder}: no day of the ledger within --from..--until")
    rows = pa.concat_tables(parts)
    who = pc.binary_join_element_wise(rows["entity_kind"], rows["entity_id"], ":")
    rows = rows.append_column("entity", who)
    if question.entities:
        wanted = pa.array(question.entities)
        rows = rows.filter(pc.or_(pc.is_in(rows["entity"], wanted), pc.is_in(rows["entity_id"], wanted)))
    return sorted(days), rows


def _id(entity: str) -> str:
    kind, _, rest = entity.partition(":")
    return rest if kind in ENTITY_KINDS else entity


class _Read:
    """Rows of the ledger as columns: codes of texts, samples."""

    def __init__(self, rows: pa.Table) -> None:
        self.texts: dict[str, list[str]] = {}
        self.codes: dict[str, Any] = {}
        for name, column in _COLUMNS.items():
            encoded = rows[column].combine_chunks().dictionary_encode()
            self.texts[name], self.codes[name] = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
        lists = rows["sample"].combine_chunks()
        self.levels = rows["level"].to_numpy()
        self.lengths = pc.list_value_length(lists).to_numpy().astype(np.int64)
        self.starts = np.concatenate(([0], np.cumsum(self.lengths)))
        self.samples = lists.flatten().to_numpy()

    def by(self, name: str) -> list[Line]:
        """A line a text of `name`: days in order, others by customers."""
        codes = self.codes[name].astype(np.int64)
        lines = self.lines(self.texts[name], np.arange(len(codes)), codes)
        return sorted(lines, key=lambda line: line.name if name == "day" else (-line.customers, line.name))

    def by_class(self) -> list[Line]:
        """A line a class that came; a customer counts for each class that an answer told of it."""
        members: dict[str, list[int]] = defaultdict(list)
        for code, classes in enumerate(self.texts["class"]):
            for name in classes.split(","):
                members[name].append(code)
        lines = []
        for name in PII_CLASSES:
            mine = np.flatnonzero(np.isin(self.codes["class"], members[name]))
            if len(mine):
                lines += self.lines([name], mine, np.zeros(len(mine), np.int64))
        return lines

    def lines(self, names: Sequence[str], rows: Any, groups: Any) -> list[Line]:
        """A line for each of `names`: rows int64[n], groups int64[n] the name of each."""
        lengths = self.lengths[rows]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        samples = self.samples[np.repeat(self.starts[rows] - starts[:-1], lengths) + np.arange(starts[-1])]
        top, kept = union(groups, len(names), self.levels[rows], starts, samples)
        found = counts(top, kept)
        columns = [found.estimate, found.low, found.high] + [
            _distinct(groups, self.codes[of][rows], len(names)) for of in ("seller", "key", "day")
        ]
        table = np.stack(columns, axis=1).astype(np.int64).tolist()
        return [Line(name, *values) for name, values in zip(names, table, strict=True)]


def _distinct(groups: Any, codes: Any, many: int) -> Any:
    """Distinct codes of each group."""
    pairs = np.unique(groups.astype(np.int64) << 32 | codes)
    return np.bincount(pairs >> 32, minlength=many)
