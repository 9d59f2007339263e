"""Event to alert in the feed, at a steady rate: real Kafka, real Redis, one real worker process.

    python -m benchmarks.latency [SECONDS EVENTS_PER_S]

Into a stream of 300 developers' calls, marked parties each make one call that crosses a line: half of them a
threshold that may fire early, half one that fires at the minute's close. Early: seconds from the producer's
send to the entry in the Redis Stream. At the close: seconds from the moment at which the minute may be closed
(its end and the lateness allowed, 60 s) to that entry. The feed's ids are Redis' clock, the same machine's.
Exit code 1 where a target is missed.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import redis

from streams.brokers.children import free_port, spawn
from streams.brokers.jar_kafka import JarKafka
from streams.brokers.own_redis import EmbeddedRedis
from streams.kafka import topics
from streams.kafka.producer import FastProducer
from streams.redis.feed import FeedKeys
from streams.settings import Settings

RATE, SECONDS, WARM_S = 20_000, 240, 30
#: Marked parties a second, of each sort.
MARKED = 1
LATENESS_MS = 60_000
EARLY_MS, CLOSE_MS = 1_500, 2_000
SLICE_S = 0.02
EARLY_RECORDS, CLOSE_RECORDS = 40_000_000, 10_000_000
RULE = """feature = "{feature}"
above = {above}
early = {early}
severity = "high"
weight = 0.9
why = "It read much."
do = "Nothing: this rule is a benchmark's."
cases = [{{ it = "much", value = {much}, fires = true }}, {{ it = "little", value = 1, fires = false }}]
"""


def rules(folder: Path) -> str:
    """A threshold that fires early, and a lower one that waits for the close."""
    for name, feature, above, early in (
        ("early", "records_1h", EARLY_RECORDS // 2, "true"),
        ("close", "records_24h", CLOSE_RECORDS // 2, "false"),
    ):
        text = RULE.format(feature=feature, above=above, early=early, much=2 * above)
        (folder / f"{name}.toml").write_text(text)
    return str(folder)


def calls(draw: random.Random) -> Iterator[tuple[bytes, bytes]]:
    """(key, JSON after the two fields that differ each time) of usual calls, some 450 bytes, for ever."""
    made = []
    for _ in range(50_000):
        seller, developer = int(2_000 * draw.random() ** 2), int(300 * draw.random() ** 3)
        made.append(call(f"amzn1.developer.{developer:05d}", seller, draw.randrange(4), 1, draw))
    while True:
        yield from made


def call(developer: str, seller: int, place: int, records: int, draw: random.Random) -> tuple[bytes, bytes]:
    """One call without its event_id and time."""
    event = {
        "developer_id": developer,
        "seller_id": f"A{seller:013d}",
        "key_id": f"key-{seller}-{developer}",
        "operation": draw.choice(["getOrders", "getOrder", "getOrderAddress", "confirmShipment"]),
        "status": 200,
        "records": records,
        "bytes": 1_800,
        "pii": ["name", "address"],
        "customers": [f"cus-{draw.randrange(10**7):09d}" for _ in range(2)],
        "orders": [f"ord-{draw.randrange(10**9):09d}" for _ in range(2)],
        "source_ip": f"198.51.{hash_of(developer) % 256}.{place}",
        "user_agent": "tool/2.1 (Language=Java)",
        "tls_fingerprint": f"{hash_of(developer) % 311:032x}",
        "marketplace": "US",
    }
    return event["seller_id"].encode(), json.dumps(event, separators=(",", ":")).encode()[1:]  # type: ignore[attr-defined]


def hash_of(text: str) -> int:
    """The same in every process."""
    return sum(text.encode()) * 31 + len(text)


def produce(settings: Settings, rate: int, seconds: float) -> tuple[dict[str, int], float]:
    """Send for so long. ({marked developer: ms when its call was sent}, events a second reached)."""
    draw = random.Random(11)
    usual, sent, number, marked = calls(draw), {}, 0, 0
    next(usual)
    with FastProducer(settings, settings.name("usage-events")) as producer:
        begun = time.time()
        while (now := time.time()) < begun + seconds:
            batch = []
            for _ in range(int((now - begun) * rate) - number):
                key, rest = next(usual)
                batch.append((key, b'{"event_id":"%012x","time":%d,' % (number, now * 1000) + rest))
                number += 1
            while marked < (now - begun) * 2 * MARKED:
                marked += 1
                early = marked % 2
                name = f"{'early' if early else 'close'}-{marked}"
                key, rest = call(name, marked % 2_000, 7, EARLY_RECORDS if early else CLOSE_RECORDS, draw)
                # First in the batch: what is measured begins here.
                batch.insert(0, (key, b'{"event_id":"m%d","time":%d,' % (marked, now * 1000) + rest))
                sent[name] = round(time.time() * 1000)
            producer.send(batch)
            time.sleep(SLICE_S)
        reached = number / (time.time() - begun)
    return sent, reached


def entries(link: redis.Redis[Any]) -> dict[tuple[str, bool], tuple[int, int]]:
    """{(developer, told early): (ms of its first entry in the feed, alert's time)}."""
    found: dict[tuple[str, bool], tuple[int, int]] = {}
    for place, fields in link.xrange(FeedKeys("").stream):
        alert = json.loads(fields[b"alert"])
        if alert["entity_kind"] == "developer":
            at = int(place.split(b"-")[0])
            key = (alert["entity_id"], "early" in alert["rules"] and alert["version"] == 1)
            found.setdefault(key, (at, alert["time"]))
    return found


def measure(settings: Settings, seconds: int, rate: int, log: Path) -> dict[str, tuple[list[float], int]]:
    """{sort: (seconds, how many were expected)}."""
    environment = dict(os.environ, POOLWATCH_BROKER=settings.broker, POOLWATCH_REDIS=settings.redis)
    environment |= {"POOLWATCH_RULES": settings.rules, "POOLWATCH_METRICS_PORT": str(free_port())}
    worker = spawn([sys.executable, "-m", "poolwatch", "worker"], log, environment)
    try:
        wait_for(worker, log)
        me = psutil.Process(worker.pid)
        before = sum(me.cpu_times()[:2])
        sent, reached = produce(settings, rate, WARM_S + seconds)
        share = (sum(me.cpu_times()[:2]) - before) / (WARM_S + seconds)
        print(f"{reached:,.0f} events/s were sent for {WARM_S + seconds} s; ", end="")
        print(f"the worker took {share:.0%} of a processor, {me.memory_info().rss >> 20:,} MB", flush=True)
        time.sleep(5)
        found = entries(redis.Redis.from_url(settings.redis))
    finally:
        worker.terminate()
        worker.wait(30)
    first = min(sent.values()) + 1_000 * WARM_S
    last = max(sent.values())
    early = [name for name, at in sent.items() if name.startswith("early") and at >= first]
    ended = (last - LATENESS_MS - 2 * CLOSE_MS) // 60_000 * 60_000  # minutes that closed while it ran
    late = [name for name, at in sent.items() if name.startswith("close") and first <= at < ended]
    told = {
        "early": [found[n, True][0] - sent[n] for n in early if (n, True) in found],
        "close": [found[n, False][0] - found[n, False][1] - LATENESS_MS for n in late if (n, False) in found],
    }
    return {
        "early": ([ms / 1000 for ms in told["early"]], len(early)),
        "close": ([ms / 1000 for ms in told["close"]], len(late)),
    }


def wait_for(worker: subprocess.Popen[bytes], log: Path) -> None:
    """Until the worker has its partitions. SystemExit: it ended, or needs too long."""
    for _ in range(1_500):  # what is compiled anew needs minutes on a busy machine
        time.sleep(0.2)
        text = log.read_text()
        if text.count("from offset") >= 16:
            return
        if worker.poll() is not None:
            break
    raise SystemExit(f"the worker did not start: {log.read_text()[-2_000:]}")


def main() -> int:
    seconds, rate = (int(a) for a in (sys.argv[1:] or (SECONDS, RATE)))
    with JarKafka(heap_mb=768) as kafka, EmbeddedRedis() as server, tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "rules").mkdir()
        settings = Settings(broker=kafka.url, redis=server.url, partitions=8, rules=rules(place / "rules"))
        topics.ensure(settings)
        figures = measure(settings, seconds, rate, place / "worker.log")
        if os.environ.get("KEEP_LOG"):
            print((place / "worker.log").read_text()[-4_000:])
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"load average {load}, {os.cpu_count()} processors")
    print(f"{'':44} {'p50 s':>8} {'p99 s':>8} {'most s':>8} {'target':>8} {'told':>11}")
    good = True
    for sort, words, target in (
        ("early", "send to alert, threshold that may fire early", EARLY_MS / 1000),
        ("close", "minute may close to alert", CLOSE_MS / 1000),
    ):
        took, wanted = figures[sort]
        if not took:
            print(f"{words:44} nothing was told of {wanted}")
            good = False
            continue
        p50, p99, most = np.quantile(took, (0.5, 0.99, 1.0))
        print(f"{words:44} {p50:8.2f} {p99:8.2f} {most:8.2f} {target:8.2f} {f'{len(took)} of {wanted}':>11}")
        good &= p99 <= target and len(took) == wanted
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
