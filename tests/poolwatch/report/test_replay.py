"""From what a replay left to figures and page, as the command does it."""

import json

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from poolwatch.evaluation.measure import for_json
from poolwatch.replay.view import against, show
from poolwatch.report import replay as replay_report
from poolwatch.report.report import Side, write_report
from streams.inputs.forms import adapter

HOUR = 3_600_000
START = 480_000 * HOUR


def test_figures_and_page_of_a_replay(tmp_path, capsys):
    labels = tmp_path / "labels.jsonl"
    line = {"entity_kind": "developer", "scenario": "loud", "start": START, "end": START + 10 * HOUR}
    rows = [
        {**line, "entity_id": "pool", "label": "aggregator", "party": "pool"},
        {**line, "entity_id": "shop", "label": "benign", "party": "shop"},
    ]
    labels.write_text("".join(json.dumps(r) + "\n" for r in rows))
    events = tmp_path / "events.parquet"
    call = {"event_id": "e", "seller_id": "s", "key_id": "k", "operation": "o", "developer_id": "pool"}
    call |= {"status": 200}
    calls = [{**call, "time": START + t * HOUR, "customers": [f"c{t}"]} for t in range(10)]
    pq.write_table(pa.Table.from_pylist(calls), events)
    alert = {
        "alert_id": "1",
        "version": 1,
        "entity_kind": "developer",
        "entity_id": "pool",
        "time": START + 3 * HOUR,
    }
    alert |= {
        "severity": "high",
        "score": 0.9,
        "rules": ["fan_out"],
        "first_seen": START,
        "last_seen": START + 4 * HOUR,
    }
    alert |= {"case": "developer:pool", "sellers": 1, "keys": 1, "origins": 1, "customers": None, "links": []}
    alert |= {name: ["x"] for name in ("seller_ids", "key_ids", "developer_ids", "origin_ids")}

    figures = replay_report.against_labels(
        str(labels), [alert], None, [str(events)], (START, START + 10 * HOUR)
    )
    own = pa.Table.from_pylist([{**c, "customers": ";".join(c["customers"])} for c in calls])
    own = own.rename_columns({"developer_id": "app", "customers": "who"})
    (tmp_path / "own.toml").write_text('[fields]\ndeveloper_id = "app"\ncustomers = "who"\n')
    pq.write_table(own, tmp_path / "own.parquet")
    pa_csv.write_csv(own, tmp_path / "own.csv")
    for name in ("own.parquet", "own.csv"):  # what a mapping reads is measured alike
        form = adapter(None, str(tmp_path / "own.toml"))
        where = ([str(tmp_path / name)], (START, START + 10 * HOUR), form)
        mapped = replay_report.against_labels(str(labels), [alert], None, *where)
        assert for_json(mapped) == for_json(figures)
    told = replay_report.short(figures)
    assert (told["missed"], told["false"]) == ([], {})
    assert (told["found"], told["recall"], told["median_hours"], told["share_before"]) == (1, 1.0, 3.0, 0.3)
    assert against(told) == (
        "[bold]1 of 1 poolers found[/]; 100% of the alerted entities are a pooler's; "
        "0.00 false entities a day; "
        "median delay 3.0 h; 30.0% of the customers taken before"
    )
    ranked = {"ranked": {"developers": {"average_precision": 0.5}, "origins": {"average_precision": None}}}
    assert against({**told, **ranked}).endswith("; average precision: developers 0.50")
    worse = told | {
        "parties": 3,
        "missed": [{"party": "x", "scenario": "slow"}, {"party": "slow-1", "scenario": "slow"}] * 6,
    }
    worse |= {"false": {"migration": 2, "unlabelled": 1}, "cases": {"pair_precision": 0.95}}
    assert "; median delay 3.0 h (a miss counts as the whole span); " in against(worse)
    assert "; 95% of the pairs that cases join belong together; " in against(worse)
    assert "median" not in against(worse | {"found": 0})
    summary = dict.fromkeys(("from", "until", "entities", "seconds", "events_per_s", "duplicates", "late"), 0)
    show(summary | {"events": 1, "accepted": 1, "rejected": {}, "labels": worse}, [], as_json=False)
    _, _, missed, false, _ = capsys.readouterr().out.splitlines()
    assert missed == "  missed: " + ", ".join(["x (slow)", "slow-1"] * 5) + " and 2 more"
    assert false == "  alerted on by mistake: 2 migration, 1 unlabelled"
    blind = replay_report.against_labels(
        str(labels), [alert], None, ["kafka://127.0.0.1:1/t"], (START, START + 10 * HOUR)
    )
    assert replay_report.short(blind)["median_hours"] == 3.0
    assert blind["customers_taken"] == 0

    out = tmp_path / "report.html"
    summary = {"events": 10, "notes": ["<orders> never came"]}
    write_report(str(out), summary, Side("this model", [alert]), figures, Side("the candidate", []))
    page = out.read_text()
    assert "1 of 1 poolers found" in page
    assert "1 lost" in page
    assert "<p>&lt;orders&gt; never came.</p>" in page
