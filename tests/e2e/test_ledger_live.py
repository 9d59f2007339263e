"""A worker keeps the ledger, stops in mid-day and goes on: its files are a replay's, to the byte."""

import asyncio
import logging

import pytest

from models.errors import PoolwatchError
from poolwatch import doctor
from poolwatch.replay.replay import Request, replay
from streams.agents import ledger_keeper
from streams.agents.ledger_keeper import LedgerKeeper
from streams.kafka.producer import FastProducer
from streams.settings import Settings
from streams.telemetry.patience import Patience
from streams.worker import worker
from tests.e2e import chaos

PARTITIONS = 4


# events      |........ day 1 ........|........ day 2 ........|.. day 3
# workers     [--- first ---] [------------- second -------------]
# full        nothing can be written while the first worker runs
@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.parametrize("full", [False, True])
def test_a_worker_that_stops_in_mid_day_writes_the_files_of_a_replay(
    embedded_kafka, redis_url, tmp_path, caplog, full
):
    events = list(chaos.events(7, 4_000, 25_000))
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(value for _, value in events))
    replay(
        Request(
            [str(tmp_path / "events.jsonl")],
            Settings(partitions=PARTITIONS, ledger=str(tmp_path / "meant")),
        )
    )
    meant = {p.relative_to(tmp_path / "meant"): p for p in (tmp_path / "meant").rglob("*.parquet")}
    over = {name for name in meant if name.parts[0] != max(n.parts[0] for n in meant)}
    assert len(over) == 2 * PARTITIONS
    written = tmp_path / "ledger"
    settings = Settings(
        broker=embedded_kafka.url,
        redis=redis_url,
        partitions=PARTITIONS,
        idle_s=4,
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
        return {p.relative_to(written) for p in written.rglob("*.parquet")}

    first = {name for name in over if name.parts[0] == min(n.parts[0] for n in over)}
    if full:
        written.write_text("in the way")
        asyncio.run(run(events[:2_000], lambda: f"ledger {written} is away" in caplog.text))
        written.unlink()
    else:
        asyncio.run(run(events[:2_000], lambda: files() >= first))
    asyncio.run(run(events[2_000:], lambda: files() >= over))
    assert files() == over  # the last day is open
    for name in over:
        assert (written / name).read_bytes() == meant[name].read_bytes(), name


class Slot:
    """What the keeper knows of a slot."""

    def __init__(self, partition=0):
        self.partition, self.blocked = partition, False


def test_a_full_disk_holds_snapshots_up_and_is_told_once(monkeypatch, caplog):
    wrote, full = [], [True]

    def write(folder, partition, days, _):
        if full[0]:
            raise PoolwatchError(f"{folder}: disk full; free some space and run again")
        wrote.append((partition, days))

    monkeypatch.setattr(ledger_keeper.ledger_files, "write", write)
    monkeypatch.setattr("streams.telemetry.patience.MOMENT_S", 0)
    keeper = LedgerKeeper(Settings(ledger="/srv/ledger", wait_s=1e-9), Patience(0, {"ledger": "/srv/ledger"}))
    slot, other = Slot(), Slot(1)

    async def go():
        await keeper.keep(slot, ["day 1"])
        for _ in range(5):
            await keeper.keep(slot, [])
        await keeper.keep(other, [])
        assert (slot.blocked, other.blocked) == (True, False)
        await keeper.keep(slot, ["day 2"])
        full[0] = False
        await keeper.keep(slot, [])
        assert not slot.blocked
        await keeper.keep(slot, [])

    with caplog.at_level(logging.WARNING):
        asyncio.run(go())
    assert wrote == [(0, ["day 1", "day 2"])]
    away, back = [record.getMessage() for record in caplog.records]
    assert away.startswith("ledger /srv/ledger is away (/srv/ledger: disk full")
    assert back.startswith("ledger is back")


def test_days_of_an_earlier_holding_are_not_written(monkeypatch):
    """The partition was lost with a day that could not be written, and came back: the day is done anew."""
    wrote = []

    def write(_folder, _partition, days, _keep_days):
        if len(days) == 1 and days[0] == "lost":
            raise PoolwatchError("away")
        wrote.append(days)

    monkeypatch.setattr(ledger_keeper.ledger_files, "write", write)
    keeper = LedgerKeeper(Settings(ledger="x", wait_s=1e-9), Patience(0, {"ledger": "x"}))
    asyncio.run(keeper.keep(Slot(), ["lost"]))
    again = Slot()
    asyncio.run(keeper.keep(again, ["anew"]))
    assert wrote == [["anew"]]
    assert not again.blocked


def test_the_doctor_tries_the_folder(tmp_path):
    (told,) = doctor._ledger(Settings(ledger=str(tmp_path / "new")))
    assert (told.state, told.said) == (doctor.OK, f"{tmp_path}/new: no day yet")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").write_text("")
    (told,) = doctor._ledger(Settings(ledger=str(tmp_path / "file")))
    assert told.state == doctor.FAIL
    assert list(doctor._ledger(Settings())) == []
