"""Labels, alerts -> how well cases tell parties apart. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from models.alerts.alerts import case_of
from models.yardstick.truth import AGGREGATOR, VICTIM, Entity, Truth

Alert = Mapping[str, Any]


def case_figures(truth: Truth, alerts: Iterable[Alert]) -> dict[str, float | int | None]:
    """Alerted entities pair by pair: are those of one case of one party, and those of one party in one case?

    An entity without a label, and a victim, is a party of its own. None: there is no such pair.
    returns  cases; pair_precision, pair_recall: of pairs, so parties of many entities count most; whole: part
             of the poolers with several alerted entities that have one case; mixed: cases of several parties
    """
    party: dict[Entity, str] = {}
    case: dict[Entity, str] = {}
    for alert in alerts:
        entity = (str(alert["entity_kind"]), str(alert["entity_id"]))
        party[entity] = _party(truth, entity)
        case[entity] = str(alert.get("case") or case_of(*entity))
    both = Counter((party[e], case[e]) for e in party)
    by_party, by_case = Counter(party.values()), Counter(case.values())
    shared, same_case = _pairs(both), _pairs(by_case)
    poolers = [p for p, count in by_party.items() if p in truth.parties and count > 1]
    alike = _pairs({p: count for p, count in by_party.items() if p in truth.parties})
    rightly = _pairs({key: count for key, count in both.items() if key[0] in truth.parties})
    return {
        "cases": len(by_case),
        "pair_precision": shared / same_case if same_case else None,
        "pair_recall": rightly / alike if alike else None,
        "whole": sum(len({c for p, c in both if p == name}) == 1 for name in poolers) / len(poolers)
        if poolers
        else None,
        "mixed": sum(len({p for p, c in both if c == name}) > 1 for name in by_case),
    }


def _party(truth: Truth, entity: Entity) -> str:
    labels = truth.standing(*entity)
    if not labels or labels[0].label == VICTIM:
        return f"{entity[0]} {entity[1]}"
    mine = [x.party for x in labels if x.label == AGGREGATOR] or [x.party for x in labels]
    return mine[0]


def _pairs(counts: Mapping[Any, int]) -> int:
    return sum(n * (n - 1) // 2 for n in counts.values())
