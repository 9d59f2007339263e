"""TOML file -> pairs of entities that are known to be different parties. Pure but for `load`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from models.errors import ConfigError
from models.wire.sightings import ENTITY_KINDS

#: Entities as kind:id, as alerts call them.
Pairs = tuple[tuple[str, str], ...]

_FORM = 'pairs = [["developer:ID", "origin:ID"]]'


def load(path: str | Path | None) -> Pairs:
    """The pairs of a file, in its order; none where no file is given. ConfigError: file, place, remedy."""
    if not path:
        return ()
    try:
        return parse(Path(path).read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give a readable TOML file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}; write it in UTF-8") from None


def parse(text: str, where: str) -> Pairs:
    """The pairs of a file's text. ConfigError opens with `where`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}; the form is {_FORM}") from None
    if unknown := sorted(content.keys() - {"pairs"}):
        raise ConfigError(f"{where}: unknown setting {unknown[0]!r}; the form is {_FORM}")
    pairs = content.get("pairs")
    if not isinstance(pairs, list):
        raise ConfigError(f"{where}: no list of pairs in it; the form is {_FORM}")
    return tuple(_pair(f"{where}: pair {number}", pair) for number, pair in enumerate(pairs, 1))


def _pair(place: str, pair: Any) -> tuple[str, str]:
    if not isinstance(pair, list) or len(pair) != 2:
        raise ConfigError(f'{place}: must be two entities, such as ["developer:ID", "origin:ID"]')
    one, other = (_entity(place, name) for name in pair)
    if one == other:
        raise ConfigError(f"{place}: the same entity twice, {one!r}; name the one that it is not")
    return one, other


def _entity(place: str, name: Any) -> str:
    if not isinstance(name, str):
        raise ConfigError(f"{place}: {name!r} is no text; put it in quotes")
    kind, _, entity = name.partition(":")
    if kind not in ENTITY_KINDS or not entity:
        kinds = " or ".join(f"{kind}:ID" for kind in ENTITY_KINDS)
        raise ConfigError(f"{place}: {name!r} is no entity; write {kinds}, as an alert's case or links do")
    return name
