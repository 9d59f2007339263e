"""History in; a model file out: the history's feature rows, as detect makes them, taught to the forest."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from models.closed import ScoreRows
from models.errors import ConfigError
from models.hashing import hash_text
from models.minutes import MINUTE_MS
from models.model import Model
from models.rules import RuleSet
from models.sightings import ENTITY_KINDS
from models.train import Rows, train
from poolwatch.replay import Request, score_rows

KIND = {kind: place for place, kind in enumerate(ENTITY_KINDS)}


def train_file(request: Request, path: str, seed: int) -> Model:
    """Train on the request's history and write the model. ConfigError, PoolwatchError: one clear line."""
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise ConfigError(f"--model {path}: no folder {folder}")
    begun = time.perf_counter()
    model = train(map(_rows, score_rows(request)), RuleSet.load(request.rules), seed)
    model.save(path)
    print(
        f"poolwatch: {path}: {model.hash}, {model.rows:,} rows in {time.perf_counter() - begun:.1f} s",
        file=sys.stderr,
    )
    return model


def _rows(scores: ScoreRows) -> Rows:
    hashes: dict[str, int] = {}
    for text in scores.entity_id:
        if text not in hashes:
            hashes[text] = hash_text(text)
    return (
        np.array([KIND[kind] for kind in scores.entity_kind], np.uint8),
        np.array([hashes[text] for text in scores.entity_id], np.uint64),
        scores.time // MINUTE_MS - 1,
        scores.features,
    )
