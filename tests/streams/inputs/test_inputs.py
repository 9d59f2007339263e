"""INPUT arguments -> files and topics."""

import pytest

from models.errors import ConfigError, PoolwatchError
from streams.inputs.inputs import Input, find_inputs


@pytest.fixture
def folder(tmp_path):
    for name in (
        "b.jsonl",
        "a.jsonl.gz",
        "c.parquet",
        "d.csv",
        "sub/e.jsonl.zst",
        "notes.txt",
        ".h.jsonl",
        "f.json",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def kinds(items, folder):
    return {i.name.removeprefix(f"{folder}/"): i.kind + i.packing for i in items}


def test_a_folder_gives_what_can_be_read_and_tells_the_rest(folder):
    skipped = []
    found = find_inputs([str(folder)], skipped.append)
    assert kinds(found, folder) == {
        "a.jsonl.gz": "jsonl.gz",
        "b.jsonl": "jsonl",
        "c.parquet": "parquet",
        "d.csv": "csv",
        "sub/e.jsonl.zst": "jsonl.zst",
    }
    assert sorted(s.rpartition("/")[2] for s in skipped) == ["f.json", "notes.txt"]


def test_what_is_skipped_is_one_line_for_each_kind(folder):
    for name in ("g.json", "h.json.gz", "i.json.gz", "j.json.gz"):
        (folder / name).touch()
    skipped = []
    find_inputs([str(folder)], skipped.append)
    assert [s.rpartition("/")[2] for s in skipped] == [
        "f.json and 1 more of its kind",
        "h.json.gz and 2 more of its kind",
        "notes.txt",
    ]


def test_an_adapter_brings_its_own_endings(folder):
    assert kinds(find_inputs([str(folder)], str, (".json",)), folder)["f.json"] == "document"


def test_a_glob_and_a_name_give_each_file_once(folder):
    found = find_inputs([f"{folder}/*.jsonl", f"{folder}/b.jsonl"], str)
    assert kinds(found, folder) == {"b.jsonl": "jsonl"}


def test_topics_and_standard_input():
    assert find_inputs(["-"], str) == [Input("-", "jsonl")]
    (topic,) = find_inputs(["kafka://h:1/usage-events"], str)
    assert (topic.kind, topic.broker, topic.topic) == ("kafka", "h:1", "usage-events")


@pytest.mark.parametrize(
    ("argument", "error", "message"),
    [
        ("missing.jsonl", PoolwatchError, "missing.jsonl: no such file"),
        ("*.none", ConfigError, "nothing to read"),
        ("kafka://host:1", ConfigError, "kafka://HOST:PORT/TOPIC"),
        ("f.json", ConfigError, "--format cloudtrail"),
        ("notes.txt", ConfigError, "notes.txt: not a kind of file"),
        (
            "f.*",
            ConfigError,
            "f.*: nothing to read; JSON lines end in .jsonl; for CloudTrail files add --format",
        ),
    ],
)
def test_what_cannot_be_read_is_said(folder, monkeypatch, argument, error, message):
    monkeypatch.chdir(folder)
    with pytest.raises(error) as raised:
        find_inputs([argument], str)
    assert message in str(raised.value)
