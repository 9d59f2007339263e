"""The demo's day before, left in Redis: its worker starts knowing the usual. Touches Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from models.decode.decode import Decoder
from models.operations import Operations
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from poolwatch.demo.market import DemoMarket
from poolwatch.replay.handover import hand_over, tell
from poolwatch.replay.pipeline import Pipeline
from streams.files.alerts import LastAlerts
from streams.settings import Settings

STEP_ROWS = 32_768


def learn(market: DemoMarket, settings: Settings) -> Iterator[tuple[pa.Table, int]]:
    """Replay the market's history: each table once it is through, and the event time reached, in ms.

    At the end state and alerts are handed over.
    """
    operations = Operations.load(settings.operations)
    decoder, last = Decoder(operations), LastAlerts()
    models = [Model.load(settings.model)]
    pipeline = Pipeline(settings.partitions, operations, RuleSet.load(settings.rules), models)
    for table in _together(market.history(), STEP_ROWS):
        events, _ = decoder.table(table, 0)
        for closed in pipeline.step(events).closed[0]:
            last.add(closed.alerts)
        yield table, pipeline.last_ms
    for closed in pipeline.finish().closed[0]:
        last.add(closed.alerts)
    hand_over(pipeline, settings, at_end=True)  # an earlier demo left its events there
    for alert in last.all():
        alert.evidence = []  # the day before lies in no topic
    tell([(alert.alert_id, alert.json()) for alert in last.all()], settings)


def _together(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of about `rows`."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(t.num_rows for t in waiting) >= rows:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)
