"""History in; a model file out: the history's feature rows, as detect makes them, taught to the forest."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console

from models.errors import ConfigError, PoolwatchError
from models.hashing import hash_text
from models.minutes import DAY_MINUTES, MINUTE_MS
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from models.scoring.score_rows import ScoreRows
from models.training.train import Rows, train
from models.wire.sightings import ENTITY_KINDS
from poolwatch.replay.replay import Request, Run
from poolwatch.replay.summary import summary_of
from poolwatch.replay.view import show_read
from poolwatch.words import span

#: The longest window is a week: below two of them each entity's usual is known from one week alone.
ENOUGH_MS = 14 * DAY_MINUTES * MINUTE_MS
KIND = {kind: place for place, kind in enumerate(ENTITY_KINDS)}


def train_file(request: Request, path: str, seed: int) -> Model:
    """Train on the request's history and write the model. ConfigError, PoolwatchError: one clear line."""
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise ConfigError(f"--model {path}: no folder {folder}")
    run = Run(request, scores=True, model=Model.untaught())  # the old one may be of other features
    model = train(_history(run), RuleSet.load(request.settings.rules), seed)
    model.save(path)
    told = f"poolwatch: {path}: {model.hash}, {model.rows:,} rows in {time.perf_counter() - run.begun:.1f} s"
    print(told, file=sys.stderr)
    return model


def _history(run: Run) -> Iterator[Rows]:
    """The rows; then what was read is told. PoolwatchError where nothing of it is a usage event."""
    yield from map(_rows, run.score_rows())
    summary = summary_of(run)
    length_ms = summary["until"] - summary["from"]
    if summary["accepted"] and length_ms < ENOUGH_MS:
        short = f"{span(length_ms)} are little to tell the usual from: two weeks or more are better"
        summary["notes"].append(short)
    show_read(Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 10_000), summary)
    if not summary["accepted"]:
        raise PoolwatchError(f"{' '.join(run.request.inputs)}: nothing to train on")


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
