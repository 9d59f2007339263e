"""One worker on one core, from a real Kafka topic to alerts, beside quixstreams and a stock Faust agent.

    python -m benchmarks.throughput [EVENTS]

All three read the same topic of the same broker, one after the other, each pinned to core 0; broker and
Redis run on the other cores. quixstreams has an environment of its own in the cache folder (made at first).
Reported are events per second of wall time, and per second of CPU of that process (what one undisturbed core
would give; on a machine that does other things, only this one means much).
"""

import contextlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from models.scoring.rules import SHIPPED
from streams.brokers.children import free_port
from streams.brokers.jar_kafka import JarKafka, cache_folder
from streams.brokers.own_redis import EmbeddedRedis
from streams.kafka import topics
from streams.kafka.producer import FastProducer
from streams.settings import Settings

QUIX = "quixstreams==3.28.1"
CORE = 0
SEED = 7
START_MS = 1_700_000_000_000
#: Event time: 1,000 events a second, so that minutes close while it runs.
EVENTS_PER_S = 1_000
SELLERS, DEVELOPERS = 2_000, 300
#: Counters of the stages after fold.
LATER = r'poolwatch_batch_events_count\{stage="(detect|actors)"'
#: Beside the shipped rules one that the busiest tenth crosses, so that alerts are made, told early and again.
RULE = """feature = "records_1h"
above = 20_000
early = true
severity = "high"
weight = 0.9
why = "It read much."
do = "Nothing: this rule is a benchmark's."
cases = [{ it = "much", value = 40_000, fires = true }, { it = "little", value = 1, fires = false }]
"""


def events(count, ids=2):
    """(key, value) of `count` events of some 450 bytes, on average `ids` order and as many customer ids."""
    chance = random.Random(SEED)
    operations = ["getOrders", "getOrder", "getOrderAddress", "getOrderBuyerInfo", "confirmShipment"]
    for number in range(count):
        seller = int(SELLERS * chance.random() ** 2)
        # A seller has three tools; few tools serve many sellers.
        tool = seller * 7 + 13 * chance.randrange(3)
        developer = int(DEVELOPERS * (tool % 997 / 997) ** 3)
        many = chance.randrange(2 * ids + 1)
        orders = [f"ord-{chance.randrange(10**9):09d}" for _ in range(many)]
        customers = [f"cus-{chance.randrange(10**7):09d}" for _ in range(many)]
        event = {
            "event_id": f"{number:012x}",
            "time": START_MS + number * 1000 // EVENTS_PER_S,
            "developer_id": f"amzn1.developer.{developer:05d}",
            "seller_id": f"A{seller:013d}",
            "key_id": f"key-{seller}-{developer}",
            "operation": operations[chance.randrange(5)],
            "status": 200 if chance.random() < 0.97 else 429,
            "records": many,
            "bytes": 900 * many,
            "pii": ["name", "address"],
            "customers": customers,
            "orders": orders,
            "source_ip": f"198.51.{developer % 256}.{chance.randrange(4)}",
            "user_agent": f"tool-{developer}/2.1 (Language=Java)",
            "tls_fingerprint": f"{developer % 17:032x}",
            "marketplace": "US",
        }
        yield event["seller_id"].encode(), json.dumps(event, separators=(",", ":")).encode()


def fill(settings, count, ids=2):
    """Produce the events; returns their mean size in bytes."""
    size, batch = 0, []
    with FastProducer(settings, settings.name("usage-events")) as producer:
        for pair in events(count, ids):
            size += len(pair[1])
            batch.append(pair)
            if len(batch) == 5_000:
                producer.send(batch)
                batch = []
        producer.send(batch)
    return size / count


def rules(folder):
    """Folder with the shipped rules and the one above."""
    shutil.copytree(SHIPPED, folder / "rules")
    (folder / "rules" / "busy.toml").write_text(RULE)
    return str(folder / "rules")


def pinned():
    os.sched_setaffinity(0, {CORE})


def rival(command, folder, limit_s=600):
    """Wall and CPU seconds between a rival's first and last event."""
    child = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=pinned,
        cwd=folder,
        timeout=limit_s,
        text=True,
    )
    lines = [line.split() for line in child.stdout.splitlines()]
    told = {
        words[0]: [float(x) for x in words[1:]] for words in lines if words and words[0] in ("first", "last")
    }
    (wall0, cpu0), (wall1, cpu1) = told["first"], told["last"]
    return wall1 - wall0, cpu1 - cpu0


def quix_python():
    """Python of quixstreams' own environment."""
    folder = cache_folder() / "bench-venv"
    python = folder / "bin" / "python"
    there = [str(python), "-c", "import quixstreams"]
    if not python.exists() or subprocess.run(there, stderr=subprocess.DEVNULL, check=False).returncode:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", QUIX], check=True)
    return str(python)


def metrics(port):
    """{name with labels: value} of a worker; {} while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    return {m[1]: float(m[2]) for m in re.finditer(r"^([^#\s]\S*) (\S+)$", text, re.MULTILINE)}


def peak(pid):
    """The most resident memory that a process has had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024


def worker(settings, count, log):
    """Wall and CPU seconds of a worker from its first event to the last one judged; alerts that it sent;
    bytes resident at the end, and the most there were."""
    port = free_port()
    environment = dict(os.environ, POOLWATCH_METRICS_PORT=str(port))
    for name in settings.__slots__:
        if name != "metrics_port":
            environment[f"POOLWATCH_{name.upper()}"] = str(getattr(settings, name))
    command = [sys.executable, "-m", "tests.e2e.chaos"]
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, preexec_fn=pinned)
    me, first, last = psutil.Process(process.pid), None, None
    try:
        while True:
            time.sleep(0.2)
            now, cpu = time.time(), sum(me.cpu_times()[:2])
            seen = metrics(port)
            done = sum(v for k, v in seen.items() if k.startswith("poolwatch_events_total"))
            if not done:
                first = None
            elif first is None:
                first = (now, cpu, done)
            alerts = sum(v for k, v in seen.items() if k.startswith("poolwatch_alert_versions_total"))
            later = sum(v for k, v in seen.items() if re.match(LATER, k))
            if last is None or last[2:] != (done, later, alerts):
                last = (now, cpu, done, later, alerts)
            # All folded, and the later stages have had nothing new for a second.
            if done >= count and now - last[0] > 1.0:
                took = last[0] - first[0], last[1] - first[1]
                return *took, count - first[2], int(alerts), (me.memory_info().rss, peak(process.pid))
            if process.poll() is not None:
                raise SystemExit(f"the worker ended: {Path(log.name).read_text()[-2000:]}")
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        if process.poll() is None:
            process.kill()


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    others = set(range(os.cpu_count() or 1)) - {CORE} or {CORE}
    os.sched_setaffinity(0, others)  # broker and Redis inherit it
    with JarKafka(heap_mb=768) as kafka, EmbeddedRedis() as redis, tempfile.TemporaryDirectory() as folder:
        settings = Settings(broker=kafka.url, redis=redis.url, partitions=8, rules=rules(Path(folder)))
        topics.ensure(settings)
        size = fill(settings, count)
        print(f"{count:,} events of {size:.0f} bytes, 8 partitions, one core each")
        rows = []
        with Path(folder, "worker.log").open("wb") as log:
            wall, cpu, counted, alerts, _ = worker(settings, count, log)
        print(f"poolwatch: {counted / wall:,.0f} events/s, {counted / cpu:,.0f} per CPU second", flush=True)
        rows.append((f"poolwatch, everything, {alerts} alert versions", counted, wall, cpu))
        here = Path(__file__).resolve().parent / "rivals"
        part = min(count, 400_000)
        quix = [
            quix_python(),
            str(here / "quix_count.py"),
            kafka.bootstrap,
            "usage-events",
            str(part),
            folder,
        ]
        rows.append(("quixstreams, one count a developer", part, *rival(quix, folder)))
        part = min(count, 100_000)
        faust = [sys.executable, str(here / "stock_faust.py"), kafka.bootstrap, "usage-events", str(part)]
        rows.append(("stock Faust agent that does nothing", part, *rival(faust, folder)))
    print(f"{'':48} {'events/s':>10} {'per CPU s':>10}")
    for name, events_, wall, cpu in rows:
        print(f"{name:48} {events_ / wall:10,.0f} {events_ / cpu:10,.0f}")
    mine = rows[0][1] / rows[0][2], rows[0][1] / rows[0][3]
    for name, events_, wall, cpu in rows[1:]:
        print(f"ratio to {name:39} {mine[0] * wall / events_:10.2f} {mine[1] * cpu / events_:10.2f}")


if __name__ == "__main__":
    main()
