"""Given files in, figures out: poolwatch and rivals by one measure; the page says what it must."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.errors import ConfigError
from models.minutes import HOUR_MS
from poolwatch.evaluation.detection_page import as_markdown
from poolwatch.evaluation.evaluate import Plan, command_of, main
from poolwatch.evaluation.evidence import read_alerts
from poolwatch.evaluation.measure import Given, for_json, measure
from poolwatch.evaluation.seeds import parse_seeds

START = 480_000 // 24 * 24 * HOUR_MS
SPAN_HOURS = 48


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """48 h: nine shops serve two sellers each and ship; `pool` reads a further seller each hour."""
    folder = tmp_path_factory.mktemp("given")
    events, scores = [], []
    for hour in range(SPAN_HOURS):
        time = START + hour * HOUR_MS
        for who in [*(f"shop-{i}" for i in range(9)), "pool"]:
            sellers = [f"s{hour}"] if who == "pool" else [f"{who}-a", f"{who}-b"]
            for seller in sellers:
                event = {
                    "event_id": f"{hour}-{seller}",
                    "developer_id": who,
                    "seller_id": seller,
                    "key_id": f"k-{who}-{seller}",
                    "status": 200,
                }
                event |= {"source_ip": f"203.0.113.{len(who)}", "records": 1, "bytes": 900}
                customer = f"{seller}-{hour}"
                events.append(
                    {
                        **event,
                        "time": time,
                        "operation": "getOrders",
                        "pii": ["name"],
                        "customers": [customer],
                    }
                )
                if who != "pool":
                    done = {"operation": "confirmShipment", "records": 0, "pii": [], "customers": []}
                    events.append({**event, **done, "time": time + 60_000})
            score = min(0.95, hour / 20) if who == "pool" else 0.1 + int(who[-1]) / 100
            row = {"time": time + 60_000, "entity_kind": "developer", "entity_id": who, "score": score}
            scores.append(row)
    labels = [
        {"entity_kind": "developer", "entity_id": f"shop-{i}", "label": "benign", "party": f"shop-{i}"}
        | {"scenario": "agency", "start": START, "end": START + SPAN_HOURS * HOUR_MS}
        for i in range(9)
    ]
    labels.append(
        {**labels[0], "entity_id": "pool", "label": "aggregator", "party": "pool", "scenario": "loud"}
    )
    alert = {"entity_kind": "developer", "version": 1, "rules": ["forest"], "reasons": []}
    alerts = [
        {**alert, "alert_id": "1", "entity_id": "pool", "time": START + 12 * HOUR_MS},
        {**alert, "alert_id": "2", "entity_id": "shop-3", "time": START + 20 * HOUR_MS},
    ]
    pq.write_table(pa.Table.from_pylist(events), folder / "events.parquet")
    pq.write_table(pa.Table.from_pylist(scores), folder / "scores.parquet")
    for name, rows in (("labels", labels), ("alerts", alerts)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return Given(
        labels=folder / "labels.jsonl",
        events=folder / "events.parquet",
        scores=folder / "scores.parquet",
        alerts=folder / "alerts.jsonl",
    )


def test_one_measure_for_poolwatch_and_rivals(files):
    figures = measure(files)
    ours, alerts = figures["methods"]["poolwatch"], figures["alerts"]
    assert figures["customers_taken"] == SPAN_HOURS
    assert ours["developers"]["average_precision"] == 1.0
    # one benign entity a day over two days: the line is that of the third highest shop (0.16)
    assert ours["parties"]["line_at_1_a_day"] == pytest.approx(0.16)
    assert ours["at_1_a_day"]["median_hours"] == pytest.approx(4 + 1 / 60)
    assert (alerts["found"], alerts["median_hours"]) == (1, 12.0)
    assert alerts["share_before"] == 12 / SPAN_HOURS
    assert alerts["populations"]["agency"]["names"] == ["developer shop-3"]
    assert alerts["precision"] == 0.5
    distinct = figures["methods"]["distinct sellers per developer, 24 h"]
    assert distinct["developers"]["average_precision"] == 1.0
    assert distinct["developers"]["abusive"] == 1
    per_address = figures["methods"]["distinct sellers per address, 24 h"]
    assert per_address["origins"]["abusive"] == 1  # the pool's own address, known from who calls from it
    assert per_address["parties"]["average_precision"] == 1.0


def test_rows_outside_the_span_do_not_count(files):
    late = Given(files.labels, files.events, files.scores, files.alerts, from_ms=START + 14 * HOUR_MS)
    figures = measure(late, rivals=False)
    assert list(figures["methods"]) == ["poolwatch"]
    assert figures["alerts"]["found"] == 0
    assert figures["days"] == (SPAN_HOURS - 14) / 24


def test_command_line_prints_json_or_a_page(files, capsys):
    options = ["--labels", str(files.labels), "--scores", str(files.scores), "--alerts", str(files.alerts)]
    assert main(options) == 0
    assert json.loads(capsys.readouterr().out)["methods"]["poolwatch"]["parties"]["entities"] == 10
    assert main([*options, "--events", str(files.events), "--markdown"]) == 0
    page = capsys.readouterr().out
    assert "developer shop-3" in page
    assert "| **poolwatch** | 1.00 |" in page
    assert main(["--labels", str(files.labels)]) == 2
    assert capsys.readouterr().err == "poolwatch: the span is unknown: give --events or --scores\n"


def test_page_says_which_seeds_were_tuned_on(files):
    run = measure(files, rivals=False)
    head = {
        "scenario": "mixed",
        "hours": 48,
        "sellers": 50,
        "developers": 10,
        "perturb": 0.3,
        "model": "shipped",
    }
    head |= {"command": "poolwatch evaluate", "tuned_on": [1, 2], "runs": {"2": run, "7": run}}
    assert "**of which 2 were tuned on**" in as_markdown({**head, "reported_on": [2, 7]})
    fresh = as_markdown({**head, "reported_on": [7]})
    assert "none of which was tuned on" in fresh
    assert "moved by up to 30%" in fresh


def test_seeds_and_nan():
    assert parse_seeds("1,3-5,4") == (1, 3, 4, 5)
    with pytest.raises(ConfigError, match="--seeds a-b"):
        parse_seeds("a-b")
    with pytest.raises(ConfigError, match="no seed is in it"):
        parse_seeds("5-1")
    assert for_json({"a": [float("nan"), 1.0]}) == {"a": [None, 1.0]}


def test_json_lines_measure_the_same(files, tmp_path):
    lines = tmp_path / "events.jsonl"
    rows = pq.read_table(files.events).to_pylist()
    lines.write_text("".join(json.dumps(r) + "\n" for r in rows) + '{"time": null}\n')
    given = Given(files.labels, lines, files.scores, read_alerts(files.alerts))
    assert for_json(measure(given)) == for_json(measure(files))


def test_mistakes_name_the_flagged_the_missed_and_their_features(files, tmp_path, capsys):
    rows = pq.read_table(files.scores)
    wide = rows.append_column(
        "sellers_24h", pa.array([5.0 if i == "pool" else 2.0 for i in rows["entity_id"].to_pylist()])
    )
    pq.write_table(wide, tmp_path / "wide.parquet")
    (tmp_path / "alerts.jsonl").write_text(files.alerts.read_text().splitlines()[1] + "\n")
    options = [
        "--labels",
        files.labels,
        "--scores",
        tmp_path / "wide.parquet",
        "--alerts",
        tmp_path / "alerts.jsonl",
    ]
    assert main([*map(str, options), "--mistakes"]) == 0
    told = capsys.readouterr().out
    assert "**developer shop-3** (agency)" in told
    assert "**pool** (loud) missed" in told
    assert "developer pool [aggregator] at 19.0 h: score 0.950: sellers_24h 5 (0.0%)" in told


def test_the_command_says_what_was_asked_for():
    plan = Plan(seeds=(7,), hours=9, sellers=20, developers=3, rivals=False, perturb=0.2)
    said = "poolwatch evaluate --scenario mixed --seeds 7 --hours 9 --sellers 20 --developers 3 --perturb 0.2"
    assert command_of(plan) == f"{said} --no-rivals"
    assert command_of(plan, "page.md") == f"{said} --no-rivals --markdown page.md"
