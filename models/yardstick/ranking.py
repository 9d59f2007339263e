"""Labels, highest scores -> how well entities and parties are ranked. Pure. Higher = more anomalous."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.dtypes import F64, I64, Bools
from models.yardstick.truth import AGGREGATOR, BENIGN, VICTIM, Entity, Label, Truth, parts_of

#: False entities a day at which recall is told.
FALSE_RATES = (0.1, 1.0)
TOP = 20


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


def _steps(score: F64, positive: Bools) -> tuple[I64, I64]:
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


def rank_all(truth: Truth, highest: Mapping[Entity, float], kinds: Sequence[str]) -> dict[str, Ranking]:
    """Rankings of the entities of these kinds (`developers`, `origins`) and of the parties."""
    by_kind: dict[str, dict[str, float]] = {kind: {} for kind in kinds}
    for (kind, name), score in highest.items():
        if kind in by_kind:
            by_kind[kind][name] = score
    rankings = {f"{kind}s": rank_entities(truth, kind, by_kind[kind]) for kind in kinds}
    known = {entity: score for entity, score in highest.items() if entity[0] in by_kind}
    return {**rankings, "parties": rank_parties(truth, known, list(rankings.values()))}
