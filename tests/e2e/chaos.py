"""Faults on real processes: workers killed and stopped, Redis and Kafka killed, from a seed.

Run a worker of its own: `python -m tests.e2e.chaos` with POOLWATCH_* settings.
"""

import asyncio
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
from collections import defaultdict
from dataclasses import dataclass, field

from confluent_kafka import Consumer, TopicPartition

from models.actors import Actors
from models.decode import Decoder
from models.detect import Detect
from models.fold import Fold, split_at_chunks
from models.model import Model
from models.operations import Operations
from models.rules import RuleSet
from models.sightings_codec import route
from streams.deliver import contract
from streams.producer import FastProducer
from streams.settings import Settings, from_environment

START_MS = 1_700_000_000_000
MINUTE_MS = 60_000


def events(seed, count, step_ms):
    """(key, value) of `count` usage events in time order: busy and quiet developers, shared orders."""
    chance = random.Random(seed)
    for number in range(count):
        seller, developer = chance.randrange(400), int(chance.paretovariate(0.6)) % 60
        event = {
            "event_id": f"{seed}-{number}",
            "time": START_MS + number * step_ms + chance.randrange(-20_000, 20_000),
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


def closers(partitions, count, step_ms):
    """Events in each partition that lie hours later: every watermark passes all that came before.

    As many as a partition needs to believe a jump in time (models.fold)."""
    late = START_MS + count * step_ms + 180 * MINUTE_MS
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
    found = defaultdict(list)
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


def replayed(settings, partitions):
    """Last version of each alert of an undisturbed run over the same partitions, in this process."""
    operations = Operations.load()
    rules, model = RuleSet.load(settings.rules or None), Model.load(settings.model or None)
    count = settings.partitions
    detects = [Detect(count, rules, model) for _ in range(count)]
    actors = Actors(count)
    streams = [
        _sightings(partition, partitions.get(partition, []), operations, count) for partition in range(count)
    ]
    alerts = {}
    while streams:
        for stream in list(streams):
            step = next(stream, None)
            if step is None:
                streams.remove(stream)
                continue
            for destination, message in step:
                detects[destination].add(message)
        for destination, detect in enumerate(detects):
            closed = detect.close()
            for alert in actors.add(destination, closed.links, closed.alerts):
                _keep_last(alerts, json.loads(contract(alert, "")))
    return alerts


def _sightings(partition, records, operations, count):
    """For each chunk of a partition: [(destination, message)], the watermark for all destinations last."""
    fold, decoder = Fold(partition, operations), Decoder(operations)
    accepted, _ = decoder.records([value for _, _, value in records], [offset for offset, _, _ in records])
    for part in split_at_chunks(accepted):
        folded = fold.step(part)
        yield list(route(folded.sightings, count).items())


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
    from streams import worker

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
