"""Scenario files (TOML) -> `Scenario`: which populations and poolers, and how many. Reads that file."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.errors import ConfigError
from simulators import poolers, populations

FOLDER = Path(__file__).parent / "scenarios"
_FIELDS = {
    "says",
    "sellers",
    "developers",
    "hours",
    "early",
    "begin",
    "sale",
    "median_orders",
    "populations",
    "poolers",
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A mix. populations: name -> parameters (over the module's DEFAULTS); poolers: name -> parties.

    sale           share of sellers with a sale day within the span
    median_orders  orders a day of the middle seller
    early          chance that a pooler is at work when the span begins, where it is not the manner's own
    begin          shares of the span between which the others set to work
    """

    name: str
    says: str
    sellers: int = 2_000
    developers: int = 300
    hours: float = 72.0
    sale: float = 0.0
    median_orders: float = 18.0
    early: float | None = None
    begin: tuple[float, float] = (0.33, 0.72)
    populations: dict[str, dict[str, Any]] = field(default_factory=dict)
    poolers: dict[str, int] = field(default_factory=dict)


def load(name_or_path: str) -> Scenario:
    """The shipped scenario of that name, or the one in that TOML file. ConfigError says what is wrong."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = FOLDER / f"{name_or_path}.toml"
        if not path.exists():
            raise ConfigError(f'no scenario "{name_or_path}"; {_near(name_or_path, names())}')
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such scenario file") from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not a scenario file: {error}") from None
    return _checked(path, data)


def names() -> list[str]:
    """Names of the shipped scenarios."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def _checked(path: Path, data: dict[str, Any]) -> Scenario:
    for key in data:
        if key not in _FIELDS:
            raise ConfigError(f'{path}: no field "{key}"; {_near(key, sorted(_FIELDS))}')
    mixed: dict[str, dict[str, Any]] = {}
    known = populations.registry()
    for name, parameters in data.get("populations", {"ordinary": {}}).items():
        if name not in known:
            raise ConfigError(f'{path}: no population "{name}"; {_near(name, sorted(known))}')
        for parameter in parameters:
            if parameter not in known[name].DEFAULTS:
                raise ConfigError(
                    f'{path}: {name} has no "{parameter}"; {_near(parameter, sorted(known[name].DEFAULTS))}'
                )
        mixed[name] = {**known[name].DEFAULTS, **parameters}
    for name, count in data.get("poolers", {}).items():
        if name not in poolers.registry():
            raise ConfigError(f'{path}: no pooler "{name}"; {_near(name, sorted(poolers.registry()))}')
        if not isinstance(count, int) or count < 0:
            raise ConfigError(f"{path}: poolers.{name} must be a number of parties, 0 or more")
    plain = {key: value for key, value in data.items() if key not in ("populations", "poolers")}
    return Scenario(
        name=path.stem, populations=mixed, poolers=dict(data.get("poolers", {})), **{"says": "", **plain}
    )


def _near(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f'did you mean "{close[0]}"?' if close else f"there are: {', '.join(known)}"
