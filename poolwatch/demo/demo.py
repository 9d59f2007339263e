"""The whole system on one machine: broker, Redis, simulator, the real worker, page. Touches processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from rich.console import Console

from models.errors import PoolwatchError
from models.scoring.rules import RuleSet
from models.warm import warm
from poolwatch.demo.day_before import learn
from poolwatch.demo.live import LiveView, next_steps, summary
from poolwatch.demo.market import DemoMarket
from poolwatch.demo.state import DemoState, planted
from poolwatch.simulate import keyed
from streams.brokers.children import free_port, kill, spawn
from streams.brokers.mock_kafka import EmbeddedKafka
from streams.brokers.own_redis import EmbeddedRedis
from streams.kafka.producer import FastProducer
from streams.kafka.topics import Topics, ensure
from streams.page.server import WebServer
from streams.redis.feed import Entry, Feed
from streams.settings import ENVIRONMENT_PREFIX, Settings, to_environment

PARTITIONS = 4
#: Event time against wall clock: an hour passes in half a minute, so that minutes close while one looks.
SPEED = 120
TICK_S = 0.2


class Demo:
    """One run. `found` tells whether the planted aggregator was alerted on.

    embedded  with a Kafka of its own, not that of `settings`
    """

    def __init__(self, settings: Settings, seconds: float | None, seed: int, embedded: bool) -> None:
        self.settings, self.seconds, self.embedded = settings, seconds, embedded
        self.market = DemoMarket(seed)
        self.state = DemoState(seconds=seconds)
        self.developers: set[str] = set()
        self.addresses: set[str] = set()
        self.interrupted = False

    def run(self) -> bool:
        """Show everything until `seconds` are over, the market ends or Ctrl-C comes; then nothing is left."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.ExitStack() as stack:
            view = stack.enter_context(LiveView(self.state))
            self.view = view
            try:
                signal.signal(signal.SIGINT, self._interrupt)
                self._start(stack)
                signal.signal(signal.SIGINT, signal.default_int_handler)  # asyncio has its own way with it
                asyncio.run(self._live(stack))
            except KeyboardInterrupt:
                if self.seconds:
                    raise
            self.state.ended_s = time.monotonic()
            self._phase("ended")
        now_ms = self.state.event_time_ms or 0  # who has not begun by now could not be found
        self.state.planted = [p for p in self.state.planted if p.found or p.start_ms <= now_ms]
        console = Console(highlight=False)
        console.print(summary(self.state))
        console.print(next_steps(called()))
        return self.found

    @property
    def found(self) -> bool:
        """Whether the party that begins to pool first in the live part was alerted on."""
        live = [p for p in self.state.planted if p.start_ms >= self.market.live_from_ms]
        sought = [min(live, key=lambda p: p.start_ms)] if live else self.state.planted
        return bool(sought) and all(p.found is not None for p in sought)

    def _interrupt(self, *_: object) -> None:
        self.interrupted = True
        raise KeyboardInterrupt

    def _phase(self, name: str, done: float | None = None) -> None:
        if self.interrupted and name != "ended":
            raise KeyboardInterrupt  # the first fell into a compiler's or a destructor's hands: lost
        self.state.phase, self.state.done = name, done
        self.view.refresh()

    def _start(self, stack: contextlib.ExitStack) -> None:
        self._phase("starting Redis and broker")
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="poolwatch-demo-")))
        redis = stack.enter_context(EmbeddedRedis())
        self.settings = replace(self.settings, redis=redis.url, partitions=PARTITIONS)
        if self.embedded:
            names = dict.fromkeys(Topics.of(self.settings), PARTITIONS)
            kafka = stack.enter_context(EmbeddedKafka(names))
            self.settings = replace(self.settings, broker=kafka.url)
        else:
            there = {topic.name: topic.partitions for topic in ensure(self.settings)}
            self.settings = replace(self.settings, partitions=there[Topics.of(self.settings).events])
        rules = RuleSet.load(self.settings.rules).rules
        page = WebServer(
            redis.url,
            prefix=self.settings.prefix,
            host="127.0.0.1",
            port=self.settings.port,
            rules=rules,
        )
        stack.callback(page.close)
        page.start()
        self.state.where = {"alert page": page.url, "broker": self.settings.broker, "redis": redis.url}
        self.state.planted, self.state.victims = planted(self.market.labels())
        self._warm()

    def _warm(self) -> None:
        self._phase("loading the detector (compiled once, the first time: a minute or two)")
        warm()
        self.state.begun_s = time.monotonic()  # what `seconds` counts from: compiling is no part of the show
        length_ms = self.market.live_from_ms - self.market.from_ms
        for table, until_ms in learn(self.market, self.settings):
            self.state.events += len(table)
            self._meet(table)
            self.state.event_time_ms = until_ms
            self._phase("replaying the day before", (until_ms - self.market.from_ms) / length_ms)

    def _meet(self, table: pa.Table) -> None:
        self.developers.update(table["developer_id"].unique().to_pylist())
        self.addresses.update(table["source_ip"].unique().to_pylist())
        self.state.developers, self.state.origins = len(self.developers), len(self.addresses)

    async def _live(self, stack: contextlib.ExitStack) -> None:
        self._phase("starting the worker")
        self.metrics = free_port()
        log = self.folder / "worker.log"
        command = [sys.executable, "-m", "poolwatch", "worker", "--metrics-port", str(self.metrics)]
        worker = spawn(command, log, self._environment())
        stack.callback(kill, worker)  # its state is in Redis, which goes too
        tasks = [
            asyncio.create_task(work) for work in (self._alerts(), self._produce(), self._look(worker, log))
        ]
        try:
            done, _ = await asyncio.wait(tasks, timeout=self._left(), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _environment(self) -> dict[str, str]:
        """The worker's: the demo's settings, none of the caller's."""
        plain = {name: text for name, text in os.environ.items() if not name.startswith(ENVIRONMENT_PREFIX)}
        return plain | to_environment(replace(self.settings, snapshot_s=2.0, idle_s=2.0))

    def _left(self) -> float | None:
        return None if self.seconds is None else max(0.0, self.seconds - self.state.elapsed_s)

    async def _alerts(self) -> None:
        feed = Feed(self.settings.redis, self.settings.prefix)
        try:
            async for thing in feed.follow("0"):
                if isinstance(thing, Entry):
                    self.state.take(thing.alert())
                    self.view.refresh()
        finally:
            await feed.close()

    async def _produce(self) -> None:
        """Send each event when its time has come, SPEED times as fast as it would."""
        begun, topic = time.monotonic(), Topics.of(self.settings).events
        with FastProducer(self.settings, topic) as producer:
            for table in self.market.live():
                self._meet(table)
                times = table["time"].to_numpy()
                pairs, sent = list(keyed(table)), 0
                while sent < len(pairs):
                    now_ms = self.market.live_from_ms + (time.monotonic() - begun) * 1000 * SPEED
                    due = int(np.searchsorted(times, now_ms, "right"))
                    producer.send(pairs[sent:due])
                    self.state.events += due - sent
                    self.state.event_time_ms = int(now_ms)
                    sent = due
                    await asyncio.sleep(TICK_S)

    async def _look(self, worker: subprocess.Popen[bytes], log: Path) -> None:
        """Keep the figures fresh; PoolwatchError where the worker has ended."""
        seen, at = self.state.events, time.monotonic()
        while True:
            await asyncio.sleep(0.5)
            if worker.poll() is not None:
                said = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
                raise PoolwatchError(f"the worker ended ({worker.returncode}): {said[0][:300]}")
            now = time.monotonic()
            self.state.rate((self.state.events - seen) / (now - at))
            seen, at = self.state.events, now
            await asyncio.to_thread(self._measure)
            self._phase("live")

    def _measure(self) -> None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=1) as answer:
                self.state.measured(answer.read().decode(), time.time() * 1000)
        except OSError:
            return


def called() -> str:
    """How this command is to be typed again."""
    name = Path(sys.argv[0])
    return str(name) if name.name == "poolwatch" and not shutil.which("poolwatch") else "poolwatch"
