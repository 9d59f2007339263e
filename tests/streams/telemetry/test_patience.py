"""One line when a system goes away, one when it is back, none for a connection that merely broke."""

import logging

from streams.settings import Settings
from streams.telemetry import patience
from streams.telemetry.patience import Patience
from streams.worker import worker


def test_each_outage_is_told_once(caplog, monkeypatch):
    # time    0      .5     2      3     |  3.1    3.2
    # redis   error  error  error  error  back   | error  back
    now = [0.0]
    monkeypatch.setattr(patience.time, "monotonic", lambda: now[0])
    waiting = Patience(1.0, {"redis": "redis://here"})
    with caplog.at_level(logging.WARNING):
        for at in (0.0, 0.5, 2.0, 3.0):
            now[0] = at
            waiting.away("redis", OSError("refused"))
        waiting.back("redis")
        now[0] = 3.1
        waiting.away("redis", OSError("broken pipe"))
        now[0] = 3.2
        waiting.back("redis")
    assert [record.getMessage() for record in caplog.records] == [
        "redis redis://here is away (refused); waiting, nothing is lost",
        "redis is back after 3 s; going on",
    ]


def test_an_outage_is_told_without_the_password(caplog, monkeypatch):
    monkeypatch.setattr(patience, "MOMENT_S", 0.0)
    equipment = worker._equipment(Settings(redis="redis://:s3cret@h:6379/0"))
    with caplog.at_level(logging.WARNING):
        equipment.patience.away("redis", OSError("refused"))
    assert caplog.messages == ["redis redis://h:6379/0 is away (refused); waiting, nothing is lost"]
