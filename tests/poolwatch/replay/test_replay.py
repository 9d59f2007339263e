"""History through fold and detect: the real logs, files cut and shuffled, state left behind."""

import json
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from models.errors import PoolwatchError
from models.scoring.model import Model
from poolwatch.replay.replay import Request, replay
from poolwatch.replay.view import show
from poolwatch.simulate import Wish, simulate
from poolwatch.train import train_file
from streams.settings import Settings
from tests.missing import CLOUDTRAIL, needs_cloudtrail


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    path = tmp_path_factory.mktemp("market") / "events.jsonl"
    simulate(Wish("normal", 5, 2, 200, 30), str(path), Settings())
    return path


@needs_cloudtrail
def test_real_logs_show_who_acts_with_many_keys(tmp_path):
    out = tmp_path / "alerts.jsonl"
    replayed = replay(Request([CLOUDTRAIL], form="cloudtrail", alerts=str(out)))
    assert replayed.summary["accepted"] == 2900
    assert replayed.summary["rejected"] == {}
    alerts = [json.loads(line) for line in out.read_text().splitlines()]
    keys = {a["entity_id"].rpartition("/")[2]: a["keys"] for a in alerts if a["entity_kind"] == "developer"}
    assert keys == {"bert-jan": 109, "benjamin": 17}
    assert all(a["keys"] > 2 for a in alerts)
    assert all(place["file"].startswith(CLOUDTRAIL) for a in alerts for place in a["evidence"])


def test_files_partitions_and_forms_do_not_show(tmp_path, market):
    lines = market.read_text().splitlines(keepends=True)
    for part in range(3):  # three files that overlap all the way
        (tmp_path / f"{part}.jsonl").write_text("".join(lines[part::3]))
    whole = replay(Request([str(market)], scores=str(tmp_path / "a.parquet")))
    parts = replay(
        Request([str(tmp_path / "*.jsonl")], Settings(partitions=3), scores=str(tmp_path / "b.parquet"))
    )
    names = ("events", "accepted", "duplicates", "late", "alerts", "entities", "from", "until")
    assert {n: whole.summary[n] for n in names} == {n: parts.summary[n] for n in names}
    by = [("time", "ascending"), ("entity_kind", "ascending"), ("entity_id", "ascending")]
    a, b = (pq.read_table(tmp_path / f"{n}.parquet").sort_by(by) for n in "ab")
    assert a.num_rows > 100
    assert a.select(["time", "entity_id", "sellers_24h", "calls_24h"]) == b.select(
        ["time", "entity_id", "sellers_24h", "calls_24h"]
    )


def test_keys_are_told_whatever_the_partitions(tmp_path, market):
    for partitions in (1, 8):
        replay(
            Request(
                [str(market)],
                Settings(partitions=partitions),
                keys=str(tmp_path / f"{partitions}.jsonl"),
            )
        )
    lines = (tmp_path / "8.jsonl").read_text()
    assert lines == (tmp_path / "1.jsonl").read_text()
    rows = [json.loads(line) for line in lines.splitlines()]
    told = [(row["entity_kind"], row["entity_id"], row["key_id"]) for row in rows]
    assert len(told) > 100
    assert told == sorted(set(told))
    assert all(0 < row["probability"] <= 0.99 and row["evidence"] for row in rows)


def test_what_is_rejected_is_told_with_its_place_and_costs_nothing_else(tmp_path, market):
    lines = market.read_text().splitlines(keepends=True)
    path = tmp_path / "events.jsonl"
    path.write_text("".join([*lines[:50], '{"customer": "secret"}\n', *lines[50:]]))
    letters = tmp_path / "letters.jsonl"
    replayed = replay(Request([str(path)], dead_letters=str(letters)))
    assert replayed.summary["accepted"] == len(lines)
    (letter,) = map(json.loads, letters.read_text().splitlines())
    assert (letter["file"], letter["first"], letter["last"]) == (str(path), 51, 51)
    assert "secret" not in letters.read_text()


def written(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


@pytest.fixture
def calls(market):
    return [json.loads(line) for line in market.read_text().splitlines()]


def test_a_clock_far_ahead_is_told_with_its_own_line_whatever_file_came_beside_it(tmp_path, calls):
    halves = [calls[::2], calls[1::2]]
    wrong = len(halves[1]) // 2
    halves[1][wrong] |= {"time": calls[-1]["time"] + 30 * 86_400_000}
    first, second = (written(tmp_path / f"{i}.jsonl", half) for i, half in enumerate(halves))
    letters = tmp_path / "letters.jsonl"
    replayed = replay(Request([first, second], dead_letters=str(letters)))
    assert replayed.summary["accepted"] == len(calls) - 1
    (letter,) = map(json.loads, letters.read_text().splitlines())
    assert (letter["file"], letter["first"], letter["last"]) == (second, wrong + 1, wrong + 1)
    assert "ahead of the partition" in letter["reason"]


def test_a_field_that_never_came_is_told_with_what_it_switches_off(tmp_path, calls, capsys):
    bare = [{k: v for k, v in call.items() if k != "orders"} for call in calls]
    path = written(tmp_path / "bare.jsonl", bare)
    summary = replay(Request([path])).summary
    assert summary["off"]["fields"] == ("orders",)
    assert {"sellers_dug_24h", "orders_unneeded_24h"} <= {*summary["off"]["features"]}
    assert "dug_fan_out" in summary["off"]["rules"]
    show(summary, [], as_json=False)
    assert "  orders never came, which switches off 27 of " in capsys.readouterr().out
    train_file(Request([path], Settings(partitions=1)), str(tmp_path / "a.model"), 1)
    said = capsys.readouterr().err
    assert "  orders never came, which switches off 27 of " in said
    assert "h are little to tell the usual from: two weeks or more are better" in said or "min are" in said
    whole = replay(Request([written(tmp_path / "whole.jsonl", calls)])).summary
    assert (whole["off"]["fields"], whole["notes"]) == ((), [])


def test_the_model_at_work_is_not_needed_to_train_another(tmp_path, calls):
    """Whose model is of an earlier version's features is told to train anew: that must not ask for it."""
    path, old = written(tmp_path / "a.jsonl", calls), tmp_path / "old.model"
    old.write_text("of other features")
    made = train_file(Request([path], Settings(partitions=1, model=str(old))), str(tmp_path / "new.model"), 1)
    assert Model.load(tmp_path / "new.model").hash == made.hash


def test_operations_that_no_table_lists_are_told(tmp_path, calls, capsys):
    path = written(tmp_path / "a.jsonl", [c | {"operation": f"GET /x/{c['operation']}"} for c in calls])
    summary = replay(Request([path])).summary
    assert summary["unlisted"]["calls"] == len(calls)
    assert "GET /x/getOrders" in summary["unlisted"]["operations"]
    show(summary, [], as_json=False)
    said = f"{len(calls):,} of {len(calls):,} calls are of operations that no table lists (GET /x/"
    assert said in capsys.readouterr().out


def test_a_history_out_of_order_is_told(tmp_path, calls, capsys):
    random.Random(1).shuffle(calls)
    summary = replay(Request([written(tmp_path / "a.jsonl", calls)])).summary
    assert summary["late"] > len(calls) / 2
    show(summary, [], as_json=False)
    out = capsys.readouterr().out
    assert f"  {summary['late']:,} late (" in out
    assert "sort the input by time" in out
    assert out.count(" late") == 1


def test_a_broken_clock_does_not_stretch_the_span(tmp_path, calls):
    last = max(call["time"] for call in calls)
    calls[len(calls) // 2]["time"] = 4_000_000_000_000
    summary = replay(Request([written(tmp_path / "a.jsonl", calls)])).summary
    assert sum(summary["rejected"].values()) == 1
    assert summary["until"] == last


def test_calls_from_nowhere_have_no_origin_to_count(tmp_path, calls):
    bare = [
        {k: v for k, v in call.items() if k not in ("source_ip", "user_agent", "tls_fingerprint")}
        for call in calls[:500]
    ]
    scores = tmp_path / "scores.parquet"
    summary = replay(Request([written(tmp_path / "a.jsonl", bare)], scores=str(scores))).summary
    ids = pq.read_table(scores, columns=["entity_kind", "entity_id"]).to_pylist()
    assert summary["entities"] == len({(row["entity_kind"], row["entity_id"]) for row in ids})
    assert summary["off"]["fields"] == ("source_ip",)


def test_where_nothing_is_an_event_it_is_told_once_and_how_to_see_why(tmp_path, calls, capsys):
    path = written(tmp_path / "a.jsonl", [call | {"status": 9} for call in calls[:50]])
    show(replay(Request([path])).summary, [], as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "none of 50 records is a usage event; docs/inputs.md says what is",
        "  50 rejected: status must be an integer 100-599",
        "  which ones: --dead-letters FILE.jsonl tells",
    ]
    letters = tmp_path / "letters.jsonl"
    with pytest.raises(PoolwatchError, match=r"a\.jsonl: nothing to train on"):
        train_file(Request([path], dead_letters=str(letters)), str(tmp_path / "a.model"), 1)
    assert "none of 50 records is a usage event" in capsys.readouterr().err
    assert len(letters.read_text().splitlines()) == 50


def test_a_second_model_is_compared(market, capsys):
    shipped = Path("models/default.model")
    replayed = replay(Request([str(market)], candidate=str(shipped)))
    told = replayed.summary["candidate"]
    assert (told["gone"], told["new"]) == ([], [])
    assert told["model"] == replayed.summary["model"]
    show(replayed.summary, replayed.alerts, as_json=False)
    assert f"with the candidate {told['model']}: " in capsys.readouterr().out
