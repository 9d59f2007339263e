"""Files in, evidence out; whatever the row groups."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.errors import PoolwatchError
from models.yardstick.truth import Truth
from poolwatch.evaluation.evidence import ScoreFile, read_alerts, read_labels, read_take
from poolwatch.evaluation.exposure import EventPass
from tests.models.made_labels import label

T0 = 1_700_000_000_000


def test_scores_are_streamed_within_the_span(tmp_path):
    chance = np.random.default_rng(1)
    rows = [
        {
            "time": t,
            "entity_kind": "developer",
            "entity_id": f"d{chance.integers(0, 9)}",
            "score": chance.random(),
        }
        for t in range(500)
    ]
    path = tmp_path / "scores.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=64)
    inside = [r for r in rows if 100 < r["time"] <= 400]
    scores = ScoreFile(path, 100, 400)
    want = {}
    for r in inside:
        want["developer", r["entity_id"]] = max(r["score"], want.get(("developer", r["entity_id"]), 0))
    assert scores.highest() == want
    assert scores.span_ms() == (101, 400)
    truth = Truth([label("developer", "d3")])
    signs = scores.signs(truth, 0.5, ["developer"])
    assert [s.time_ms for s in signs] == [
        r["time"] for r in inside if r["entity_id"] == "d3" and r["score"] > 0.5
    ]
    top = ScoreFile(path).top_rows().to_pylist()
    everywhere = {
        name: max(r["score"] for r in rows if r["entity_id"] == name)
        for name in {r["entity_id"] for r in rows}
    }
    assert {r["entity_id"]: r["score"] for r in top} == everywhere
    assert all(row in rows for row in top)


def test_take_by_events_counts_answered_calls_of_the_party_in_its_span(tmp_path):
    # time        5    10 ---- span ---- 100   110
    # pool's dev  c1   c2  c2  (403: c9)  c3   c4
    # its origin       c5 (as developer `robbed`); c6 from elsewhere
    def event(time, developer, customers, status=200, address="192.0.2.1"):
        base = {"time": T0 + time, "event_id": f"e{time}", "seller_id": "s", "key_id": "k", "operation": "o"}
        base |= {"developer_id": developer, "status": status, "customers": customers}
        return {**base, "source_ip": address, "user_agent": "x", "tls_fingerprint": "T"}

    rows = [
        event(5, "d", ["c1"]),
        event(10, "d", ["c2"]),
        event(20, "d", ["c2", "c7"]),
        event(30, "d", ["c9"], 403),
        event(40, "robbed", ["c5"], address="203.0.113.9"),
        event(50, "robbed", ["c6"], address="198.51.100.1"),
        event(60, "shop", None, address="198.51.100.1"),
        event(70, "shop", None, address="198.51.100.2"),
        event(100, "d", ["c3"]),
        event(110, "d", ["c4"]),
    ]
    path = tmp_path / "events.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    truth = Truth(
        [
            label("developer", "d", party="pool", start=T0 + 10, end=T0 + 100),
            label("origin", "net:203.0.113.0/24", party="pool", start=T0 + 10, end=T0 + 100),
            label("developer", "shop", "benign", party="shop"),
        ]
    )
    seen = EventPass(truth).read(path)
    assert [t - T0 for t in seen.take()["pool"]] == [10, 20, 40, 100]
    assert [x.entity_id for x in seen.own_addresses()] == [
        "ip:192.0.2.1",
        "ip:198.51.100.2",  # and not .1, which two share evenly
    ]
    assert (seen.events, seen.first_ms, seen.last_ms) == (10, T0 + 5, T0 + 110)


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_take_file_keeps_each_customer_once(tmp_path, form):
    rows = [{"party": "p", "customer": c, "time": t} for c, t in [("a", 9), ("b", 3), ("a", 5)]]
    path = tmp_path / f"take.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert {p: list(t) for p, t in read_take(path).items()} == {"p": [3, 5]}


def test_alerts_in_their_last_version(tmp_path):
    path = tmp_path / "alerts.jsonl"
    base = {"time": 1, "entity_kind": "developer", "entity_id": "d"}
    lines = [{**base, "alert_id": i, "version": v} for i, v in [("x", 1), ("y", 1), ("x", 2)]]
    path.write_text("".join(json.dumps(x) + "\n" for x in lines))
    assert [(a["alert_id"], a["version"]) for a in read_alerts(path)] == [("x", 2), ("y", 1)]


def test_unreadable_files_are_named_in_one_line(tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"alert_id": "x"}\n')
    with pytest.raises(PoolwatchError, match=r"bad.jsonl:1: an alert needs time"):
        read_alerts(bad)
    bad.write_text("{}\n[1]\n")
    with pytest.raises(PoolwatchError, match=r"bad.jsonl:1: a label needs entity_kind"):
        read_labels(bad)
    for nonsense in (b"nonsense", b'{"party": "\xff"}'):
        bad.write_bytes(nonsense)
        with pytest.raises(PoolwatchError, match="not JSON"):
            read_labels(bad)
    with pytest.raises(PoolwatchError, match="not a readable Parquet"):
        ScoreFile(bad.rename(tmp_path / "bad.parquet")).highest()
    with pytest.raises(PoolwatchError, match="cannot be read"):
        read_labels(tmp_path / "none.jsonl")
