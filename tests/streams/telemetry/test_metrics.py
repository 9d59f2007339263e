"""The metrics endpoint says what was counted, and the manual says what each metric means."""

import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from models.errors import PoolwatchError
from streams.telemetry import endpoint, metrics

DOC = Path(__file__).parents[3] / "docs" / "metrics.md"


@pytest.fixture
def scrape():
    server = endpoint.serve(0)

    def read() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
            return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}

    yield read
    server.close()


def test_the_manual_has_every_metric():
    assert metrics.markdown() in DOC.read_text(), "run: python -m streams.telemetry.metrics > docs/metrics.md"


def test_no_metric_is_labelled_with_an_id():
    ours = {"outcome", "stage", "step", "partition", "entity_kind", "severity", "rule", "feature", "table"}
    ours |= {"system", "route", "status", "version", "model", "rule_set"}
    assert {label for entry in metrics.TABLE for label in entry.labels} <= ours


def test_what_may_be_counted_is_there_at_0_from_the_start():
    tell = "from prometheus_client import generate_latest; print(generate_latest(metrics.REGISTRY).decode())"
    code = f"from streams.telemetry import metrics; metrics.expect_rules(['fan_out']); {tell}"
    text = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    series = {line.rpartition(" ")[0] for line in text.splitlines() if line.endswith(" 0.0")}
    assert 'poolwatch_alerts_total{entity_kind="origin",severity="critical"}' in series
    assert 'poolwatch_alert_rules_total{rule="fan_out",severity="low"}' in series
    assert 'poolwatch_latency_seconds_count{step="event_to_alert"}' in series
    counters = {entry.name for entry in metrics.TABLE if entry.kind == "counter" and entry.labels}
    absent = {name for name in counters if not any(one.startswith(f"{name}{{") for one in series)}
    assert absent == {"poolwatch_http_requests_total"}  # the alert server knows its routes


def test_a_counted_event_is_served(scrape):
    before = scrape()[("poolwatch_events_total", (("outcome", "late"),))]
    metrics.EVENTS.labels("late").inc(3)
    assert scrape()[("poolwatch_events_total", (("outcome", "late"),))] == before + 3


def test_a_histogram_takes_an_array_like_single_values(scrape):
    values = np.array([0.0, 0.05, 0.051, 0.5, 1.0, np.nan])
    metrics.SCORE_ROWS.observe(0.5, "origin", times=2)
    before = scrape()  # others have counted here too
    metrics.SCORE_ROWS.observe(values, "origin")
    metrics.SCORE_ROWS.observe(0.5, "origin", times=2)
    after = scrape()
    grown = {
        float(dict(labels)["le"]): value - before[name, labels]
        for (name, labels), value in after.items()
        if name == "poolwatch_score_bucket" and ("entity_kind", "origin") in labels
    }
    true = np.array([0.0, 0.05, 0.051, 0.5, 1.0, 0.5, 0.5])
    assert {edge: (true <= edge).sum() for edge in grown} == grown
    key = ("poolwatch_score_sum", (("entity_kind", "origin"),))
    assert after[key] - before[key] == pytest.approx(true.sum())
    with pytest.raises(ValueError, match="labels"):
        metrics.SCORE_ROWS.observe(0.5)


def test_a_partition_given_away_leaves_no_stale_lag(scrape):
    key = ("poolwatch_lag_records", (("partition", "7"), ("stage", "fold")))
    metrics.LAG.labels("fold", "7").set(12)
    assert scrape()[key] == 12
    metrics.forget("fold", 7)
    metrics.forget("fold", 7)
    assert key not in scrape()


def test_a_taken_port_is_one_clear_line():
    first = endpoint.serve(0)
    with pytest.raises(PoolwatchError, match="--metrics-port"):
        endpoint.serve(first.port)
    first.close()
