"""Nothing lost, nothing twice: whatever is killed or stopped, alerts end as in an undisturbed replay."""

import os
import threading
import time
from pathlib import Path

import pytest

from streams.brokers.jar_kafka import JarKafka
from streams.brokers.own_redis import EmbeddedRedis
from streams.kafka import topics
from streams.redis.feed import Feed
from streams.settings import Settings
from tests.e2e import chaos

LONG = os.environ.get("CHAOS") == "long"
STEP_MS = 120
SEED = int(os.environ.get("CHAOS_SEED", "17"))

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.chaos]


def settings_of(kafka_url, redis_url, prefix):
    return Settings(
        broker=kafka_url,
        redis=redis_url,
        prefix=prefix,
        partitions=8,
        rules=str(Path(__file__).with_name("rules")),
        snapshot_s=2,
        session_s=6,
        idle_s=3_600,  # silence while a server is away must not close minutes here
        wait_s=0.5,
    )


def check(settings, workers, told):
    undisturbed = chaos.Engine(settings)
    undisturbed.run(chaos.read_all(settings, settings.name("usage-events")))
    wanted = dict(undisturbed.alerts)
    assert len(wanted) > 20, "the events must raise alerts, or nothing is shown"
    found = chaos.wait_equal(settings, wanted, limit_s=240)
    words = "\n".join(f"--- {w.name}\n{w.words()[-3000:]}" for w in workers)
    if found != wanted:  # no assert: pytest would spend minutes on telling the whole difference
        pytest.fail(f"seed {SEED}, {told}: {chaos.difference(found, wanted)}\n{words}")
    return undisturbed


def check_state(settings, undisturbed, count):
    """What the workers left in Redis is fold's state to the byte; detect's says the same of what comes next.

    Detect's rows lie in the order in which entities came from all partitions, which is no two times the same.
    """
    records = chaos.read_all(settings, settings.name("usage-events"))
    left = chaos.restored(settings, records)
    start_ms = chaos.closers_ms(count, STEP_MS) + chaos.MINUTE_MS
    if other := chaos.difference_from_here(left, undisturbed, records, SEED + 1, start_ms):
        pytest.fail(f"seed {SEED}: the state differs: {other}")


def feed_of(settings):
    import asyncio

    async def read():
        feed = Feed(settings.redis, settings.prefix)
        try:
            return await feed.read("0", count=100_000)
        finally:
            await feed.close()

    return asyncio.run(read())


def test_workers_killed_and_stopped_while_events_flow(kafka_url, redis_url, prefix, tmp_path, capsys):
    settings = settings_of(kafka_url, redis_url, prefix)
    topics.ensure(settings)
    count, rate = (400_000, 4_000) if LONG else (80_000, 4_000)
    workers = [chaos.WorkerProcess(settings, name, tmp_path) for name in ("a", "b")]
    faults = chaos.Faults(
        SEED,
        workers,
        12 if LONG else 3,
        pause_s=(1, 6) if LONG else (2, 4),
        hang_s=(1, 12) if LONG else (7, 9),
    )
    try:
        for worker in workers:
            worker.start()
        chaos.wait_running(workers)
        begun = time.monotonic()
        sender = threading.Thread(
            target=chaos.produce, args=(settings, SEED, count, STEP_MS, rate), daemon=True
        )
        sender.start()
        time.sleep(4)
        faults.start()
        sender.join()
        faults.join()
        assert len(faults.told) == faults.count, f"only {faults.told}: the others did not come about"
        undisturbed = check(settings, workers, faults.told)
        wanted = dict(undisturbed.alerts)
        entries = feed_of(settings)
        seen = [(e.head.alert_id, e.head.version) for e in entries]
        assert len(seen) == len(set(seen)), "a version came twice to the feed"
        last = {e.head.alert_id: e.alert() for e in entries}
        assert {i for i, alert in last.items() if not alert["superseded_by"]} == set(wanted)
        assert all(worker.stop() for worker in workers), "a worker did not end when asked to"
        check_state(settings, undisturbed, count)
        with capsys.disabled():
            kills = sum(told.startswith("SIGKILL") for told in faults.told)
            print(
                f"\n{len(faults.told)} faults ({kills} SIGKILL, {faults.count - kills} SIGSTOP), "
                f"{count} events, "
                f"{len(wanted)} alerts, none lost, added or other, {len(entries)} versions in the feed, "
                f"{time.monotonic() - begun:.0f} s"
            )
    finally:
        for worker in workers:
            if worker.process and worker.process.poll() is None:
                worker.kill()


@pytest.mark.parametrize("victim", ["redis", "kafka"])
def test_a_server_killed_and_restarted(victim, tmp_path, prefix):
    with JarKafka() as kafka, EmbeddedRedis() as redis:
        settings = settings_of(kafka.url, redis.url, prefix)
        topics.ensure(settings)
        worker = chaos.WorkerProcess(settings, "a", tmp_path)
        server = redis if victim == "redis" else kafka
        try:
            worker.start()
            chaos.wait_running([worker])
            sender = threading.Thread(
                target=chaos.produce, args=(settings, SEED, 60_000, STEP_MS, 3_000), daemon=True
            )
            sender.start()
            time.sleep(9)
            server.kill()
            time.sleep(6)  # three of the worker's signs of life
            server.start()
            sender.join()
            undisturbed = check(settings, [worker], [f"{victim} killed"])
            assert f"{victim} " in worker.words()
            assert worker.words().count(" is away") <= 3, worker.words()
            assert "Traceback" not in worker.words()
            assert worker.stop()
            check_state(settings, undisturbed, 60_000)
        finally:
            if worker.process and worker.process.poll() is None:
                worker.kill()
