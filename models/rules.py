"""TOML files -> thresholds; feature rows -> which fired, how strong the evidence is. Reads rule files."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

from models.errors import ConfigError
from models.features import FEATURES
from models.sightings import ENTITY_KINDS

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

SHIPPED = Path(__file__).parent / "rules"
SEVERITIES = ("low", "medium", "high", "critical")
_COLUMN = {f.name: i for i, f in enumerate(FEATURES)}


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A further line that must be crossed."""

    feature: str
    above: float


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What must or must not fire: `value` of the rule's feature, or `values` by name; the rest is 0."""

    it: str
    fires: bool
    value: float | None = None
    values: dict[str, float] = {}
    kind: str | None = None


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule as it is written; the field names are the manual."""

    feature: str
    above: float
    severity: str
    weight: float
    why: str
    do: str
    cases: list[Case]
    kinds: list[str] = msgspec.field(default_factory=lambda: list(ENTITY_KINDS))
    also: list[Condition] = msgspec.field(default_factory=list, name="and")
    early: bool = False
    dedup_hours: float = 24.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A checked rule.

    columns, lines  feature columns and the lines they must exceed, the rule's own feature first
    weight          how much it lifts the score at most, 0..1
    early           may fire before its minute closes
    """

    id: str
    columns: tuple[int, ...]
    lines: tuple[float, ...]
    kinds: tuple[int, ...]
    severity: str
    weight: float
    early: bool
    dedup_hours: float
    why: str
    do: str
    cases: tuple[Case, ...] = field(repr=False)

    @property
    def feature(self) -> str:
        return FEATURES[self.columns[0]].name

    @property
    def window(self) -> str:
        return FEATURES[self.columns[0]].window


@dataclass(frozen=True)
class RuleSet:
    """The thresholds in force, in the order of their ids."""

    rules: tuple[Rule, ...]
    hash: str  # of the files' content: 16 hex digits

    @classmethod
    def load(cls, path: str | Path | None = None) -> RuleSet:
        """Rules of a folder, of one file, or (None) those shipped. ConfigError: which file, what, remedy."""
        place = SHIPPED if path is None else Path(path)
        files = sorted(place.glob("*.toml")) if place.is_dir() else [place]
        if not files:
            raise ConfigError(f"{place}: no rule in it; a rule is a file NAME.toml (docs/rules.md)")
        digest = hashlib.sha256()
        rules = []
        for file in files:
            content = _read(file)
            digest.update(file.stem.encode() + b"\0" + hashlib.sha256(content).digest())
            rules.append(parse(file.stem, content, f"{file.parent.name}/{file.name}"))
        return cls(tuple(rules), digest.hexdigest()[:16])

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(r.id for r in self.rules)

    @cached_property
    def weights(self) -> F64:
        """float64[rules]"""
        return np.array([r.weight for r in self.rules])

    @cached_property
    def early(self) -> Bools:
        """bool[rules]: may fire before the minute closes."""
        return np.array([r.early for r in self.rules], bool)

    @cached_property
    def _flat(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], F64, Bools]:
        """Where each rule's conditions start and the last ends, their columns, lines; bool[rules, kinds]."""
        starts = np.cumsum([0, *(len(r.columns) for r in self.rules)])
        columns = np.array([c for r in self.rules for c in r.columns], np.int64)
        lines = np.array([x for r in self.rules for x in r.lines])
        kinds = np.array([[k in r.kinds for k in range(len(ENTITY_KINDS))] for r in self.rules])
        return starts, columns, lines, kinds

    def evidence(self, kinds: U8, matrix: F64) -> tuple[Bools, F64]:
        """(fired bool[n, rules], strength float64[n, rules]) of uint8[n] kinds and float64[n, features].

        fired     every line of the rule is exceeded
        strength  0..1, higher = more anomalous, smooth below the line too, .5 where the rule's own line
                  is met; never falls when a value rises. A further condition only holds it back: below
                  its line by the square of the part that is reached.
        """
        fired, strength = _evidence(kinds, np.ascontiguousarray(matrix), *self._flat)
        return fired, strength

    def fired(self, kinds: U8, matrix: F64) -> Bools:
        """bool[n, rules]: as in `evidence`."""
        return self.evidence(kinds, matrix)[0]

    def strength(self, kinds: U8, matrix: F64) -> F64:
        """float64[n, rules]: as in `evidence`."""
        return self.evidence(kinds, matrix)[1]


@njit(cache=True)
def _evidence(kinds, matrix, starts, columns, lines, of_kind):  # type: ignore[no-untyped-def]
    """See RuleSet.evidence. Plain twin: tests/models/naive_rules.py."""
    n, rules = len(kinds), len(starts) - 1
    fired = np.zeros((n, rules), np.bool_)
    strength = np.zeros((n, rules))
    for r in range(n):
        for rule in range(rules):
            first = starts[rule]
            value = matrix[r, columns[first]]
            if not of_kind[rule, kinds[r]] or not value > 0.0:
                continue
            q = value / lines[first]
            power = q * q
            known = 1.0 - 1.0 / (1.0 + power)
            crossed = value > lines[first]
            for c in range(first + 1, starts[rule + 1]):
                value = matrix[r, columns[c]]
                crossed = crossed and value > lines[c]
                reached = min(max(value / lines[c], 0.0), 1.0)
                known *= reached * reached
            fired[r, rule] = crossed
            strength[r, rule] = known
    return fired, strength


def parse(rule_id: str, content: bytes, where: str) -> Rule:
    """A rule of its file's content, checked, its cases run. ConfigError opens with `where`."""
    try:
        raw: Any = tomllib.loads(content.decode())
        written = msgspec.convert(raw, RuleFile)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{where}: {error}") from None
    rule = Rule(
        id=rule_id,
        columns=tuple(_column(c, where) for c in (written.feature, *(a.feature for a in written.also))),
        lines=tuple(_line(c, where) for c in (written.above, *(a.above for a in written.also))),
        kinds=tuple(_kind(k, where) for k in written.kinds),
        severity=written.severity,
        weight=written.weight,
        early=written.early,
        dedup_hours=written.dedup_hours,
        why=written.why.strip(),
        do=written.do.strip(),
        cases=tuple(written.cases),
    )
    _check(rule, where)
    return rule


def _check(rule: Rule, where: str) -> None:
    if rule.severity not in SEVERITIES:
        raise ConfigError(f"{where}: severity must be one of {', '.join(SEVERITIES)}")
    if not 0.0 < rule.weight < 1.0:
        raise ConfigError(f"{where}: weight must lie between 0 and 1")
    if not 0.0 < rule.dedup_hours <= 24 * 365:
        raise ConfigError(f"{where}: dedup_hours must lie between 0 and 8760")
    if not rule.kinds:
        raise ConfigError(f"{where}: kinds is empty; name developer, origin or both")
    if not (rule.why and rule.do):
        raise ConfigError(f"{where}: why and do must say something to whoever meets the alert")
    for column in rule.columns:
        if rule.early and not FEATURES[column].rising:
            name = FEATURES[column].name
            raise ConfigError(f"{where}: {name} can fall within a minute; early must be false")
        for kind in rule.kinds:
            if kind not in FEATURES[column].kinds:
                name = FEATURES[column].name
                raise ConfigError(f"{where}: no {ENTITY_KINDS[kind]} has {name}; mend kinds or feature")
    _check_cases(rule, where)


def _check_cases(rule: Rule, where: str) -> None:
    if {c.fires for c in rule.cases} != {True, False}:
        raise ConfigError(f"{where}: cases must hold at least one that fires and one that does not")
    alone = RuleSet((rule,), "")
    for case in rule.cases:
        kind, row = case_row(rule, case, where)
        if bool(alone.fired(kind, row)[0, 0]) != case.fires:
            does = "does not fire" if case.fires else "fires"
            raise ConfigError(f'{where}: case "{case.it}" {does}; mend the line or the case')


def case_row(rule: Rule, case: Case, where: str) -> tuple[U8, F64]:
    """A case as judge sees it: uint8[1], float64[1, features]."""
    row = np.zeros((1, len(FEATURES)))
    if case.value is not None:
        row[0, rule.columns[0]] = case.value
    for name, value in case.values.items():
        row[0, _column(name, where)] = value
    kind = rule.kinds[0] if case.kind is None else _kind(case.kind, where)
    return np.array([kind], np.uint8), row


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}; give a folder of rules or one .toml file") from None


def _column(name: str, where: str) -> int:
    if name in _COLUMN:
        return _COLUMN[name]
    close = difflib.get_close_matches(name, _COLUMN, 1)
    hint = f'; did you mean "{close[0]}"?' if close else "; models/features.py names them all"
    raise ConfigError(f'{where}: no feature "{name}"{hint}')


def _line(above: float, where: str) -> float:
    if not (np.isfinite(above) and above > 0):
        raise ConfigError(f"{where}: above must be a number greater than 0")
    return float(above)


def _kind(name: str, where: str) -> int:
    if name not in ENTITY_KINDS:
        raise ConfigError(f'{where}: no kind "{name}"; kinds are {" and ".join(ENTITY_KINDS)}')
    return ENTITY_KINDS.index(name)
