"""What worker and server tell Prometheus: one entry per metric. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from models.alerts.alerts import SEVERITIES, Alert
from models.wire.sightings import ENTITY_KINDS
from streams.telemetry.histogram import Histogram

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

#: 1 ms to 5 min: a send-to-fold at rest takes milliseconds, the close of a minute waits for its watermark.
LATENCY_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 15.0, 60.0, 120.0, 300.0)
BATCH = (1, 4, 16, 64, 256, 1_024, 4_096, 16_384)
BYTES = tuple(float(4**n) for n in range(5, 15))  # 1 KiB .. 256 MiB
SCORE = tuple(round(0.05 * n, 2) for n in range(1, 21))


@dataclass(frozen=True, slots=True)
class Entry:
    """One metric as documented. Labels never hold an id that a caller chose: values are few and ours."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


TABLE: list[Entry] = []


def _counter(name: str, help: str, *labels: str) -> Counter:
    TABLE.append(Entry(name + "_total", "counter", labels, help))
    return Counter(name, help, labels, registry=REGISTRY)


def _gauge(name: str, help: str, *labels: str) -> Gauge:
    TABLE.append(Entry(name, "gauge", labels, help))
    return Gauge(name, help, labels, registry=REGISTRY)


def _histogram(name: str, help: str, *labels: str, buckets: Sequence[float] = LATENCY_S) -> Histogram:
    TABLE.append(Entry(name, "histogram", labels, help))
    return Histogram(name, help, labels, buckets, REGISTRY)


#: What may become of an event; `EVENTS` has no other outcome.
OUTCOMES = ("accepted", "duplicate", "late", "rejected", "ahead")

EVENTS = _counter(
    "poolwatch_events",
    "Usage events read, by outcome: accepted; duplicate (counted before); late (counted in the newest open "
    "minute); rejected (breaks a rule: dead letter); ahead (broken clock: dead letter).",
    "outcome",
)
BATCH_EVENTS = _histogram(
    "poolwatch_batch_events",
    "Records in one batch handed to a stage (fold, detect, actors).",
    "stage",
    buckets=BATCH,
)
SIGHTINGS = _counter("poolwatch_sighting_rows", "Rows that fold sent to detect, changed totals included.")
MINUTES = _counter("poolwatch_minutes_closed", "Event-time minutes closed and judged.")
ROWS_SCORED = _counter("poolwatch_rows_scored", "Entity-minutes scored at the close of their minute.")

LATENCY = _histogram(
    "poolwatch_latency_seconds",
    "Time between two stations: send_to_fold (producer's send to folded), fold_to_close (minute's last "
    "sighting to its close), event_to_alert (producer's send of the newest event to its alert in the feed).",
    "step",
)
WORK = _histogram(
    "poolwatch_work_seconds", "Computing time of one step: decode, fold, detect, actors.", "step"
)
LAG = _gauge(
    "poolwatch_lag_records", "Records in a partition not yet applied by its stage.", "stage", "partition"
)
WATERMARK_DELAY = _gauge(
    "poolwatch_watermark_delay_seconds",
    "Wall clock less the watermark of a stage's partition.",
    "stage",
    "partition",
)

ALERTS = _counter(
    "poolwatch_alerts",
    "Alerts raised, each once: when the feed in Redis holds no version of it yet, so a restart or another "
    "worker counts none again.",
    "entity_kind",
    "severity",
)
ALERT_RULES = _counter(
    "poolwatch_alert_rules",
    "Alerts raised, by each rule that had fired when the alert was first told (it may count for several).",
    "rule",
    "severity",
)
ALERT_VERSIONS = _counter(
    "poolwatch_alert_versions", "Alert versions delivered, first and later.", "severity"
)
SCORE_ROWS = _histogram(
    "poolwatch_score",
    "Scores of entity-minutes, 0..1, higher = more anomalous.",
    "entity_kind",
    buckets=SCORE,
)
ENTITIES = _gauge(
    "poolwatch_entities", "Entities (developers and origins) that the worker keeps windows for."
)
FEATURE_OFF = _gauge(
    "poolwatch_feature_off",
    "1 for a feature that is off, as the optional field it needs does not come.",
    "feature",
)

STATE_ROWS = _gauge("poolwatch_state_rows", "Rows held in a table of the worker's state.", "table")
STATE_BYTES = _gauge("poolwatch_state_bytes", "Memory held by a table of the worker's state.", "table")
SNAPSHOT_SECONDS = _histogram("poolwatch_snapshot_seconds", "Time to write one snapshot to Redis.", "stage")
SNAPSHOT_BYTES = _histogram(
    "poolwatch_snapshot_bytes", "Bytes written by one snapshot: what changed.", "stage", buckets=BYTES
)
REBALANCES = _counter("poolwatch_rebalances", "Partition assignments taken by this worker.")
FENCED = _counter(
    "poolwatch_fenced", "Times another worker had taken over a partition that this one still held."
)
ERRORS = _counter(
    "poolwatch_errors", "Failed requests to a system (kafka, redis, ledger); each was tried again.", "system"
)

REQUESTS = _counter(
    "poolwatch_http_requests", "Answers of the alert server, by route and status.", "route", "status"
)
LISTENERS = _gauge("poolwatch_feed_listeners", "Open live feeds of the alert server.")
FEED_SENT = _counter("poolwatch_feed_sent", "Alert versions sent down live feeds.")
INFO = _gauge("poolwatch_info", "1; the labels tell what runs.", "version", "model", "rule_set")

# All that may come is there at 0 from the start: an increase from nothing to 1 is none to Prometheus.
for _outcome in OUTCOMES:
    EVENTS.labels(_outcome)
for _system in ("kafka", "redis", "ledger"):
    ERRORS.labels(_system)
for _severity in SEVERITIES:
    ALERT_VERSIONS.labels(_severity)
    for _kind in ENTITY_KINDS:
        ALERTS.labels(_kind, _severity)
for _step in ("send_to_fold", "fold_to_close", "event_to_alert"):
    LATENCY.observe([], _step)


def expect_rules(rules: Iterable[str]) -> None:
    """The rules that alerts may name, each at 0 until one does."""
    for rule in rules:
        for severity in SEVERITIES:
            ALERT_RULES.labels(rule, severity)


def count_alerts(alerts: Sequence[Alert], first: set[str]) -> None:
    """Count alert versions on delivery; an alert and its rules once: where its id is in `first`.

    The version does not tell: of an alert that could have been told early, the first may be 2.
    """
    for alert in alerts:
        ALERT_VERSIONS.labels(alert.severity).inc()
    for alert in {a.alert_id: a for a in reversed(alerts) if a.alert_id in first}.values():
        ALERTS.labels(alert.entity_kind, alert.severity).inc()
        for rule in alert.rules:
            ALERT_RULES.labels(rule, alert.severity).inc()


def forget(stage: str, partition: int) -> None:
    """Drop the gauges of a partition that this worker no longer owns, so that no stale lag is shown."""
    for gauge in (LAG, WATERMARK_DELAY):
        gauge.remove_by_labels({"stage": stage, "partition": str(partition)})


def markdown() -> str:
    """The table of docs/metrics.md."""
    lines = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{e.name}` | {e.kind} | {' '.join(f'`{label}`' for label in e.labels) or '-'} | {e.help} |"
        for e in TABLE
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    made = "Made by `python -m streams.telemetry.metrics > docs/metrics.md`."
    print(f"# Metrics\n\n{made}\n\n{markdown()}", end="")
