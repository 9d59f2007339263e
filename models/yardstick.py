"""Labels, highest scores, alerts, what was taken -> how good the detection is. Pure.

Everything counts entities and parties, never events. Higher scores mean more anomalous.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from models.truth import AGGREGATOR, BENIGN, VICTIM, Entity, Label, Party, Truth, parts_of

DAY_MS = 86_400_000
HOUR_MS = 3_600_000

#: False entities a day at which recall is told.
FALSE_RATES = (0.1, 1.0)
TOP = 20

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Alert = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Ranking:
    """What is ranked: names, their scores (0 where never scored) and whether each is truly abusive.

    benign: scores of the benign entities behind it, in which false entities are counted.
    """

    names: list[str]
    score: F64
    positive: Bools
    benign: F64


def rank_entities(truth: Truth, kind: str, highest: Mapping[str, float]) -> Ranking:
    """Rank the entities of one kind; `highest` is each one's highest score in the span.

    A labelled pooler that agrees with several entities counts once, at the highest of them; several labels
    that meet in one entity count once too. Victims are left out; an entity without label counts as benign.
    """
    best: dict[Entity, tuple[float, str]] = {}
    items: dict[str, tuple[float, bool]] = {}
    for name, score in highest.items():
        labels = truth.standing(kind, name)
        if not labels or labels[0].label == BENIGN:
            items[name] = (score, False)
            for label in labels:
                best.setdefault(label.entity, (0.0, name))
        elif labels[0].label == AGGREGATOR:
            for label in labels:
                best[label.entity] = max(best.get(label.entity, (-math.inf, "")), (score, name))
    for label in truth.labels:
        if label.entity_kind != kind or label.label == VICTIM:
            continue
        score, name = best.get(label.entity, (0.0, label.entity_id))
        if label.label == AGGREGATOR:
            if label.entity in best or not _met(truth, label, best):
                items[name] = (score, True)
        elif truth.standing(kind, label.entity_id)[0].label == BENIGN:
            items.setdefault(name, (0.0, False))
    return _ranking(items)


def _met(truth: Truth, label: Label, best: Mapping[Entity, tuple[float, str]]) -> bool:
    """Whether another label of the party, met by an entity, says the same in other words."""
    if label.entity_kind != "origin":
        return False
    own = parts_of(label.entity_id)
    party = truth.parties[label.party].labels
    return any(
        x.entity_kind == "origin" and x.entity in best and parts_of(best[x.entity][1]).agrees(own)
        for x in party
    )


def rank_parties(truth: Truth, highest: Mapping[Entity, float], rankings: Sequence[Ranking]) -> Ranking:
    """Rank parties by the highest score of any of their entities; an unlabelled entity is its own party.

    rankings  those of the kinds in `highest`: their benign entities are the false ones
    """
    items = {f"pooler {name}": (0.0, True) for name in truth.parties}
    for label in truth.labels:
        if label.label == BENIGN and label.party not in truth.parties:
            items.setdefault(f"party {label.party}", (0.0, False))
    for (kind, name), score in highest.items():
        labels = truth.standing(kind, name)
        if labels and labels[0].label == VICTIM:
            continue
        prefix = "pooler" if labels and labels[0].label == AGGREGATOR else "party"
        parties = {x.party for x in labels} or {f"{kind} {name}"}
        for party in parties if prefix == "pooler" else parties - truth.parties.keys():
            item = f"{prefix} {party}"
            items[item] = (max(score, items.get(item, (0.0, False))[0]), prefix == "pooler")
    ranking = _ranking(items)
    benign = np.concatenate([r.benign for r in rankings]) if rankings else np.empty(0)
    return Ranking(ranking.names, ranking.score, ranking.positive, benign)


def _ranking(items: Mapping[str, tuple[float, bool]]) -> Ranking:
    score = np.array([s for s, _ in items.values()], np.float64)
    positive = np.array([p for _, p in items.values()], np.bool_)
    return Ranking(list(items), score, positive, score[~positive])


def _steps(score: F64, positive: Bools) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(how many, how many of them abusive) are at or above each distinct score, highest first."""
    order = np.argsort(-score, kind="stable")
    ranked, hits = score[order], np.cumsum(positive[order])
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    return ends + 1, hits[ends]


def average_precision(score: F64, positive: Bools) -> float:
    """Area under the precision-recall steps, 0..1; equal scores are one step. NaN without positives."""
    if not positive.any():
        return math.nan
    count, hits = _steps(score, positive)
    return float(np.sum(np.diff(hits, prepend=0) / hits[-1] * hits / count))


def best_threshold(score: F64, positive: Bools) -> dict[str, float]:
    """Precision and recall at the threshold that, in hindsight, has the highest F1; NaN without positives."""
    if not positive.any():
        return {"best_precision": math.nan, "best_recall": math.nan}
    count, hits = _steps(score, positive)
    best = int(np.argmax(2 * hits / (count + hits[-1])))
    return {
        "best_precision": float(hits[best] / count[best]),
        "best_recall": float(hits[best] / hits[-1]),
    }


def precision_at(score: F64, positive: Bools, top: int = TOP) -> float:
    """Share of abusive ones among the `top` highest (or all); ties at the edge by expectation."""
    top = min(top, len(score))
    if top == 0:
        return math.nan
    edge = np.sort(score)[-top]
    above, tied = score > edge, score == edge
    hits = positive[above].sum() + positive[tied].mean() * (top - above.sum())
    return float(hits / top)


def alert_line(benign: F64, false_a_day: float, days: float) -> float:
    """The lowest line that at most `false_a_day` x `days` benign entities are above. 0 where all may be."""
    allowed = math.floor(false_a_day * days + 1e-9)
    if allowed >= len(benign):
        return 0.0
    return max(0.0, float(np.sort(benign)[-(allowed + 1)]))


def recall_above(ranking: Ranking, line: float) -> float:
    """Share of abusive ones above the line. NaN without any."""
    scores = ranking.score[ranking.positive]
    return float((scores > line).mean()) if len(scores) else math.nan


def ranking_figures(ranking: Ranking, days: float) -> dict[str, float]:
    """Average precision, precision at 20, recall at the false rates, and the lines these need."""
    figures = {
        "entities": len(ranking.names),
        "abusive": int(ranking.positive.sum()),
        "average_precision": average_precision(ranking.score, ranking.positive),
        f"precision_at_{TOP}": precision_at(ranking.score, ranking.positive),
        **best_threshold(ranking.score, ranking.positive),
    }
    for rate in FALSE_RATES:
        line = alert_line(ranking.benign, rate, days)
        figures[f"recall_at_{rate:g}_a_day"] = recall_above(ranking, line)
        figures[f"line_at_{rate:g}_a_day"] = line
    return figures


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that points at an entity, from `time_ms` until `until_ms`."""

    kind: str
    entity_id: str
    time_ms: int
    until_ms: int


def signs_of(alerts: Iterable[Alert]) -> list[Sign]:
    """An alert points at its entity; one about an actor at each of the actor's developers."""
    signs = []
    for alert in alerts:
        time, until = int(str(alert["time"])), int(str(alert.get("last_seen") or alert["time"]))
        if alert["entity_kind"] == "actor":
            members = alert.get("developer_ids") or []
            assert isinstance(members, Collection)
            signs += [Sign("developer", str(x), time, max(time, until)) for x in members]
        else:
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
Take = Mapping[str, npt.NDArray[np.int64]]


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


def false_alerts(truth: Truth, alerts: Iterable[Alert]) -> list[dict[str, object]]:
    """Each benign or unlabelled entity that was alerted on, with its population and why. Once an entity."""
    false: dict[Entity, dict[str, object]] = {}
    for alert in alerts:
        standings = [truth.standing(s.kind, s.entity_id) for s in signs_of([alert])]
        if any(s and s[0].label != BENIGN for s in standings):
            continue
        labels = standings[0] if standings else []
        entity = (str(alert["entity_kind"]), str(alert["entity_id"]))
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


def rank_all(truth: Truth, highest: Mapping[Entity, float], kinds: Sequence[str]) -> dict[str, Ranking]:
    """Rankings of the entities of these kinds (`developers`, `origins`) and of the parties."""
    by_kind: dict[str, dict[str, float]] = {kind: {} for kind in kinds}
    for (kind, name), score in highest.items():
        if kind in by_kind:
            by_kind[kind][name] = score
    rankings = {f"{kind}s": rank_entities(truth, kind, by_kind[kind]) for kind in kinds}
    known = {entity: score for entity, score in highest.items() if entity[0] in by_kind}
    return {**rankings, "parties": rank_parties(truth, known, list(rankings.values()))}


def alert_figures(truth: Truth, alerts: Sequence[Alert], take: Take, days: float) -> dict[str, object]:
    """How the alerts themselves did, at the line that they were raised at."""
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
        "detections": [{**asdict(d), "share_before": d.share_before} for d in found],
        "false": false,
    }
