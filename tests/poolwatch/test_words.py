"""Ids that callers chose are safe to show in a terminal."""

from poolwatch.replay.view import show
from poolwatch.words import plain
from tests.streams.sample import alert

EVIL = "dev\x1b[2J\u202eabc\nü|ua:x"


def test_what_cannot_be_seen_is_marked():
    assert plain(EVIL) == "dev�[2J�abc�ü|ua:x"


def test_a_replay_shows_no_id_as_it_came(capsys):
    read = {
        "accepted": 1,
        "events": 1,
        "from": 0,
        "until": 1,
        "entities": 1,
        "seconds": 1.0,
        "events_per_s": 1,
    }
    summary = read | {"duplicates": 0, "late": 0, "rejected": {}, "alerts": {"high": 1}}
    show(summary, [alert(entity_id=EVIL)], as_json=False)
    out = capsys.readouterr().out
    assert plain(EVIL) in out
    assert EVIL not in out


def test_the_gravest_alerts_come_first(capsys):
    summary = dict.fromkeys(("from", "until", "entities", "seconds", "events_per_s", "duplicates", "late"), 0)
    summary |= {"events": 1, "accepted": 1, "rejected": {}, "alerts": {"high": 2, "critical": 1}}
    given = [("high", 0.989), ("critical", 0.969), ("high", 0.992)]
    alerts = [alert(entity_id=f"{s}-{score}", severity=s, score=score, case=str(score)) for s, score in given]
    show(summary, alerts, as_json=False)
    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("high", "critical"))]
    assert [" ".join(line.split()[:2]) for line in shown] == ["critical 0.969", "high 0.992", "high 0.989"]
