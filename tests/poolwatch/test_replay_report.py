"""From what a replay left to figures and page, as the command does it."""

import json

import pyarrow as pa
import pyarrow.parquet as pq

from poolwatch import replay_report
from poolwatch.summary import against

HOUR = 3_600_000


def test_figures_and_page_of_a_replay(tmp_path):
    labels = tmp_path / "labels.jsonl"
    line = {"entity_kind": "developer", "scenario": "loud", "start": 0, "end": 10 * HOUR}
    rows = [
        {**line, "entity_id": "pool", "label": "aggregator", "party": "pool"},
        {**line, "entity_id": "shop", "label": "benign", "party": "shop"},
    ]
    labels.write_text("".join(json.dumps(r) + "\n" for r in rows))
    events = tmp_path / "events.parquet"
    call = {"developer_id": "pool", "status": 200}
    calls = [{**call, "time": t * HOUR, "customers": [f"c{t}"]} for t in range(10)]
    pq.write_table(pa.Table.from_pylist(calls), events)
    alert = {"alert_id": "1", "version": 1, "entity_kind": "developer", "entity_id": "pool", "time": 3 * HOUR}
    alert |= {"severity": "high", "score": 0.9, "rules": ["fan_out"], "last_seen": 4 * HOUR}

    figures = replay_report.against_labels(str(labels), [alert], None, [str(events)], (0, 10 * HOUR))
    told = replay_report.short(figures)
    assert (told["found"], told["recall"], told["median_hours"], told["share_before"]) == (1, 1.0, 3.0, 0.3)
    assert against(told) == (
        "[bold]1 of 1 poolers found[/]; 100% of the alerted entities are a pooler's; "
        "0.00 false entities a day; "
        "median delay 3.0 h; 30.0% of the customers taken before"
    )
    ranked = {"ranked": {"developers": {"average_precision": 0.5}, "origins": {"average_precision": None}}}
    assert against({**told, **ranked}).endswith("; average precision: developers 0.50")
    blind = replay_report.against_labels(
        str(labels), [alert], None, ["kafka://127.0.0.1:1/t"], (0, 10 * HOUR)
    )
    assert replay_report.short(blind)["median_hours"] == 3.0
    assert blind["customers_taken"] == 0

    out = tmp_path / "report.html"
    replay_report.report(str(out), {"events": 10}, [alert], None, figures, ([], None))
    page = out.read_text()
    assert "1 of 1 poolers found" in page
    assert "1 lost" in page
