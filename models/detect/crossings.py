"""A judged row -> what its entity's alert is opened, or told again, with. Pure."""

from __future__ import annotations

from models.alerts.alerts import ACTOR, ACTOR_SEVERITY, worst
from models.alerts.book import Crossing
from models.scoring.judge import FOREST, FOREST_SEVERITY
from models.scoring.judged import Judged
from models.scoring.rules import RuleSet

#: Of alerts without a threshold: the forest's and those of a party.
PLAIN_DEDUP_HOURS = 24


class Crossings:
    """Makes crossings, by the thresholds in force."""

    def __init__(self, rules: RuleSet) -> None:
        self._rule = {rule.id: rule for rule in rules.rules}

    def over(self, judged: Judged, n: int, fired: list[str]) -> Crossing:
        """Row n, over the lines of `fired`."""
        rules = [self._rule[name] for name in fired if name != FOREST]
        severities = [rule.severity for rule in rules]
        hours = [rule.dedup_hours for rule in rules]
        if FOREST in fired:
            severities.append(FOREST_SEVERITY)
            hours.append(PLAIN_DEDUP_HOURS)
        certain = any(rule.early for rule in rules)
        return _crossing(judged, n, fired, worst(severities), max(hours), certain=certain)


def suspicion(judged: Judged, n: int) -> Crossing:
    """Row n, over no line, as it would cross if the evidence of its party were added."""
    return _crossing(judged, n, [ACTOR], ACTOR_SEVERITY, PLAIN_DEDUP_HOURS, certain=False)


def _crossing(
    judged: Judged, n: int, rules: list[str], severity: str, dedup_hours: float, *, certain: bool
) -> Crossing:
    return Crossing(
        kind=judged.kind(n),
        id=judged.id(n),
        minute=judged.minute(n),
        score=float(judged.verdict.score[n]),
        severity=severity,
        rules=rules,
        quiet_minutes=round(60 * dedup_hours),
        certain=certain,
    )
