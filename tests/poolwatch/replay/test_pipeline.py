"""Events through folds, detects and actors in one process: how they were cut never shows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batches import part
from models.operations import Operations
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from poolwatch.replay.pipeline import Pipeline
from tests.models.timelines import MINUTE, decoded, read

MODEL, RULES, OPERATIONS = Model.load(), RuleSet.load(), Operations.load()
STEADY, WAKING = "shop0", "shop2"  # of one partition and of the other


def run(events, rows):
    """(late records and rows, score rows) of two partitions; `rows` a step."""
    pipeline = Pipeline(2, OPERATIONS, RULES, [MODEL], scores=True)
    assert len(set(pipeline._sellers.of(events).tolist())) == 2
    steps = [pipeline.step(part(events, at, at + rows)) for at in range(0, len(events), rows)]
    closed = [c for stepped in [*steps, pipeline.finish()] for group in stepped.closed for c in group]
    told = [
        row
        for c in closed
        if c.scores
        for row in zip(c.scores.time.tolist(), c.scores.entity_id, c.scores.features.tolist(), strict=True)
    ]
    return pipeline.late + sum(detect.late for detect in pipeline.detects[0]), sorted(told)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    silent=st.sampled_from([5, 11, 59, 61, 170, 700]),
    every=st.sampled_from([1, 3, 7]),
    clock=st.sampled_from([0, 0, 90 * MINUTE, 10**11]),
    rows=st.sampled_from([1, 2, 10, 33]),
)
def test_a_partition_that_wakes_loses_no_record_to_the_cut(silent, every, clock, rows):
    # minute     0 . . . . 170 . . . . .
    # steady     x x x x x x x x x x x x
    # waking     x         x  x  x  x  x     held until 16 speak for the new time
    minutes = silent + 17 * every + 30
    calls = [(m * MINUTE, STEADY) for m in range(minutes)]
    calls += [(m * MINUTE + 9_000, WAKING) for m in [0, 0, 0, *range(silent, minutes, every)]]
    calls = sorted(calls)
    records = [read(n, at, [f"o{n}"], seller_id=s, developer_id=f"of-{s}") for n, (at, s) in enumerate(calls)]
    if clock:
        records[len(records) // 2]["time"] += clock
    events = decoded(records)
    late, told = run(events, rows)
    whole_late, whole = run(events, len(events))
    assert late == whole_late == 0
    assert told == whole
    assert told
