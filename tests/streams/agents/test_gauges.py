"""Gauges of what a worker holds: true also when a partition has moved to another worker."""

from __future__ import annotations

from models.actors.actors import Actors
from models.detect.detect import Detect
from models.fold.fold import Fold
from models.operations import Operations
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from streams.agents.gauges import look
from streams.agents.stage import Slot
from streams.telemetry.metrics import REGISTRY


def told(metric, **labels):
    return REGISTRY.get_sample_value(metric, labels)


def test_what_a_worker_no_longer_holds_is_told_as_empty():
    states = {
        "fold": Fold(0, Operations.load()),
        "detect": Detect(1, RuleSet.load(None), Model.load(None)),
        "actors": Actors(1),
    }
    for stage, state in states.items():
        before = look(stage, {0: Slot(0, state, 1, 5)}, lambda _: 7)
        assert told("poolwatch_lag_records", stage=stage, partition="0") == 2
        after = look(stage, {}, lambda _: 7, before)
        assert {*after.sizes, *after.rows} == {*before.sizes, *before.rows} != set()
        assert not any((after.sizes | after.rows).values())
    assert told("poolwatch_state_bytes", table="fold.tables") == 0
    assert told("poolwatch_state_rows", table="actors.suspects") == 0
    assert told("poolwatch_feature_off", feature="sellers_dug_24h") == 0
    assert told("poolwatch_entities") == 0
