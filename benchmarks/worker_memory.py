"""Memory of a real worker that has read the stream of benchmarks.memory from a real Kafka.

    python -m benchmarks.worker_memory [PAIRS [EVENTS_PER_S]]

One worker holds all partitions and writes its snapshots to Redis; clients, batches under way and the pages of
snapshots are counted too. The day comes at EVENTS_PER_S (20,000); 0: all of it is there when the worker
starts, which reads it as fast as it can. Exit code 1: above the target.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks import memory
from benchmarks.throughput import worker
from poolwatch.simulate import keyed
from streams.brokers.jar_kafka import JarKafka
from streams.brokers.own_redis import EmbeddedRedis
from streams.kafka import topics
from streams.kafka.producer import FastProducer
from streams.settings import Settings

#: Events per second of a live stream, the pace of benchmarks.latency.
RATE = 20_000


def send(settings: Settings, met: np.ndarray, rate: int) -> None:
    """The day's events, `rate` a second; 0 = as fast as it goes."""
    begun, size = time.monotonic(), rate // 10 or memory.BATCH
    with FastProducer(settings, topics.Topics.of(settings).events) as producer:
        for first in range(0, len(met), size):
            if rate:
                time.sleep(max(0.0, begun + first / rate - time.monotonic()))
            producer.send(keyed(memory.table(met[first : first + size], first, len(met))))


def main() -> int:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else memory.PAIRS
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else RATE
    met = memory.couples(np.random.default_rng(5), pairs // 2, 2)
    with JarKafka(heap_mb=768) as kafka, EmbeddedRedis() as redis, tempfile.TemporaryDirectory() as folder:
        settings = Settings(broker=kafka.url, redis=redis.url, partitions=memory.PARTITIONS)
        topics.ensure(settings)
        sender = threading.Thread(target=send, args=(settings, met, rate), daemon=True)
        sender.start()
        if not rate:
            sender.join()
        with Path(folder, "worker.log").open("wb") as log:
            wall, cpu, _, _, (rest, most) = worker(settings, len(met), log)
    print(f"{len(met):,} events in {wall:.0f} s, {cpu:.0f} s of processor time")
    print(
        f"{rest / memory.MB:,.0f} MB resident in the worker at the end, {most / memory.MB:,.0f} MB at most, "
        f"target {memory.TARGET_MB:,}"
    )
    return int(most > memory.TARGET_MB * memory.MB)


if __name__ == "__main__":
    sys.exit(main())
