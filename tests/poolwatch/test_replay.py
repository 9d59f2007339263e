"""History through fold and detect: the real logs, files cut and shuffled, state left behind."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from poolwatch.replay import Request, replay
from poolwatch.simulate import Wish, simulate
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
    parts = replay(Request([str(tmp_path / "*.jsonl")], partitions=3, scores=str(tmp_path / "b.parquet")))
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
        replay(Request([str(market)], partitions=partitions, keys=str(tmp_path / f"{partitions}.jsonl")))
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


def test_a_second_model_is_compared(market):
    shipped = Path("models/default.model")
    replayed = replay(Request([str(market)], candidate=str(shipped)))
    told = replayed.summary["candidate"]
    assert (told["gone"], told["new"]) == ([], [])
    assert told["model"] == replayed.summary["model"]
