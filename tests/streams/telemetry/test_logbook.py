"""The worker's log: dead letters at most once a minute, what never comes once."""

import json
import logging

import pytest

from models.decode.decode import Decoder
from models.events import Rejected
from models.operations import Operations
from models.scoring.rules import RuleSet
from streams.telemetry import logbook
from streams.telemetry.logbook import ENOUGH_MS, Logbook

CALL = {"developer_id": "d", "seller_id": "s", "key_id": "k", "operation": "getGifts", "status": 200}
CALL |= {"pii": ["name"], "records": 1, "bytes": 9, "source_ip": "203.0.113.7", "customers": ["c"]}
OPERATIONS = Operations.load()


@pytest.fixture
def book(caplog):
    caplog.set_level(logging.INFO, "poolwatch.worker")
    return Logbook(OPERATIONS, RuleSet.load(), "usage-events-dlq")


def calls(count, length_ms, **more):
    times = range(1_700_000_000_000, 1_700_000_000_000 + length_ms, length_ms // count)
    records = [json.dumps(CALL | {"event_id": str(at), "time": at} | more).encode() for at in times]
    return Decoder(OPERATIONS).records(records, range(len(records)))[0]


def test_dead_letters_are_counted_and_told_once_a_minute(book, caplog, monkeypatch):
    # time     0       5       61      62 (end)
    # letters  3       2 1     .       1
    # told     3               3       1
    now = [0.0]
    monkeypatch.setattr(logbook.time, "monotonic", lambda: now[0])
    for at, reasons, at_end in ((0, "aab", False), (5, "bba", False), (61, "", False), (62, "c", True)):
        now[0] = at
        book.rejected([Rejected(i, reason) for i, reason in enumerate(reasons)])
        book.log_due(at_end)
    assert [record.getMessage() for record in caplog.records] == [
        "3 records rejected, see topic usage-events-dlq; most often: a",
        "3 records rejected, see topic usage-events-dlq; most often: b",
        "1 records rejected, see topic usage-events-dlq; most often: c",
    ]


def test_what_never_came_is_told_once_when_it_is_known(book, caplog):
    book.met(calls(2_000, ENOUGH_MS // 2))
    book.log_due()
    assert not caplog.records, "some minutes more"
    book.met(calls(2_000, 2 * ENOUGH_MS))
    for _ in range(3):
        book.log_due()
    off, unlisted = (record.getMessage() for record in caplog.records)
    assert off.startswith("in 4000 events so far: orders never came, which switches off ")
    assert unlisted.startswith("in 4000 events so far: 4,000 of 4,000 calls are of operations that no table")
    book.met(calls(10, 10, orders=["o"]))
    book.log_due()
    book.log_due()
    assert [record.getMessage() for record in caplog.records[2:]] == ["orders came after all"]
