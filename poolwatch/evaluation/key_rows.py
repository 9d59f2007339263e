"""Rows of `replay --keys`, labels -> what was known of each key and who really called. Reads files only."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from models.dtypes import F64, I64, Bools
from models.keys.facts import KeyFacts
from models.wire.sightings import ENTITY_KINDS, ORIGIN
from models.yardstick.truth import AGGREGATOR, VICTIM, Truth
from poolwatch.evaluation.evidence import read_lines
from simulators import poolers


@dataclass(frozen=True, slots=True)
class KeyRows:
    """n rows (an entity and a key of it), and the truth about each.

    kind     int64[n]    entity kind
    stolen   bool[n]     of an origin: a pooler calls from here with a seller's own key; of a developer: it is
                         a seller's own, and a pooler calls with its key too
    weight   float64[n]  1 / rows of the same key, kind and truth: a key counts once, however many addresses
    group    who it is: pooler's scenario or population
    """

    facts: KeyFacts
    kind: I64
    probability: F64
    stolen: Bools
    weight: F64
    group: list[str]

    def __len__(self) -> int:
        return len(self.group)

    def of(self, wanted: Bools) -> KeyRows:
        """Some of the rows."""
        group = [name for name, some in zip(self.group, wanted.tolist(), strict=True) if some]
        return KeyRows(
            self.facts.of(wanted),
            self.kind[wanted],
            self.probability[wanted],
            self.stolen[wanted],
            self.weight[wanted],
            group,
        )


def read_keys(path: Path, truth: Truth) -> KeyRows:
    """The rows of a file.

    Left out: staff who pool through the platform's own secret keys, of which no seller is the owner.
    """
    manners = poolers.registry()
    modes = {name: manner.mode for name, manner in manners.items()}
    rows: list[tuple[Mapping[str, Any], bool, str]] = []
    for _, row in read_lines(path):
        labels = truth.standing(row["entity_kind"], row["entity_id"])
        label = labels[0] if labels else None
        mode = modes.get(label.scenario, "") if label and label.label in (AGGREGATOR, VICTIM) else ""
        if mode == "staff":
            continue
        role = AGGREGATOR if row["entity_kind"] == "origin" else VICTIM
        stolen = bool(label and label.label == role and mode == "own")
        rows.append((row, stolen, (label.scenario if mode else label.population) if label else "unlabelled"))
    return _rows(rows)


def _rows(rows: list[tuple[Mapping[str, Any], bool, str]]) -> KeyRows:
    told = [row for row, _, _ in rows]
    same = Counter((r["entity_kind"], r["key_id"], stolen) for r, stolen, _ in rows)
    numbers = {name: np.array([row[name] for row in told], np.float64) for name in _NUMBERS}
    signs = {name: np.array([row[name] for row in told], np.bool_) for name in _SIGNS}
    taken, needed, company, probability = (numbers[name] for name in _NUMBERS)
    facts = KeyFacts(
        np.arange(len(told), dtype=np.uint64), **signs, taken=taken, needed=needed, company=company
    )
    return KeyRows(
        facts,
        np.array([ENTITY_KINDS.index(row["entity_kind"]) for row in told], np.int64),
        probability,
        np.array([stolen for _, stolen, _ in rows], np.bool_),
        np.array([1 / same[r["entity_kind"], r["key_id"], stolen] for r, stolen, _ in rows]),
        [group for _, _, group in rows],
    )


_SIGNS = ("elsewhere", "foreign", "dug", "roaming")
_NUMBERS = ("orders_read", "orders_acted_on", "company", "probability")


def joined(parts: Iterable[KeyRows]) -> KeyRows:
    """All rows of several files."""
    every = list(parts)
    columns = {f.name: np.concatenate([getattr(p.facts, f.name) for p in every]) for f in fields(KeyFacts)}
    arrays = {
        name: np.concatenate([getattr(p, name) for p in every])
        for name in ("kind", "probability", "stolen", "weight")
    }
    return KeyRows(KeyFacts(**columns), **arrays, group=[name for p in every for name in p.group])


def brier(rows: KeyRows) -> float:
    """Mean squared error of the probability; 0 is best, and a constant gets p (1 - p) at most .25."""
    return float(np.average((rows.probability - rows.stolen) ** 2, weights=rows.weight))


def key_figures(rows: KeyRows) -> dict[str, float]:
    """Of keys at origins: Brier score, and the shares of stolen and other keys at .5 or above."""
    rows = rows.of(rows.kind == ORIGIN)
    told = rows.probability >= 0.5

    def share(some: Bools) -> float:
        return float(np.average(told[some], weights=rows.weight[some])) if some.any() else math.nan

    return {
        "brier": brier(rows) if len(rows) else math.nan,
        "stolen_told": share(rows.stolen),
        "owned_told": share(~rows.stolen),
    }


def reliability(rows: KeyRows, edges: Iterable[float]) -> list[dict[str, float]]:
    """Between two edges each: keys, their mean probability, the share of them truly stolen."""
    ends = list(edges)
    out = []
    for low, high in itertools.pairwise(ends):
        some = rows.of((rows.probability >= low) & (rows.probability < high))
        if len(some):
            out.append(
                {
                    "from": low,
                    "to": high,
                    "keys": float(some.weight.sum()),
                    "told": float(np.average(some.probability, weights=some.weight)),
                    "true": float(np.average(some.stolen, weights=some.weight)),
                }
            )
    return out


def groups(rows: KeyRows) -> list[dict[str, Any]]:
    """Per pooler's scenario and population: keys, mean and highest probability, the share at .5 or above."""
    places: defaultdict[tuple[bool, str], list[int]] = defaultdict(list)
    for n, key in enumerate(zip(rows.stolen.tolist(), rows.group, strict=True)):
        places[key].append(n)
    out = []
    for (stolen, name), at in sorted(places.items(), key=lambda item: (not item[0][0], item[0][1])):
        p, weight = rows.probability[at], rows.weight[at]
        out.append(
            {
                "group": name,
                "stolen": stolen,
                "keys": float(weight.sum()),
                "mean": float(np.average(p, weights=weight)),
                "highest": float(p.max()),
                "borrowed": float(np.average(p >= 0.5, weights=weight)),
            }
        )
    return out
