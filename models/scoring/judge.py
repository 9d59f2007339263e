"""Feature rows -> scores, fired thresholds. Pure: the product's whole judgement of an entity-minute.

Evidence of each threshold and of the forest is joined by noisy-or: 1 - product(1 - weight * strength).
What fired lies in [ALERT_LINE, 1), the rest below: a row alerts exactly where score >= ALERT_LINE. Below the
line evidence alone orders rows; above it, what speaks for a good reason counts too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.dtypes import F64, U8, Bools
from models.scoring.features import FEATURE
from models.scoring.formulas import UNLISTED_SELLERS
from models.scoring.model import Model
from models.scoring.purpose import hints
from models.scoring.rules import RuleSet
from models.wire.links import SUSPECT_EVIDENCE
from models.wire.sightings import DEVELOPER

#: An alert is raised at this score or above.
ALERT_LINE = 0.8
#: Id under which the forest stands in an alert's rules, and the severity of an alert that it alone raises.
FOREST, FOREST_SEVERITY = "forest", "medium"
#: How much the forest lifts the score at most: it finds the unusual, and so corroborates more than it proves.
FOREST_WEIGHT = 0.2
#: The forest fires at this product of rarity (1 - 2^-nines; three nines = .875) and gate.
FOREST_LINE = 0.8
#: Unusual matters only with personal data that nobody needed, of so many sellers (gate at .5): sellers whose
#: old orders it digs up; or, where the log names no orders, established sellers that it took to reading and
#: does nothing for. And only after an earlier active day: the model knows full windows only.
GATE_DUG, GATE_NEW, GATE_READ_ONLY = "sellers_dug_24h", "sellers_new_7d", "sellers_read_only_24h"
GATE_DUG_SELLERS, GATE_NEW_SELLERS, GATE_AGE = 10.0, 25.0, "days_before"
GATE_DUG_SHARE = 0.1
#: A developer against whom nothing speaks is judged by its company (models.actors) if it only reads, of
#: several sellers for whom others work, more than an invoice needs: at least so much of these. And if it has
#: few sellers, so that it may be one of several accounts.
BYSTANDER = {"sellers_shadow_24h": 3.0, "idle_share_7d": 0.9, "beyond_tax_share_24h": 0.25}
#: Below this gate the forest says nothing; most rows end here, and cost no walk.
GATE_FLOOR = 0.1


@dataclass(frozen=True, slots=True)
class Verdict:
    """Judgement of n rows.

    score         float64[n]      0 <= score < 1, higher = more anomalous; alert at ALERT_LINE
    evidence      float64[n]      0 <= evidence < 1: of thresholds and forest joined
    hints         float64[n]      nats: how much likelier pooling is than a good reason
    forest        float64[n]      0..1: rarity times gate; 0 where the gate is closed
    fired         bool[n, rules]  in the order of RuleSet.rules: lines exceeded, and evidence enough
    forest_fired  bool[n]
    bystander     bool[n]         a developer of few sellers that only reads; nothing else speaks against it
    """

    score: F64
    evidence: F64
    hints: F64
    forest: F64
    fired: Bools
    forest_fired: Bools
    bystander: Bools

    @property
    def alerts(self) -> Bools:
        """bool[n]: something fired; the same as score >= ALERT_LINE."""
        return np.asarray(self.score >= ALERT_LINE)

    def rules_of(self, row: int, rules: RuleSet) -> list[str]:
        """Ids of what fired in a row, `forest` last."""
        ids = [rule for rule, fired in zip(rules.ids, self.fired[row].tolist(), strict=True) if fired]
        return [*ids, FOREST] if self.forest_fired[row] else ids


def judge(kinds: U8, matrix: F64, rules: RuleSet, model: Model) -> Verdict:
    """Verdict on rows uint8[n], float64[n, features] (order of FEATURES, values >= 0)."""
    fired, strength = rules.evidence(kinds, matrix)
    forest = forest_part(kinds, matrix, model)
    forest_fired = forest >= FOREST_LINE
    evidence = -np.log1p(-strength * rules.weights).sum(axis=1) - np.log1p(-forest * FOREST_WEIGHT)
    joined = -np.expm1(-evidence)
    fired &= joined[:, None] >= rules.least
    over = fired.any(axis=1) | forest_fired
    hinted = hints(matrix)
    score = np.where(over, score_over(joined, hinted), ALERT_LINE * joined)
    bystander = ~over & (joined < SUSPECT_EVIDENCE) & _stands_by(kinds, matrix)
    return Verdict(score, joined, hinted, forest, fired, forest_fired, bystander)


def score_over(evidence: npt.ArrayLike, hinted: npt.ArrayLike) -> F64:
    """Score of what is over a line: float64[n] in [ALERT_LINE, 1), of evidence 0..1 and hints in nats.

    The square root only spreads what would all lie next to 1.
    """
    doubt = (1.0 - np.asarray(evidence)) * np.exp(-np.asarray(hinted))
    return np.asarray(ALERT_LINE + (1.0 - ALERT_LINE) * (1.0 - np.sqrt(doubt)))


def gate(matrix: F64) -> F64:
    """float64[n], 0..1: how much unneeded personal data is in play, so how much the unusual matters."""
    dug, new, read_only = (
        np.maximum(matrix[:, FEATURE[name]], 0.0) for name in (GATE_DUG, GATE_NEW, GATE_READ_ONLY)
    )
    dug = np.where(matrix[:, FEATURE["dug_share_7d"]] >= GATE_DUG_SHARE, dug, 0.0)
    q = np.maximum(dug / GATE_DUG_SELLERS, np.minimum(new, read_only) / GATE_NEW_SELLERS)
    reached = 1.0 - 1.0 / (1.0 + q * q)
    opened: F64 = np.maximum(reached - GATE_FLOOR, 0.0) / (1.0 - GATE_FLOOR)
    return opened * (matrix[:, FEATURE[GATE_AGE]] > 0.0)


def forest_part(kinds: U8, matrix: F64, model: Model) -> F64:
    """float64[n], 0..1: rarity times gate."""
    open_ = gate(matrix)
    out = np.zeros(len(kinds))
    for number, kind in enumerate(model.kinds):
        rows = np.flatnonzero((kinds == number) & (open_ > 0.0))
        if kind is not None and len(rows):
            out[rows] = kind.unusual(matrix[rows]) * open_[rows]
    return out


def _stands_by(kinds: U8, matrix: F64) -> Bools:
    found: Bools = (kinds == DEVELOPER) & (matrix[:, FEATURE["sellers_24h"]] <= UNLISTED_SELLERS)
    for name, least in BYSTANDER.items():
        found &= matrix[:, FEATURE[name]] >= least
    return found
