"""TOML files -> rules, checked, their cases run. Reads rule files only.

`python -m models.scoring.rule_file` prints the shipped rules as docs/rules.md shows them.
"""

from __future__ import annotations

import difflib
import hashlib
from pathlib import Path

import msgspec
import numpy as np

from models.alerts.alerts import SEVERITIES
from models.dtypes import F64, U8
from models.errors import ConfigError
from models.scoring.features import FEATURE, FEATURES
from models.scoring.rules import DEDUP_HOURS_MOST, Rule, RuleSet
from models.wire.sightings import ENTITY_KINDS
from models.written import shaped, toml


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
    evidence: float = 0.0
    early: bool = False
    dedup_hours: float = 24.0


#: Settings that are lists of tables.
_TABLES: dict[str, type[msgspec.Struct]] = {"cases": Case, "and": Condition}


def read(place: Path) -> tuple[tuple[Rule, ...], str]:
    """Rules of a folder or one file, by id, and their content's hash. ConfigError: file, what, remedy."""
    files = sorted(place.glob("*.toml")) if place.is_dir() else [place]
    if not files:
        raise ConfigError(f"{place}: no rule in it; a rule is a file NAME.toml (docs/rules.md)")
    digest = hashlib.sha256()
    rules = []
    for file in files:
        content = _read(file)
        digest.update(file.stem.encode() + b"\0" + hashlib.sha256(content).digest())
        rules.append(parse(file.stem, content, f"{file.parent.name}/{file.name}"))
    return tuple(rules), digest.hexdigest()[:16]


def parse(rule_id: str, content: bytes, where: str) -> Rule:
    """A rule of its file's content, checked, its cases run. ConfigError opens with `where`."""
    written = shaped(toml(content, where), RuleFile, where, "docs/rules.md", _TABLES)
    rule = Rule(
        id=rule_id,
        columns=tuple(_column(c, where) for c in (written.feature, *(a.feature for a in written.also))),
        lines=tuple(_line(c, where) for c in (written.above, *(a.above for a in written.also))),
        kinds=tuple(_kind(k, where) for k in written.kinds),
        severity=written.severity,
        weight=written.weight,
        evidence=written.evidence,
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
    if not 0.0 <= rule.evidence < 1.0:
        raise ConfigError(f"{where}: evidence must lie between 0 and 1")
    if rule.early and rule.evidence:
        raise ConfigError(f"{where}: evidence can fall within a minute; leave it out, or early")
    if not 0.0 < rule.dedup_hours <= DEDUP_HOURS_MOST:
        raise ConfigError(f"{where}: dedup_hours must lie between 0 and {DEDUP_HOURS_MOST}")
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
    if name in FEATURE:
        return FEATURE[name]
    close = difflib.get_close_matches(name, FEATURE, 1)
    hint = f'; did you mean "{close[0]}"?' if close else "; models/scoring/features.py names them all"
    raise ConfigError(f'{where}: no feature "{name}"{hint}')


def _line(above: float, where: str) -> float:
    if not (np.isfinite(above) and above > 0):
        raise ConfigError(f"{where}: above must be a number greater than 0")
    return float(above)


def _kind(name: str, where: str) -> int:
    if name not in ENTITY_KINDS:
        raise ConfigError(f'{where}: no kind "{name}"; kinds are {" and ".join(ENTITY_KINDS)}')
    return ENTITY_KINDS.index(name)


def table() -> str:
    """The shipped rules as Markdown; docs/rules.md holds this text."""
    lines = ["| rule | of | fires above | severity | early | why |", "|---|---|---|---|---|---|"]
    for rule in RuleSet.load().rules:
        of = "all" if len(rule.kinds) == len(ENTITY_KINDS) else ", ".join(ENTITY_KINDS[k] for k in rule.kinds)
        conditions = [
            f"{FEATURES[c].name} {line:,g}" for c, line in zip(rule.columns, rule.lines, strict=True)
        ]
        early = "yes" if rule.early else ""
        above = " and ".join(conditions)
        lines.append(f"| {rule.id} | {of} | {above} | {rule.severity} | {early} | {rule.why} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    print(table(), end="")
