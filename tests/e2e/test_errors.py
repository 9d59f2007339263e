"""Whatever goes wrong is one clear line on standard error and the right exit code; no traceback."""

import os

import pytest

from tests.e2e.command import poolwatch, start

EVENT = (
    '{"event_id":"e1","time":1700000000000,"developer_id":"d","seller_id":"s","key_id":"k",'
    '"operation":"getOrders","status":200}\n'
)

# what is asked, exit code, what the line must say
CASES = {
    "no such command": (["replai"], 2, "Did you mean 'replay'"),
    "no such option": (["replay", "x.jsonl", "--modle", "m"], 2, "--model"),
    "no input": (["replay"], 2, "INPUT"),
    "missing file": (["replay", "missing.jsonl"], 1, "missing.jsonl: no such file"),
    "wrong kind": (["replay", "notes.txt"], 2, "notes.txt: not a kind of file"),
    "empty input": (["replay", "empty.jsonl"], 1, "empty.jsonl: no event"),
    "damaged input": (["replay", "bad.parquet"], 1, "bad.parquet: damaged"),
    "bad time": (["replay", "a.jsonl", "--from", "yesterday"], 2, "--from yesterday: no time; give RFC 3339"),
    "wrong order": (["replay", "a.jsonl", "--from", "9", "--until", "8"], 2, "--from must be before --until"),
    "unknown format": (["replay", "a.jsonl", "--format", "cloudtail"], 2, "cloudtail: unknown"),
    "missing mapping": (["replay", "a.jsonl", "--mapping", "none.toml"], 2, "none.toml: No such file"),
    "missing model": (["replay", "a.jsonl", "--model", "none.model"], 2, "none.model"),
    "wrong model": (["replay", "a.jsonl", "--model", "a.jsonl"], 2, "a.jsonl"),
    "wrong rules": (["replay", "a.jsonl", "--rules", "rules"], 2, "rules/fan.toml: "),
    "wrong pairs": (["replay", "a.jsonl", "--apart", "a.jsonl"], 2, "a.jsonl: not TOML"),
    "no pairs to work by": (["worker", "--apart", "none.toml"], 2, "none.toml: cannot be read"),
    "disk full, letters": (
        ["replay", "mixed.jsonl", "--dead-letters", "/dev/full"],
        1,
        "/dev/full: disk full",
    ),
    "disk full, scores": (["replay", "a.jsonl", "--scores", "/dev/full"], 1, "/dev/full: disk full"),
    "no such folder": (
        ["replay", "a.jsonl", "--alerts", "none/a.jsonl"],
        1,
        "none/a.jsonl: cannot be written",
    ),
    "no broker": (["replay", "kafka://127.0.0.1:1/usage-events"], 1, "no Kafka answers at 127.0.0.1:1"),
    "no topic": (["replay", "kafka://127.0.0.1:1"], 2, "kafka://HOST:PORT/TOPIC"),
    "unknown scenario": (["simulate", "--scenario", "norml", "--out", "x.jsonl"], 2, 'did you mean "normal"'),
    "no broker to simulate for": (
        ["simulate", "--scenario", "normal", "--hours", "1", "--out", "kafka://127.0.0.1:1/x"],
        1,
        "kafka://127.0.0.1:1: no Kafka answers",
    ),
    "no broker to leave state for": (
        ["replay", "a.jsonl", "--state", "redis://127.0.0.1:1", "--broker", "kafka://127.0.0.1:1"],
        1,
        "kafka://127.0.0.1:1/usage-events: no Kafka answers",
    ),
    "alerts told without state": (["replay", "a.jsonl", "--publish"], 2, "--publish: give --state redis"),
    "no out": (["simulate"], 2, "--out"),
    "no redis": (["feed", "--redis", "redis://127.0.0.1:1"], 1, "redis://127.0.0.1:1"),
    "no redis to serve": (["serve", "--redis", "redis://127.0.0.1:1"], 1, "redis://127.0.0.1:1"),
    "bad setting": (["worker", "--broker", "nonsense"], 2, "broker 'nonsense': write kafka://HOST:PORT"),
    "topics without broker": (["topics", "--broker", "kafka://127.0.0.1:1"], 1, "no Kafka answers"),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """All of them at once, two at a time: starting the command is what takes time."""
    folder = tmp_path_factory.mktemp("errors")
    (folder / "a.jsonl").write_text(EVENT)
    (folder / "mixed.jsonl").write_text(EVENT + "{\n")
    (folder / "empty.jsonl").write_text("")
    (folder / "notes.txt").write_text("")
    (folder / "bad.parquet").write_bytes(b"PAR1" + bytes(100))
    (folder / "rules").mkdir()
    (folder / "rules" / "fan.toml").write_text('feature = "seller_24h"\nabove = 25\nseverity = "high"\n')
    found, waiting, running = {}, list(CASES), {}
    while waiting or running:
        while waiting and len(running) < 2:
            name = waiting.pop()
            running[name] = start(*CASES[name][0], cwd=folder)
        name = next(iter(running))
        process = running.pop(name)
        out, said = process.communicate(timeout=60)
        found[name] = (process.returncode, out, said)
    left = sorted(os.listdir(folder))
    assert left == ["a.jsonl", "bad.parquet", "empty.jsonl", "mixed.jsonl", "notes.txt", "rules"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_one_clear_line(answers, name):
    _, code, words = CASES[name]
    returned, out, said = answers[name]
    assert said.startswith("poolwatch: "), said
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    assert words in said
    assert out == ""
    assert returned == code


def test_a_history_without_any_event_is_a_failure(tmp_path):
    (tmp_path / "other.jsonl").write_text('{"what": "something else"}\n')
    told = poolwatch("replay", "other.jsonl", cwd=tmp_path)
    assert told.returncode == 1
    assert "none of 1 records is a usage event" in told.stdout


@pytest.mark.slow
def test_debug_shows_where():
    told = poolwatch("replay", "missing.jsonl", variables={"POOLWATCH_DEBUG": "1"})
    assert "Traceback" in told.stderr
    assert told.returncode == 1


def test_help_and_version_are_quick_and_good():
    told = poolwatch("--help")
    assert told.returncode == 0
    for name in (
        "demo",
        "simulate",
        "train",
        "replay",
        "worker",
        "serve",
        "doctor",
        "topics",
        "feed",
        "evaluate",
    ):
        assert f"\n  {name} " in told.stdout
