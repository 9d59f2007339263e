"""The page of a replay: complete in itself, safe whatever ids say, honest about what it lacks."""

import html.parser
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.errors import PoolwatchError
from models.scoring.advice import Advice
from poolwatch.report.charts import stacked_bars
from poolwatch.report.report import Side, write_report

HOUR = 3_600_000
EVIL = '<script>alert("x")</script>&'


def alert(entity, hour=0, severity="high", score=0.8, **more):
    base = {
        "alert_id": f"{entity}-{hour}",
        "entity_kind": "developer",
        "entity_id": entity,
        "severity": severity,
    }
    base |= {
        "time": hour * HOUR,
        "score": score,
        "case": entity,
        "sellers": 92,
        "keys": 93,
        "origins": 0,
        "rules": ["fan_out"],
    }
    base |= {"first_seen": hour * HOUR, "last_seen": (hour + 1) * HOUR, "links": []}
    base |= {"origin_ids": [], "developer_ids": [entity], "key_ids": ["k1"], "seller_ids": ["s1"]}
    base |= {"customers": {"estimate": 4_800.0, "low": 1, "high": 2}, "reasons": [{"text": f"why {entity}"}]}
    return base | more


def scores(path, highest):
    rows = [{"time": 1, "entity_kind": "developer", "entity_id": e, "score": s} for e, s in highest.items()]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def figures(party="quiet", shop="shop", population="agency"):
    """Against labels: a party missed, a shop flagged by mistake."""
    ranked = {
        "average_precision": 0.5,
        "precision_at_20": 0.5,
        "recall_at_0.1_a_day": 1.0,
        "recall_at_1_a_day": 1.0,
    }
    ranked |= {"entities": 1_000, "abusive": 2, "best_precision": 1.0, "best_recall": float("nan")}
    miss = {
        "party": party,
        "scenario": "slow",
        "found": False,
        "delay_ms": HOUR,
        "share_before": 1.0,
        "first_by": "",
    }
    false = {
        "entity_kind": "developer",
        "entity_id": shop,
        "population": population,
        "rules": ["x"],
        "time": HOUR,
    }
    return {
        "methods": {"poolwatch": {"developers": ranked, "at_1_a_day": {}}},
        "alerts": {
            "parties": 1,
            "found": 0,
            "precision": 0.0,
            "false_a_day": 1.0,
            "detections": [miss],
            "false": [false],
        },
    }


class Balanced(html.parser.HTMLParser):
    """Fails on a tag that is closed wrongly; keeps the tags seen."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], set()

    def handle_starttag(self, tag, _attributes):
        self.seen.add(tag)
        if tag not in ("meta", "line"):
            self.open.append(tag)

    def handle_startendtag(self, tag, _attributes):
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def written(tmp_path, *given, **more):
    out = tmp_path / "report.html"
    write_report(str(out), *given, **more)
    text = out.read_text()
    page = Balanced()
    page.feed(text)
    assert not page.open
    assert "script" not in page.seen
    assert not re.search(r"(src|href)=|url\(|@import", text)
    return text


def test_page_stands_alone_and_escapes_every_id(tmp_path):
    summary = {"events": 5, "from": HOUR, "until": 80 * HOUR, "model": EVIL, "rule_set": "r"}
    now = Side("now", [alert(EVIL), alert("b", 79)], scores(tmp_path / "s.parquet", {EVIL: 0.8, "c": 0.1}))
    text = written(tmp_path, summary, now)
    assert "<script>" not in text
    assert "why b" in text
    assert "1970-01-01 01:00 – 1970-01-04 08:00 UTC" in text
    assert "Against the labels" not in text


def test_nothing_unseen_in_what_callers_chose_is_in_the_page(tmp_path):
    unseen = "a\u202eb\u200bc\x1b[2J"
    evil = alert(unseen, case=unseen, reasons=[{"text": unseen}], rules=[unseen])
    now = Side(unseen, [evil], scores(tmp_path / "now.parquet", {unseen: 0.8}))
    then = Side(unseen, [alert(unseen + "2")], scores(tmp_path / "then.parquet", {"c": 0.1}))
    told = figures(unseen, unseen, unseen)
    text = written(tmp_path, {"model": unseen, "notes": [unseen]}, now, told, then)
    assert not set("\u202e\u200b\x1b") & set(text)
    assert text.count("a\ufffdb\ufffdc\ufffd[2J") > 12


def test_candidate_shows_what_is_gained_lost_and_moved(tmp_path):
    now = Side(
        "now", [alert("kept"), alert("gone")], scores(tmp_path / "a.parquet", {"kept": 0.8, "gone": 0.7})
    )
    then = Side(
        "next", [alert("kept"), alert("come")], scores(tmp_path / "b.parquet", {"kept": 0.8, "come": 0.9})
    )
    text = written(tmp_path, {}, now, candidate=then)
    assert "1 entities alerted on by both" in text
    assert "1 gained" in text
    assert "1 lost" in text
    moved = text[text.index("Entities that move most") :]
    moved = moved[: moved.index("</table>")]
    assert re.findall(r"<b>(\w+)</b>", moved) == ["come", "gone"]
    assert "+0.90" in moved
    assert "-0.70" in moved


def test_labels_name_missed_poolers_and_mistakes(tmp_path):
    text = written(tmp_path, {}, Side("now", [alert("shop")]), figures=figures())
    assert "missed" in text
    assert "Flagged by mistake (1)" in text
    assert "1,000" in text


def test_a_case_is_told_as_one_with_what_to_do_first(tmp_path):
    rule = Advice("fan_out", "high", 0.3, "why", "Ask them.")
    worse = Advice("burst", "critical", 0.1, "why", "Revoke <all>.")
    party = [alert(f"m{n}", n, case="party", score=0.81 + n / 100) for n in range(5)]
    party[0] |= {"severity": "critical", "rules": ["fan_out", "burst"]}
    gone = [alert("gone", superseded_by="x"), alert("early", withdrawn=True)]
    lone = alert("lone", score=0.99)
    known = {one.id: one for one in (rule, worse)}
    text = written(tmp_path, {}, Side("now", [lone, *party, *gone]), known=known)
    assert "<b>6</b>alerts" in text
    assert "<b>2</b>cases" in text
    first, second = text.split('<article class="case">')[1:]
    assert "5 developers, at least 93 keys, at least 92 sellers, at least 1 customer" in first
    assert "Revoke &lt;all&gt;." in first
    assert first.count("Ask them.") == 0
    assert "5 alerts, 1970-01-01 00:00 to 1970-01-01 05:00 UTC" in first
    assert "<summary>2 more alerts</summary>" in first
    assert "Ask them." in second
    assert "1 developer, 93 keys, 92 sellers, at least" in second
    assert first.index("why m0") < first.index("why m4"), "the severest first"
    assert "lone" in second
    assert "gone" not in text
    assert "early" not in text


def test_nothing_found_is_said(tmp_path):
    assert "nothing crossed a line" in written(tmp_path, {}, Side("now", []))


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(PoolwatchError, match=r"report\.html"):
        write_report(str(tmp_path / "none" / "report.html"), {}, Side("now", []))


def test_bars_are_as_high_as_their_counts():
    svg = stacked_bars("t", ["a", "b"], {"high": [4, 1], "low": [0, 1]})
    heights = [float(h) for h in re.findall(r' height="([\d.]+)"', svg)]
    assert heights[0] == pytest.approx(4 * heights[1], abs=0.2)
    assert heights[1] == heights[2]
