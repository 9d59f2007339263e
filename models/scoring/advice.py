"""Ids of what fired -> why it matters and what to do first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.alerts.alerts import ACTOR, ACTOR_SEVERITY, SEVERITIES
from models.scoring.judge import FOREST, FOREST_SEVERITY, FOREST_WEIGHT
from models.scoring.rules import Rule


@dataclass(frozen=True, slots=True)
class Advice:
    """What is said of one rule that fired."""

    id: str
    severity: str
    weight: float
    why: str
    do: str


#: What stands in an alert's rules and is none.
_OTHERS = (
    Advice(
        FOREST,
        FOREST_SEVERITY,
        FOREST_WEIGHT,
        "The model finds the whole pattern of this entity's calls unusual.",
        "Read the reasons; compare with what this kind of application normally does before acting.",
    ),
    Advice(
        ACTOR,
        ACTOR_SEVERITY,
        0.0,
        "By itself it is over no line. Others of its party are, or all of them together: the case says what "
        "links them.",
        "Judge the case as one: add up its sellers and keys, and act on all its accounts at once.",
    ),
)


def advice(rules: Iterable[Rule]) -> dict[str, Advice]:
    """By id: each rule's, the forest's and that of a party."""
    said = (Advice(rule.id, rule.severity, rule.weight, rule.why, rule.do) for rule in rules)
    return {one.id: one for one in (*said, *_OTHERS)}


def first(fired: Iterable[str], known: Mapping[str, Advice]) -> Advice | None:
    """That of the most severe rule, then the weightiest; None where none of them is known."""
    said = [known[rule] for rule in fired if rule in known]
    return max(said, key=lambda one: (SEVERITIES.index(one.severity), one.weight), default=None)
