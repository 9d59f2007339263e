"""Measured files -> who was flagged wrongly, who was missed or late, and by which features. Reads files only.

For whoever mends features and thresholds: each entity's row of highest score beside those of the benign
entities of its kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from models.errors import ConfigError
from models.minutes import HOUR_MS
from models.wire.sightings import ENTITY_KINDS
from models.yardstick.ranking import rank_all
from models.yardstick.truth import BENIGN, Entity, Truth
from models.yardstick.yardstick import detections, false_alerts, signs_of
from poolwatch.evaluation.evidence import SCORE_COLUMNS, ScoreFile, read_alerts
from poolwatch.evaluation.measure import Case, Given, case_of

#: A pooler found later than this is told of as late.
LATE_HOURS = 6
SHOWN = 60
FEATURES_SHOWN = 14


class Rows:
    """Each entity's row of highest score; per kind, the benign entities' values, sorted, for comparison."""

    def __init__(self, truth: Truth, scores: Path) -> None:
        table = ScoreFile(scores).top_rows()
        table = table if table is not None else pa.table({name: [] for name in SCORE_COLUMNS})
        self.names = [name for name in table.column_names if name not in SCORE_COLUMNS]
        kinds, ids = table["entity_kind"].to_pylist(), table["entity_id"].to_pylist()
        self.place: dict[Entity, int] = {e: i for i, e in enumerate(zip(kinds, ids, strict=True))}
        self.score, self.time = table["score"].to_numpy(), table["time"].to_numpy()
        self.values = (
            np.column_stack([table[n].to_numpy() for n in self.names]) if self.names else np.empty((0, 0))
        )
        self.benign = {
            kind: np.sort(
                self.values[[i for e, i in self.place.items() if e[0] == kind and _benign(truth, e)]], axis=0
            )
            for kind in ENTITY_KINDS
        }

    def told(self, entity: Entity) -> str:
        """The row's rarest values: `name value (share of benign entities with as much or more)`."""
        if entity not in self.place:
            return "no score row"
        i, benign = self.place[entity], self.benign[entity[0]]
        shares = []
        for f, name in enumerate(self.names):
            value = self.values[i, f]
            if value > 0 and len(benign):
                as_much = len(benign) - np.searchsorted(benign[:, f], value)
                shares.append((as_much / len(benign), name, value))
        shares.sort()
        shown = ", ".join(
            f"{name} {value:.4g} ({share:.1%})" for share, name, value in shares[:FEATURES_SHOWN]
        )
        return f"score {self.score[i]:.3f}: {shown}"


def _benign(truth: Truth, entity: Entity) -> bool:
    labels = truth.standing(*entity)
    return not labels or labels[0].label == BENIGN


def mistakes(given: Given) -> str:
    """Markdown: false entities by population, benign entities that rank highest, missed and late poolers."""
    if given.scores is None or given.alerts is None:
        raise ConfigError("--mistakes needs --scores and --alerts")
    case = case_of(given)
    alerts = read_alerts(given.alerts) if isinstance(given.alerts, Path) else list(given.alerts)
    rows = Rows(case.truth, given.scores)
    parts = [*_false(case, alerts, rows), *_highest(case, given.scores, rows), *_poolers(case, alerts, rows)]
    return "\n".join(parts) + "\n"


def _false(case: Case, alerts: Sequence[Mapping[str, Any]], rows: Rows) -> Iterator[str]:
    false = false_alerts(case.truth, alerts)
    counts = Counter(str(f["population"]) for f in false)
    rules = Counter(rule for f in false for rule in f["rules"] or [])
    yield f"## False entities: {len(false)} in {case.days:.1f} days"
    yield f"by population: {dict(counts.most_common())}; by rule: {dict(rules.most_common())}\n"
    for f in sorted(false, key=lambda f: str(f["population"]))[:SHOWN]:
        yield f"- **{f['entity_kind']} {f['entity_id']}** ({f['population']}), rules {f['rules']}"
        for reason in (f["reasons"] or [])[:4]:
            yield f"  - {reason['text']} [{reason['feature']} {reason['contribution']:.2f}]"
        yield f"  - {rows.told((str(f['entity_kind']), str(f['entity_id'])))}"


def _highest(case: Case, scores: Path, rows: Rows) -> Iterator[str]:
    yield "\n## Benign entities that rank highest"
    rankings = rank_all(case.truth, ScoreFile(scores).highest(), ENTITY_KINDS)
    for kind in ENTITY_KINDS:
        ranking = rankings[f"{kind}s"]
        order = np.argsort(-ranking.score, kind="stable")
        worst = [int(i) for i in order if not ranking.positive[i]][:12]
        for i in worst:
            labels = case.truth.standing(kind, ranking.names[i])
            population = labels[0].population if labels else "unlabelled"
            above = int((ranking.score[ranking.positive] < ranking.score[i]).sum())
            why = rows.told((kind, ranking.names[i]))
            yield f"- {kind} {ranking.names[i]} ({population}), above {above} abusive: {why}"


def _poolers(case: Case, alerts: Sequence[Mapping[str, Any]], rows: Rows) -> Iterator[str]:
    yield f"\n## Poolers missed, or found after {LATE_HOURS} h"
    found = detections(case.truth, signs_of(alerts), case.take)
    for d in sorted(found, key=lambda d: (d.found, -d.delay_ms)):
        late = d.delay_ms / HOUR_MS
        if d.found and late <= LATE_HOURS:
            continue
        state = f"after {late:.1f} h, by {d.first_by}" if d.found else "missed"
        taken = f"{d.customers_before:,} of {d.customers:,} customers before"
        yield f"- **{d.party}** ({d.scenario}) {state}; {taken}"
        yield from _entities(case.truth, d.party, rows)


def _entities(truth: Truth, party: str, rows: Rows) -> Iterator[str]:
    """The party's entities by their highest scores, four at most, and how many have no row."""
    own = [e for e in rows.place if any(x.party == party and x.label != BENIGN for x in truth.standing(*e))]
    for entity in sorted(own, key=lambda e: -rows.score[rows.place[e]])[:4]:
        labels = truth.standing(*entity)
        after = (rows.time[rows.place[entity]] - truth.parties[party].start_ms) / HOUR_MS
        yield f"  - {entity[0]} {entity[1]} [{labels[0].label}] at {after:.1f} h: {rows.told(entity)}"
    if not own:
        yield "  - no entity of it has a score row"
