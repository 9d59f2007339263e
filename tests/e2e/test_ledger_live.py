"""A worker keeps the ledger, stops in mid-day and goes on: its files are a replay's, to the byte."""

import asyncio
import logging

import pytest

from models.errors import PoolwatchError
from poolwatch import doctor
from poolwatch.replay import Request, replay
from streams import ledger_keeper, worker
from streams.ledger_keeper import LedgerKeeper
from streams.patience import Patience
from streams.producer import FastProducer
from streams.settings import Settings
from tests.e2e import chaos

PARTITIONS = 4


# events      |........ day 1 ........|........ day 2 ........|.. day 3
# workers     [--- first ---] [------------- second -------------]
@pytest.mark.redis
def test_a_worker_that_stops_in_mid_day_writes_the_files_of_a_replay(embedded_kafka, redis_url, tmp_path):
    events = list(chaos.events(7, 4_000, 25_000))
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(value for _, value in events))
    replay(Request([str(tmp_path / "events.jsonl")], partitions=PARTITIONS, ledger=str(tmp_path / "meant")))
    meant = {p.relative_to(tmp_path / "meant"): p for p in (tmp_path / "meant").rglob("*.parquet")}
    over = {name for name in meant if name.parts[0] != max(n.parts[0] for n in meant)}
    assert len(over) == 2 * PARTITIONS
    written = tmp_path / "ledger"
    settings = Settings(
        broker=embedded_kafka.url,
        redis=redis_url,
        partitions=PARTITIONS,
        idle_s=60,
        snapshot_s=0.5,
        ledger=str(written),
    )

    async def run(part, done):
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(settings, stop))
        with FastProducer(settings, "usage-events") as producer:
            producer.send(part)
        async with asyncio.timeout(180):
            while not done():
                assert not running.done(), running.result()
                await asyncio.sleep(0.2)
        await asyncio.sleep(1)  # a snapshot in mid-day
        stop.set()
        await asyncio.wait_for(running, 30)

    def files():
        return {p.relative_to(written) for p in written.rglob("*.parquet")} if written.exists() else set()

    first = {name for name in over if name.parts[0] == min(n.parts[0] for n in over)}
    asyncio.run(run(events[:2_000], lambda: files() >= first))
    asyncio.run(run(events[2_000:], lambda: files() >= over))
    assert files() == over  # the last day is open
    for name in over:
        assert (written / name).read_bytes() == meant[name].read_bytes(), name


def test_a_full_disk_is_waited_for_and_told_once(monkeypatch, caplog):
    tries = []

    def write(*_):
        tries.append(1)
        if len(tries) < 8:
            raise PoolwatchError("/srv/ledger: disk full; free some space and run again")

    monkeypatch.setattr(ledger_keeper.ledger_files, "write", write)
    monkeypatch.setattr("streams.patience.MOMENT_S", 0.05)

    class Held:
        partition, held = 0, True

    patience = Patience(0.02, {"ledger": "/srv/ledger"})
    keeper = LedgerKeeper(Settings(ledger="/srv/ledger"), patience)
    with caplog.at_level(logging.WARNING):
        asyncio.run(keeper.keep(Held(), [object()]))
    assert len(tries) == 8
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert told[0].startswith("ledger /srv/ledger is away (/srv/ledger: disk full")
    assert told[1].startswith("ledger is back")


def test_a_partition_that_is_lost_is_not_waited_for(monkeypatch):
    class Gone:
        partition, held = 0, False

    monkeypatch.setattr(ledger_keeper.ledger_files, "write", lambda *_: pytest.fail("it is another's"))
    asyncio.run(LedgerKeeper(Settings(ledger="x"), Patience(1, {})).keep(Gone(), [object()]))


def test_the_doctor_tries_the_folder(tmp_path):
    (told,) = doctor._ledger(Settings(ledger=str(tmp_path / "new")))
    assert (told.state, told.said) == (doctor.OK, f"{tmp_path}/new: no day yet")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").write_text("")
    (told,) = doctor._ledger(Settings(ledger=str(tmp_path / "file")))
    assert told.state == doctor.FAIL
    assert list(doctor._ledger(Settings())) == []
