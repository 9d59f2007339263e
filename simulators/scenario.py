"""Scenario files (TOML) -> `Scenario`: which populations and poolers, and how many. Reads that file."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from models.errors import ConfigError
from models.written import near, shaped, toml
from simulators import poolers, populations

FOLDER = Path(__file__).parent / "scenarios"


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
    populations: dict[str, dict[str, int | float]] = field(default_factory=dict)
    poolers: dict[str, int] = field(default_factory=dict)


def load(name_or_path: str) -> Scenario:
    """The shipped scenario of that name, or the one in that TOML file. ConfigError says what is wrong."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = FOLDER / f"{name_or_path}.toml"
        if not path.exists():
            raise ConfigError(f'no scenario "{name_or_path}"; {_near(name_or_path, names())}')
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    return _checked(path.stem, toml(content, str(path)), str(path))


def names() -> list[str]:
    """Names of the shipped scenarios."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def _checked(name: str, data: dict[str, Any], where: str) -> Scenario:
    known = [field.name for field in fields(Scenario) if field.name != "name"]
    for key in data:
        if key not in known:
            raise ConfigError(f'{where}: no field "{key}"; {_near(key, known)}')
    scenario = shaped({"says": "", "populations": {"ordinary": {}}, **data, "name": name}, Scenario, where)
    for pooler, count in scenario.poolers.items():
        if pooler not in poolers.registry():
            raise ConfigError(f'{where}: no pooler "{pooler}"; {_near(pooler, sorted(poolers.registry()))}')
        if count < 0:
            raise ConfigError(f"{where}: poolers.{pooler} must be a number of parties, 0 or more")
    mixed = {mix: _mixed(mix, given, where) for mix, given in scenario.populations.items()}
    return replace(scenario, populations=mixed)


def _mixed(name: str, given: dict[str, float], where: str) -> dict[str, float]:
    """A population's parameters: those given over its defaults."""
    registry = populations.registry()
    if name not in registry:
        raise ConfigError(f'{where}: no population "{name}"; {_near(name, sorted(registry))}')
    defaults: dict[str, float] = registry[name].DEFAULTS
    for parameter, value in given.items():
        if parameter not in defaults:
            raise ConfigError(f'{where}: {name} has no "{parameter}"; {_near(parameter, sorted(defaults))}')
        if value < 0 or (isinstance(value, float) and isinstance(defaults[parameter], int)):
            whole = "whole " if isinstance(defaults[parameter], int) else ""
            raise ConfigError(f"{where}: {name}.{parameter} must be a {whole}number, 0 or more")
    return defaults | given


def _near(name: str, known: list[str]) -> str:
    return near(name, known) or f"there are: {', '.join(known)}"
