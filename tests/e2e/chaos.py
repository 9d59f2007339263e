"""Faults on real processes: workers killed and stopped, Redis and Kafka killed, from a seed.

Run a worker of its own: `python -m tests.e2e.chaos` with POOLWATCH_* settings.
"""

import asyncio
import collections
import contextlib
import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

from confluent_kafka import Consumer, TopicPartition

from models.actors.actors import Actors
from models.decode.decode import Decoder
from models.detect.detect import Detect
from models.fold.fold import Fold, split_at_chunks
from models.minutes import MINUTE_MS
from models.operations import Operations
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from models.wire import links
from models.wire.codec import decode
from models.wire.routing import route
from streams.agents.deliver import contract
from streams.kafka.partitions import partition_of
from streams.kafka.producer import FastProducer
from streams.redis.snapshots import RedisSnapshots
from streams.settings import Settings, from_environment

START_MS = 1_700_000_000_000


def events(seed, count, step_ms, start_ms=START_MS):
    """(key, value) of `count` usage events in time order: busy and quiet developers, shared orders."""
    chance = random.Random(seed)
    for number in range(count):
        seller, developer = chance.randrange(400), int(chance.paretovariate(0.6)) % 60
        event = {
            "event_id": f"{seed}-{number}",
            "time": start_ms + number * step_ms + chance.randrange(-20_000, 20_000),
            "developer_id": f"dev{developer}",
            "seller_id": f"seller{seller}",
            "key_id": f"key{seller}-{developer}",
            "operation": chance.choice(["getOrders", "getOrder", "getOrderAddress", "confirmShipment"]),
            "status": chance.choice([200, 200, 200, 200, 403, 429]),
            "records": chance.randrange(1, 50),
            "bytes": chance.randrange(10_000),
            "pii": ["name", "address"],
            "orders": [f"order{seller}-{chance.randrange(500)}" for _ in range(2)],
            "customers": [f"customer{chance.randrange(9_000)}" for _ in range(2)],
            "source_ip": f"203.0.{developer}.{chance.randrange(4)}",
            "user_agent": f"tool{developer}/1.0",
        }
        yield event["seller_id"].encode(), json.dumps(event).encode()


def closers_ms(count, step_ms):
    """When the closers begin."""
    return START_MS + count * step_ms + 180 * MINUTE_MS


def closers(partitions, count, step_ms):
    """Events in each partition that lie hours later: every watermark passes all that came before.

    As many as a partition needs to believe a jump in time (models.fold)."""
    late = closers_ms(count, step_ms)
    for number in range(20 * partitions):
        partition = number % partitions
        event = {
            "event_id": f"closer-{number}",
            "time": late + number,
            "developer_id": "closer",
            "seller_id": f"closer{partition}",
            "key_id": "closer",
            "operation": "getInventorySummaries",
            "status": 200,
        }
        yield partition, json.dumps(event).encode()


def read_all(settings, topic):
    """{partition: [(offset, key, value)]} of a whole topic."""
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "reader", "log_level": 0})
    found = collections.defaultdict(list)
    try:
        partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        for partition in partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)
            if low == high:
                continue
            consumer.assign([TopicPartition(topic, partition, low)])
            at = low
            while at < high:
                for message in consumer.consume(500, timeout=0.2):
                    at = message.offset() + 1
                    found[partition].append((message.offset(), message.key(), message.value()))
    finally:
        consumer.close()
    return found


class Engine:
    """Folds, detects and actors of a system in this process, one after the other: no timing, no faults.

    alerts  last version of each told, without evidence
    scores  {(minute's end, kind, entity): (score, *features)}
    """

    def __init__(self, settings):
        self.operations, self.count = Operations.load(), settings.partitions
        rules, model = RuleSet.load(settings.rules), Model.load(settings.model)
        self.folds = [Fold(partition, self.operations) for partition in range(self.count)]
        self.detects = [Detect(self.count, rules, model, scores=True) for _ in range(self.count)]
        self.actors = Actors(self.count)
        self.alerts, self.scores = {}, {}

    def run(self, partitions):
        """Records {partition: [(offset, key, value)]}, a chunk of each partition in turn."""
        streams = [
            self._sightings(partition, partitions.get(partition, [])) for partition in range(self.count)
        ]
        while streams:
            for stream in list(streams):
                step = next(stream, None)
                if step is None:
                    streams.remove(stream)
                    continue
                for detect, message in zip(self.detects, step, strict=True):
                    detect.add(message)
            self.close()

    def _sightings(self, partition, records):
        """For each chunk of a partition: a message for each detect, with the watermark."""
        decoder = Decoder(self.operations)
        values, offsets = [value for _, _, value in records], [offset for offset, _, _ in records]
        accepted, _ = decoder.records(values, offsets)
        for part in split_at_chunks(accepted):
            yield route(self.folds[partition].step(part).sightings, self.count)

    def close(self):
        """Judge what the watermarks allow."""
        for partition, detect in enumerate(self.detects):
            closed = detect.close()
            for alert in self.actors.add(partition, closed.links, closed.alerts):
                _keep_last(self.alerts, json.loads(contract(alert, "")))
            if closed.scores is not None:
                columns = closed.scores.columns()
                for row in zip(*columns.values(), strict=True):
                    self.scores[row[:3]] = row[3:]


def restored(settings, records):
    """The engine as the snapshots in Redis have it, gone on with what came after them, as a worker would.

    AssertionError: fold's pages are not, byte for byte, those of a fold of `records` that nothing disturbed.
    """
    engine, plain, rest = Engine(settings), Engine(settings), {}
    sightings, told = (read_all(settings, settings.name(name)) for name in ("sightings", "links"))
    actors, *of_partitions = asyncio.run(_snapshots(settings))
    engine.actors.restore(actors.pages)
    for message in (links.decode(value) for offset, _, value in told[0] if offset >= actors.position):
        engine.actors.add(message.partition, message.links, message.alerts)
    for p, (fold, detect) in enumerate(of_partitions):
        collections.deque(plain._sightings(p, [r for r in records[p] if r[0] < fold.position]), maxlen=0)
        assert plain.folds[p].changed() == fold.pages, f"fold[{p}] at {fold.position}"
        engine.folds[p].restore(fold.pages)
        engine.detects[p].restore(detect.pages)
        for offset, _, value in sightings[p]:
            if offset >= detect.position:
                engine.detects[p].add(decode(value))
        rest[p] = [r for r in records[p] if r[0] >= fold.position]
    engine.close()
    engine.run(rest)
    return engine


async def _snapshots(settings):
    """That of actors, then (fold's, detect's) of each partition."""
    store = RedisSnapshots(settings.redis, settings.prefix)
    try:
        partitions = range(settings.partitions)
        each = [(await store.load("fold", p), await store.load("detect", p)) for p in partitions]
        return [await store.load("actors", 0), *each]
    finally:
        await store.close()


def difference_from_here(found, wanted, records, seed, start_ms):
    """What two engines say differently of the same further events; None = nothing."""
    more = collections.defaultdict(list)
    for key, value in events(seed, 8_000, 600, start_ms):
        partition = partition_of(key, found.count)
        more[partition].append((records[partition][-1][0] + 1 + len(more[partition]), key, value))
    for engine in (found, wanted):
        engine.alerts, engine.scores = {}, {}
        engine.run(more)
    assert len(wanted.scores) > 1_000, "the events must be judged, or nothing is shown"
    if found.alerts != wanted.alerts:
        return difference(found.alerts, wanted.alerts)
    other = [row for row in wanted.scores if found.scores.get(row) != wanted.scores[row]]
    if other or len(found.scores) != len(wanted.scores):
        return f"{len(found.scores)} score rows for {len(wanted.scores)}, {len(other)} other: {other[:3]}"
    return None


def _keep_last(alerts, alert):
    old = alerts.get(alert["alert_id"])
    if old is None or old["version"] <= alert["version"]:
        alert.pop("evidence", None)
        alerts[alert["alert_id"]] = alert


def delivered(settings):
    """Last version of each alert in the topic `alerts`, but for those told early that another one stands for:
    how far sources were apart decides whether there are such."""
    alerts = {}
    for records in read_all(settings, settings.name("alerts")).values():
        for _, _, value in records:
            _keep_last(alerts, json.loads(value))
    return {alert_id: alert for alert_id, alert in alerts.items() if not alert.get("superseded_by")}


@dataclass
class WorkerProcess:
    """A worker that can be killed, stopped and started again; its words go to `log`."""

    settings: Settings
    name: str
    folder: object
    process: subprocess.Popen | None = None
    faults: list = field(default_factory=list)

    def start(self):
        environment = dict(os.environ, PYTHONUNBUFFERED="1")
        for name in self.settings.__slots__:
            environment[f"POOLWATCH_{name.upper()}"] = str(getattr(self.settings, name))
        with open(self.folder / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.chaos"], env=environment, stdout=log, stderr=log
            )

    def kill(self):
        self.process.kill()
        self.process.wait()

    def hang(self, seconds):
        os.kill(self.process.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self):
        """In order; whether it ended by itself."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30) == 0
        except subprocess.TimeoutExpired:
            self.kill()
            return False

    def words(self):
        return (self.folder / f"{self.name}.log").read_text()


def wait_running(workers, limit_s=240):
    """Until each has said that it runs: a first start compiles, and a fault then would only show that."""
    end = time.monotonic() + limit_s
    while not all("worker runs" in worker.words() for worker in workers):
        assert time.monotonic() < end, "\n".join(worker.words()[-2000:] for worker in workers)
        time.sleep(0.5)


class Faults(threading.Thread):
    """`count` faults, one after the other, until done: SIGKILL and start, or SIGSTOP and SIGCONT."""

    def __init__(self, seed, workers, count, pause_s, hang_s):
        super().__init__(daemon=True)
        self.chance, self.workers, self.count = random.Random(seed), workers, count
        self.pause_s, self.hang_s = pause_s, hang_s
        self.told = []

    def run(self):
        for _ in range(self.count):
            time.sleep(self.chance.uniform(*self.pause_s))
            worker = self.chance.choice(self.workers)
            if self.chance.random() < 0.5:
                self.told.append(f"SIGKILL {worker.name}")
                worker.kill()
                time.sleep(self.chance.uniform(0, 2))
                worker.start()
            else:
                seconds = self.chance.uniform(*self.hang_s)
                self.told.append(f"SIGSTOP {worker.name} {seconds:.1f} s")
                worker.hang(seconds)


def produce(settings, seed, count, step_ms, rate):
    """Send the events at `rate` a second, then the closers."""
    topic = settings.name("usage-events")
    with FastProducer(settings, topic, rate=rate) as producer:
        batch = []
        for pair in events(seed, count, step_ms):
            batch.append(pair)
            if len(batch) == 200:
                producer.send(batch)
                batch = []
        producer.send(batch)
        producer.flush()
        for partition, value in closers(settings.partitions, count, step_ms):
            producer._producer.produce(topic, value, b"closer", partition=partition)


def wait_equal(settings, wanted, limit_s):
    """Poll the alerts topic until it says what is wanted; returns what it says at the end."""
    end = time.monotonic() + limit_s
    while True:
        found = delivered(settings)
        if found == wanted or time.monotonic() > end:
            return found
        time.sleep(1)


def difference(found, wanted):
    """A few words on what is lost, added or other."""
    lost, added = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    other = [k for k in wanted.keys() & found.keys() if wanted[k] != found[k]]
    example = {f: (wanted[other[0]][f], found[other[0]].get(f)) for f in wanted[other[0]]} if other else {}
    example = {f: pair for f, pair in example.items() if pair[0] != pair[1]}
    return (
        f"lost {len(lost)}, added {len(added)}, other {len(other)} of {len(wanted)}; first other: {example}"
    )


def main():
    """A worker of its own, as the command line starts one."""
    from streams.worker import worker

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)

    async def go():
        stop = asyncio.Event()
        loop, parent = asyncio.get_running_loop(), os.getppid()

        def look():
            if os.getppid() != parent:  # the test was killed: nobody would end this worker
                os._exit(1)
            loop.call_later(1, look)

        look()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await worker.run(from_environment(os.environ), stop)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(go())


if __name__ == "__main__":
    main()
