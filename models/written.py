"""TOML as a person wrote it in; the struct that it should be out, or one line of what is wrong. Pure."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from models.errors import ConfigError

T = TypeVar("T")
Struct = type[msgspec.Struct]

#: Of what msgspec says, and types by its names for them.
_PLACE = re.compile(r"`\$\.?([^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")
_LACKING = re.compile(r"missing required field `([^`]+)`")
_EXPECTED = re.compile(r"^Expected `([^`]+)`, got `([^`]+)`")
_TYPES = {
    "float": "a number", "int": "a number", "str": "text", "bool": "true or false",
    "array": "a list", "object": "a table",
}  # fmt: skip


def toml(content: bytes, where: str) -> dict[str, Any]:
    """The tables of a file. ConfigError opens with `where`."""
    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: not TOML: {error}") from None


def shaped(
    raw: object, kind: type[T], where: str, manual: str = "", inner: Mapping[str, Struct] | None = None
) -> T:
    """`raw` as a `kind`. ConfigError opens with `where`.

    manual  where all settings are named
    inner   structs of the settings that are lists of tables
    """
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_worded(str(error), kind, manual, inner or {})}") from None


def near(name: str, known: Iterable[str]) -> str:
    """`did you mean "..."?` where a known name is like it, else nothing."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f'did you mean "{close[0]}"?' if close else ""


def _worded(error: str, kind: type, manual: str, inner: Mapping[str, Struct]) -> str:
    """What msgspec says of a file, in the file's own words."""
    place = _PLACE.search(error)
    setting = place[1] if place else ""
    within = f" in {setting}" if setting else ""
    if unknown := _UNKNOWN.search(error):
        known = msgspec.structs.fields(inner.get(setting.partition("[")[0], kind))
        names = [field.encode_name for field in known]
        meant = near(unknown[1], names) or (
            f"{manual} names them all" if manual else f"there are: {', '.join(names)}"
        )
        return f'no setting "{unknown[1]}"{within}; {meant}'
    if lacking := _LACKING.search(error):
        return f"{lacking[1]} is missing{within}" + (f"; {manual} says what it is" if manual else "")
    if expected := _EXPECTED.search(error):
        wanted = dict.fromkeys(_TYPES.get(name, name) for name in expected[1].split(" | ") if name != "null")
        return f"{setting or 'it'} must be {' or '.join(wanted)}, not {_TYPES.get(expected[2], expected[2])}"
    return error
