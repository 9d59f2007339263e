"""Labels, alerts, what was taken -> how good the alerts are; ranking judges the scores. Pure.

Everything counts entities and parties, never events. Higher scores mean more anomalous.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models.dtypes import I64
from models.minutes import HOUR_MS
from models.scoring.topics import topic
from models.yardstick.cases import case_figures
from models.yardstick.truth import AGGREGATOR, BENIGN, Entity, Label, Party, Truth

#: Reasons that a person reads before the rest.
TOP_REASONS = 3

Alert = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that points at an entity, from `time_ms` until `until_ms`."""

    kind: str
    entity_id: str
    time_ms: int
    until_ms: int


def signs_of(alerts: Iterable[Alert]) -> list[Sign]:
    """An alert points at its entity."""
    signs = []
    for alert in alerts:
        time, until = int(str(alert["time"])), int(str(alert.get("last_seen") or alert["time"]))
        signs.append(Sign(str(alert["entity_kind"]), str(alert["entity_id"]), time, max(time, until)))
    return signs


@dataclass(frozen=True, slots=True)
class Detection:
    """When a pooler was found. A miss has the whole span as its delay, and all that it took exposed."""

    party: str
    scenario: str
    found: bool
    delay_ms: int
    first_by: str  # the entity that gave it away; empty for a miss
    customers: int  # taken in all; 0 where nothing tells
    customers_before: int

    @property
    def share_before(self) -> float:
        return self.customers_before / self.customers if self.customers else math.nan


#: party -> when each of its customers was first taken, int64[customers] ms, ascending
Take = Mapping[str, I64]


def detections(truth: Truth, signs: Iterable[Sign], take: Take) -> list[Detection]:
    """First sign of any entity of each pooler, from its start on; one already up then counts at the start."""
    first: dict[str, tuple[int, str]] = {}
    for sign in signs:
        for label in truth.standing(sign.kind, sign.entity_id):
            if label.label != AGGREGATOR:
                continue
            party = truth.parties[label.party]
            if sign.until_ms >= party.start_ms:
                at = (max(sign.time_ms, party.start_ms), f"{sign.kind} {sign.entity_id}")
                first[party.name] = min(first.get(party.name, at), at)
    return [_detection(party, first.get(party.name), take) for party in truth.parties.values()]


def _detection(party: Party, first: tuple[int, str] | None, take: Take) -> Detection:
    times = take.get(party.name, np.empty(0, np.int64))
    found_ms, by = first or (party.end_ms + 1, "")
    before = int(np.searchsorted(times, found_ms)) if first else len(times)
    delay = min(found_ms, party.end_ms) - party.start_ms
    return Detection(party.name, party.scenario, first is not None, delay, by, len(times), before)


def detection_figures(found: Sequence[Detection]) -> dict[str, float]:
    """Recall over parties, median delay in hours, and what was exposed before: in all, and in the median."""
    if not found:
        return {"parties": 0}
    shares = [d.share_before for d in found if d.customers]
    taken = sum(d.customers for d in found)
    return {
        "parties": len(found),
        "found": sum(d.found for d in found),
        "recall": sum(d.found for d in found) / len(found),
        "median_hours": float(np.median([d.delay_ms for d in found])) / HOUR_MS,
        "customers_before": sum(d.customers_before for d in found),
        "share_before": sum(d.customers_before for d in found) / taken if taken else math.nan,
        "median_share_before": float(np.median(shares)) if shares else math.nan,
    }


def false_alerts(truth: Truth, alerts: Iterable[Alert]) -> list[dict[str, Any]]:
    """Each benign or unlabelled entity that was alerted on, with its population and why. Once an entity."""
    false: dict[Entity, dict[str, Any]] = {}
    for alert in alerts:
        entity = (str(alert["entity_kind"]), str(alert["entity_id"]))
        labels = truth.standing(*entity)
        if labels and labels[0].label != BENIGN:
            continue
        false.setdefault(
            entity,
            {
                "entity_kind": entity[0],
                "entity_id": entity[1],
                "population": labels[0].population if labels else "unlabelled",
                "party": labels[0].party if labels else "",
                "time": alert["time"],
                "score": alert.get("score"),
                "rules": alert.get("rules"),
                "reasons": alert.get("reasons"),
            },
        )
    return list(false.values())


def population_figures(truth: Truth, false: Sequence[Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """Per look-alike population: members (parties), how many were flagged by any entity, which entities."""
    members: defaultdict[str, set[str]] = defaultdict(set)
    for label in truth.labels:
        if label.label == BENIGN and label.party not in truth.parties:
            members[label.population].add(label.party)
    parties: defaultdict[str, set[str]] = defaultdict(set)
    names: defaultdict[str, list[str]] = defaultdict(list)
    for entry in false:
        population, entity = str(entry["population"]), f"{entry['entity_kind']} {entry['entity_id']}"
        parties[population].add(str(entry["party"]) or entity)
        names[population].append(entity)
    return {
        name: {
            "members": len(members[name]),
            "flagged": len(parties[name]),
            "share": len(parties[name]) / len(members[name]) if members[name] else math.nan,
            "names": sorted(names[name]),
        }
        for name in sorted({*members, *names})
    }


def scenario_figures(found: Sequence[Detection]) -> dict[str, dict[str, float]]:
    """`detection_figures` per scenario."""
    groups: defaultdict[str, list[Detection]] = defaultdict(list)
    for detection in found:
        groups[detection.scenario].append(detection)
    return {name: detection_figures(groups[name]) for name in sorted(groups)}


def reason_figures(
    truth: Truth, alerts: Iterable[Alert], expected: Mapping[str, Collection[str]]
) -> dict[str, dict[str, object]]:
    """Per scenario: do an alert's top three reasons tell what the pooler does?

    expected  scenario -> topics (models.scoring.topics) of which one should be told
    returns   poolers: alerted; told: of them, those whose alert of highest score (the first of several) tells
              it; alerts, alerts_told: the same over all of their alerts; first: topic of the first reason ->
              alerts. A scenario that nothing is expected of is left out.
    """
    by_party: defaultdict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        for party in {
            x.party for s in signs_of([alert]) for x in _standing(truth, s) if x.label == AGGREGATOR
        }:
            by_party[party].append(alert)
    out: dict[str, dict[str, object]] = {}
    for name, expects in sorted(expected.items()):
        mine = [by_party[p.name] for p in truth.parties.values() if p.scenario == name and p.name in by_party]
        if not mine:
            continue
        best = [min(a, key=lambda x: (-float(str(x["score"])), int(str(x["time"])))) for a in mine]
        every = [alert for party in mine for alert in party]
        out[name] = {
            "poolers": len(mine),
            "told": sum(_tells(alert, expects) for alert in best),
            "alerts": len(every),
            "alerts_told": sum(_tells(alert, expects) for alert in every),
            "first": dict(Counter(_topics(alert)[0] for alert in every if _topics(alert)).most_common()),
        }
    return out


def _standing(truth: Truth, sign: Sign) -> list[Label]:
    return truth.standing(sign.kind, sign.entity_id)


def _topics(alert: Alert) -> list[str]:
    """Topics of an alert's reasons, in their order."""
    reasons = alert.get("reasons") or []
    assert isinstance(reasons, Sequence)
    return [topic(str(reason["feature"])) for reason in reasons]


def _tells(alert: Alert, expects: Collection[str]) -> bool:
    return bool(set(_topics(alert)[:TOP_REASONS]) & set(expects))


def alert_figures(
    truth: Truth,
    alerts: Sequence[Alert],
    take: Take,
    days: float,
    expected: Mapping[str, Collection[str]] | None = None,
) -> dict[str, object]:
    """How the alerts themselves did, at the line that they were raised at. expected: see `reason_figures`."""
    false = false_alerts(truth, alerts)
    alerted = {(str(a["entity_kind"]), str(a["entity_id"])) for a in alerts}
    found = detections(truth, signs_of(alerts), take)
    return {
        "alerts": len(alerts),
        "entities": len(alerted),
        "precision": 1 - len(false) / len(alerted) if alerted else math.nan,
        "false_entities": len(false),
        "false_a_day": len(false) / days,
        "false_parties_a_day": len({f["party"] or f["entity_id"] for f in false}) / days,
        **detection_figures(found),
        "scenarios": scenario_figures(found),
        "populations": population_figures(truth, false),
        "reasons": reason_figures(truth, alerts, expected or {}),
        "cases": case_figures(truth, alerts),
        "detections": [{**asdict(d), "share_before": d.share_before} for d in found],
        "false": false,
    }
