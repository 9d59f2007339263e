"""A mapping file (TOML) in; an adapter from one's own fields to the contract's out. Touches that file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from models.decode.fields import REQUIRED
from models.errors import BadRecord, ConfigError
from models.written import near, shaped, toml
from streams.inputs.adapters import Adapter, Record
from streams.inputs.tables import FIELDS, LIST_SEPARATOR, LISTS, NUMBERS, TEXT

_WHOLE = re.compile(r"-?[0-9]{1,18}")
TIME_UNITS = {"s": 1_000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}


#: Where all that may be written is named.
MANUAL = "docs/inputs.md"


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """A mapping as it is written. records: where they are, if nested in a document."""

    fields: dict[str, Any]
    records: str | list[str] = ""


class _Source(msgspec.Struct, forbid_unknown_fields=True):
    """Where a field comes from, as it is written."""

    path: str | list[str] = ""
    value: Any = None
    default: Any = None
    values: dict[str, Any] = {}
    format: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """Where one field of the contract comes from. `values` renames, `default` is for what is absent."""

    path: tuple[str, ...] = ()
    value: Any = None
    default: Any = None
    values: dict[str, Any] = field(default_factory=dict)
    split: str = ""
    time: Callable[[Any], Any] | None = None

    def of(self, record: Record) -> Any:
        """The field's value, None where it is absent."""
        if self.value is not None:
            return self.value
        value = _follow(record, self.path)
        if value is None:
            return self.default
        if self.values and str(value) in self.values:
            return self.values[str(value)]
        if self.split and isinstance(value, str):
            return [part.strip() for part in value.split(self.split) if part.strip()]
        if isinstance(value, datetime):  # a Parquet timestamp needs no format
            return _ms(lambda: value)
        return self.time(value) if self.time else value


@dataclass(frozen=True)
class Mapping(Adapter):
    """Fields by name; a field that is not mapped is read under its own name. path: of the mapping file."""

    path: str
    fields: dict[str, Field]
    records: tuple[str, ...] = ()
    name = "mapped"
    documents = (".json",)

    @classmethod
    def load(cls, path: str) -> Mapping:
        """The mapping of a file. ConfigError naming the file, the field and the remedy."""
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}") from error
        written = shaped(toml(content, path), _File, path, MANUAL)
        fields = {name: _field(f"{path}: {name}", name, given) for name, given in written.fields.items()}
        unnamed = {name: Field((name,)) for name in FIELDS if name not in fields}
        return cls(path, fields | unnamed, _path(written.records))

    def columns(self, names: list[str], where: str) -> list[str]:
        """Of a table's columns those that are read. ConfigError for one that is not there.

        Only a field read under its own name that need not come, and one with a default, may be missing.
        """
        wanted: list[str] = []
        for name, source in self.fields.items():
            if not source.path or source.path[0] in names:
                wanted += source.path[:1]
            elif (name in REQUIRED or source.path != (name,)) and source.default is None:
                raise ConfigError(f"{where}: no column {self._unfound(name, source.path, names)}")
        return list(dict.fromkeys(wanted))

    def _unfound(self, name: str, path: tuple[str, ...], names: list[str]) -> str:
        told, dotted = f'"{path[0]}" for {name} of {self.path}', ".".join(path)
        if dotted in names:
            return f'{told}; a name with a dot in it is written path = ["{dotted}"]'
        meant = near(dotted, names)
        return f"{told}; {meant}" if meant else told

    def within(self, document: Any) -> list[Any] | None:
        if not self.records:
            return document if isinstance(document, list) else super().within(document)
        found = _follow(document, self.records) if isinstance(document, (dict, list)) else None
        return found if isinstance(found, list) else None

    def order(self, record: Any) -> float:
        """Time in ms where it is a number or an RFC 3339 text."""
        try:
            time = self.fields["time"].of(record)
            return float(time if isinstance(time, (int, float)) else _rfc3339(time))
        except (BadRecord, TypeError, AttributeError, OverflowError):
            return 0.0

    def event(self, record: Record) -> Record:
        told = ((name, _shaped(name, source.of(record))) for name, source in self.fields.items())
        return {name: value for name, value in told if value is not None}


def _shaped(name: str, value: Any) -> Any:
    """The value in its field's type: CSV knows texts alone, and an id may be written as a number."""
    if name in TEXT:
        return _text(value)
    if name in NUMBERS and isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if name in NUMBERS and isinstance(value, float):  # pandas: NaN for what is missing, and 2.0 for 2
        return int(value) if value.is_integer() else None if math.isnan(value) else value
    if name in LISTS:
        ids = value.split(LIST_SEPARATOR) if isinstance(value, str) else value
        return [_text(text) for text in ids] if isinstance(ids, list) else ids
    return value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _field(where: str, name: str, given: Any) -> Field:
    if name not in FIELDS:
        raise ConfigError(f"{where}: no such field; {near(name, FIELDS) or f'{MANUAL} names them all'}")
    if isinstance(given, str):
        given = {"path": given}
    source = shaped(given, _Source, where, MANUAL)
    if not source.path and source.value is None:
        raise ConfigError(f'{where}: give "PATH", or a table with path or value')
    if source.split and name not in LISTS:
        raise ConfigError(f"{where}: split is for lists: {', '.join(LISTS)}")
    if source.format and name != "time":
        raise ConfigError(f"{where}: format is for time")
    return Field(
        path=_path(source.path),
        value=source.value,
        default=source.default,
        values=source.values,
        split=source.split,
        time=_time_format(where, source.format) if source.format else None,
    )


def _path(text: str | list[str]) -> tuple[str, ...]:
    """`a.b.0` names a's b's first; a list of names serves where a name has a dot."""
    return tuple(text) if isinstance(text, list) else tuple(text.split(".")) if text else ()


def _follow(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _time_format(where: str, form: str) -> Callable[[Any], Any]:
    """A function from a time as written to ms. form: s, ms, us, ns, rfc3339 or a strptime pattern."""
    if form == "rfc3339":
        return _rfc3339
    if form in TIME_UNITS:
        factor = TIME_UNITS[form]
        return lambda value: _number(value, factor)
    if "%" not in form:
        raise ConfigError(
            f"{where}: format is {', '.join(TIME_UNITS)}, rfc3339 or a pattern such as %Y-%m-%d %H:%M:%S"
        )
    return lambda value: _ms(datetime.strptime, value, form)


def _number(value: Any, factor: float) -> int:
    try:
        return round(float(value) * factor) if factor != 1.0 else int(value)
    except (TypeError, ValueError, OverflowError):
        raise BadRecord("time is not a number, as its format says") from None


def _rfc3339(value: Any) -> int:
    return _ms(lambda text: datetime.fromisoformat(text), value)


def _ms(parse: Callable[..., datetime], *arguments: Any) -> int:
    try:
        time = parse(*arguments)
    except (TypeError, ValueError):
        raise BadRecord("time is not written as its format says") from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return round(time.timestamp() * 1000)
