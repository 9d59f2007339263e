"""Feature rows -> which thresholds fired, and how strong the evidence is. Pure but for reading the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from models.dtypes import F64, I64, U8, Bools
from models.scoring.features import FEATURES
from models.wire.sightings import ENTITY_KINDS

if TYPE_CHECKING:
    from models.scoring.rule_file import Case


#: Longest dedup period of a rule: a year.
DEDUP_HOURS_MOST = 8_760

SHIPPED = Path(__file__).parents[1] / "rules"


@dataclass(frozen=True, slots=True)
class Rule:
    """A checked rule.

    columns, lines  feature columns and the lines they must exceed, the rule's own feature first
    weight          how much it lifts the score at most, 0..1
    evidence        evidence of all rules together, 0..1, below which it does not fire
    early           may fire before its minute closes
    """

    id: str
    columns: tuple[int, ...]
    lines: tuple[float, ...]
    kinds: tuple[int, ...]
    severity: str
    weight: float
    evidence: float
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
        """Rules of a folder or file; none, empty = those shipped. ConfigError: which file, what, remedy."""
        from models.scoring import rule_file

        rules, digest = rule_file.read(Path(path) if path else SHIPPED)
        return cls(rules, digest)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(r.id for r in self.rules)

    @cached_property
    def weights(self) -> F64:
        """float64[rules]"""
        return np.array([r.weight for r in self.rules])

    @cached_property
    def least(self) -> F64:
        """float64[rules]: joined evidence below which a rule does not fire."""
        return np.array([r.evidence for r in self.rules])

    @cached_property
    def early(self) -> Bools:
        """bool[rules]: may fire before the minute closes."""
        return np.array([r.early for r in self.rules], bool)

    @cached_property
    def _flat(self) -> tuple[I64, I64, F64, Bools]:
        """Where each rule's conditions start and the last ends, their columns, lines; bool[rules, kinds]."""
        starts = np.cumsum([0, *(len(r.columns) for r in self.rules)])
        columns = np.array([c for r in self.rules for c in r.columns], np.int64)
        lines = np.array([x for r in self.rules for x in r.lines])
        kinds = np.array([[k in r.kinds for k in range(len(ENTITY_KINDS))] for r in self.rules])
        return starts, columns, lines, kinds

    def evidence(self, kinds: U8, matrix: F64) -> tuple[Bools, F64]:
        """(fired bool[n, rules], strength float64[n, rules]) of uint8[n] kinds and float64[n, features].

        fired     every line of the rule is exceeded; judge asks for `least` too
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
