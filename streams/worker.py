"""Settings -> a running worker: Faust app, agents fold and detect, snapshots. Waits and starts afresh where
Kafka or Redis goes away or a partition is taken over; decides nothing about events."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.metadata
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from pathlib import Path
from typing import Any

import faust
import msgspec
from aiokafka.errors import KafkaError
from faust.types import TP
from mode import CrashingSupervisor

from models.decode import Decoder
from models.detect import Detect
from models.errors import ConfigError, Fenced, PoolwatchError
from models.fold import Fold
from models.model import Model
from models.operations import Operations
from models.rules import RuleSet
from models.sightings_codec import cut, decode, encode, route
from streams import gauges, metrics, topics
from streams.deliver import Deliver
from streams.detect_agent import DetectAgent
from streams.fold_agent import FoldAgent
from streams.outbox import KafkaAwayError, Outbox
from streams.patience import Patience
from streams.settings import Settings
from streams.snapshots import RedisSnapshots, SnapshotStore, StoreAwayError
from streams.stage import Stage
from streams.topics import Topics
from streams.transport import Consumer, Transport

log = logging.getLogger("poolwatch.worker")

#: Batches queued before an agent; a batch may have `poll_records` records.
QUEUED_BATCHES = 8
STOP_S = 15.0
#: An answer that takes longer is none.
PULSE_S = 5.0
#: So many failures that nobody is away for, within so many seconds, end the worker.
FLAWS, FLAW_S = 3, 120.0


async def run(settings: Settings, stop: asyncio.Event | None = None) -> None:
    """Detect until `stop` is set. ConfigError: model, rules or operations that cannot be used.

    Kafka or Redis away: one log line, wait, go on with the same result.
    """
    stop = stop or asyncio.Event()
    _hush()
    worker = Worker(settings)
    server = metrics.serve(settings.metrics_port) if settings.metrics_port else None
    await asyncio.to_thread(warm, worker)
    before = gc.get_threshold()
    gc.freeze()
    # Batches of records are many young objects and no cycles: looking through them costs a tenth of a core.
    gc.set_threshold(100_000, 50, 50)
    try:
        await worker.run(stop)
    finally:
        gc.set_threshold(*before)
        if server:
            server.close()


def _hush() -> None:
    """Faust, mode and aiokafka tell each retry with a stack; `Patience` tells an outage once."""
    for name in ("faust", "mode", "aiokafka", "asyncio", "kafka", "streams.transport"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


class Worker:
    """What outlives a session: models, store, what is known to be away."""

    def __init__(self, settings: Settings, store: SnapshotStore | None = None) -> None:
        self.settings = settings
        self.operations = Operations.load(_path(settings.operations))
        self.rules = RuleSet.load(settings.rules or None)
        self.model = Model.load(settings.model or None)
        metrics.INFO.labels(_version(), self.model.hash, self.rules.hash).set(1)
        self.store = store or RedisSnapshots(settings.redis, settings.prefix)
        self.patience = Patience(settings.wait_s, {"kafka": settings.broker, "redis": settings.redis})

    async def run(self, stop: asyncio.Event) -> None:
        """Sessions, one after the other, until `stop`. A flaw that three starts do not mend is raised."""
        flaws: list[float] = []
        try:
            while not stop.is_set():
                try:
                    await Session(self).run(stop)
                except ConfigError:
                    raise
                except StoreAwayError as error:
                    await self._pause("redis", error, stop)
                except (KafkaAwayError, KafkaError, OSError) as error:
                    await self._pause("kafka", error, stop)
                except Fenced as error:
                    log.warning("%s", error)
                except Exception as error:
                    flaws = [at for at in flaws if time.monotonic() - at < FLAW_S] + [time.monotonic()]
                    if len(flaws) == FLAWS:
                        raise
                    log.error("%s: %s; starting afresh", type(error).__name__, str(error)[:300])
                    await asyncio.sleep(self.settings.wait_s)
        finally:
            await self.store.close()

    async def _pause(self, system: str, error: BaseException, stop: asyncio.Event) -> None:
        self.patience.away(system, error)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(stop.wait(), self.settings.wait_s)


def _version() -> str:
    try:
        return importlib.metadata.version("poolwatch")
    except importlib.metadata.PackageNotFoundError:
        return "source"


def warm(worker: Worker) -> None:
    """Run an event through everything, so that compiled code is there before the first partition is taken."""
    begun = time.monotonic()
    log.info("loading compiled code (the first time takes about a minute)")
    decoder, fold = Decoder(worker.operations), Fold(0, worker.operations)
    detect = Detect(1, worker.rules, worker.model)
    one = dict.fromkeys(("event_id", "developer_id", "seller_id", "key_id", "operation"), "warm")
    lists = {"orders": ["warm"], "customers": ["warm"], "pii": ["name"]}
    for number in range(40):
        event = {**one, **lists, "event_id": f"warm-{number}", "time": 1_700_000_000_000 + 10_000 * number}
        event |= {"status": 200, "records": 1, "bytes": 1, "source_ip": "192.0.2.1"}
        events, _ = decoder.records([msgspec.json.encode(event)], [number])
        for partition in route(fold.step(events).sightings, 2).values():
            for message in cut(partition):
                detect.add(decode(encode(message)))
        detect.preview()
        detect.close()
    detect.finish()
    Fold(0, worker.operations).restore({k: v for k, v in fold.changed().items() if v is not None})
    again = Detect(1, worker.rules, worker.model)
    again.restore({k: v for k, v in detect.changed().items() if v is not None})
    log.info("compiled code is there after %.1f s", time.monotonic() - begun)


def _path(text: str) -> Path | None:
    return Path(text) if text else None


class Session:
    """One life of the Faust app: from joining the group until it stops or something breaks."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.settings = worker, worker.settings
        self.topics = Topics.of(self.settings)
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[Any]] = set()

    def fail(self, error: BaseException) -> None:
        """End this session; the worker starts the next."""
        if not self._failed.done():
            self._failed.set_exception(error)

    async def run(self, stop: asyncio.Event) -> None:
        """Raises what ended it, unless that was `stop`."""
        async with contextlib.AsyncExitStack() as stack:
            outbox = Outbox(self.settings)
            await outbox.start()
            stack.push_async_callback(outbox.stop)
            counts = await self._partitions(outbox)
            await self.worker.store.holds("worker", 0, 0)  # Redis answers, before the group is joined
            self.worker.patience.back("kafka")
            self.worker.patience.back("redis")
            deliver = Deliver(outbox, self.topics, self.settings, self.worker.patience)
            stack.push_async_callback(deliver.close)
            app = self._app(outbox, deliver, counts)
            await stack.enter_async_context(self._running(app))
            log.info("worker runs: %s, group %s", self.settings.broker, app.conf.id)
            self._task(self._pulse(outbox))
            self._task(gauges.look_forever(self._held, lambda stage, p: self._end_of(app, stage, p)))
            await self._until(stop, app)
            await self._finish()

    async def _partitions(self, outbox: Outbox) -> dict[str, int]:
        """Partitions of each topic; missing topics are created."""
        counts = await outbox.partitions(list(self.topics))
        if not all(counts.values()):
            described = await asyncio.to_thread(topics.ensure, self.settings)
            counts = {topic.name: topic.partitions for topic in described}
        missing = [name for name, count in counts.items() if not count]
        if missing:
            raise ConfigError(f"topic {missing[0]}: not there and could not be made; run `poolwatch topics`")
        return counts

    def _app(self, outbox: Outbox, deliver: Deliver, counts: Mapping[str, int]) -> Any:
        settings, worker = self.settings, self.worker
        app = faust.App(
            settings.name("poolwatch"),
            broker=[f"kafka://{host}" for host in settings.bootstrap.split(",")],
            broker_credentials=_credentials(settings),
            autodiscover=False,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            stream_wait_empty=False,
            stream_buffer_maxsize=QUEUED_BATCHES,
            broker_session_timeout=settings.session_s,
            broker_heartbeat_interval=settings.heartbeat_s,
            broker_request_timeout=max(30.0, 2 * settings.session_s),
            broker_max_poll_records=settings.poll_records,
            broker_max_poll_interval=3_600.0,
            broker_check_crcs=False,  # TCP and the broker checked them; 3% of a core
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=4 << 20,
        )
        transport = Transport(app.conf.broker_consumer, app)
        transport.batched_topics = frozenset({self.topics.events, self.topics.sightings})
        transport.locate, transport.moved = self._locate, self._moved
        app.transport = transport
        sources, destinations = counts[self.topics.events], counts[self.topics.sightings]

        def consumer() -> Consumer:
            return app.consumer  # type: ignore[return-value]  # Transport.Consumer says so

        async def end_offset(partition: int) -> int:
            tp = TP(self.topics.events, partition)
            return int((await consumer().end_offsets([tp]))[tp])

        async def reread_events(partition: int, offset: int) -> None:
            await consumer().move({TP(self.topics.events, partition): offset})

        async def reread_sightings(partition: int, offset: int) -> None:
            await consumer().move({TP(self.topics.sightings, partition): offset})

        shared = (worker.store, settings, worker.patience, self.fail)
        self.fold: Stage[Fold] = Stage("fold", self.topics.events, self._new_fold, *shared)
        self.detect: Stage[Detect] = Stage(
            "detect", self.topics.sightings, lambda _: Detect(sources, worker.rules, worker.model), *shared
        )
        decoder = Decoder(worker.operations)
        fold = FoldAgent(self.fold, decoder, outbox, self.topics, destinations, end_offset, reread_events)
        detect = DetectAgent(self.detect, outbox, self.topics, deliver, reread_sightings)
        for agent in (fold, detect):
            self._attach(app, agent)
        self._marks = fold.mark_forever
        return app

    def _new_fold(self, partition: int) -> Fold:
        return Fold(partition, self.worker.operations)

    def _attach(self, app: Any, agent: FoldAgent | DetectAgent) -> None:
        async def run(stream: Any) -> None:
            # An exception in an agent acknowledges the event; nothing hangs on that, since a start
            # goes by the snapshot's position. It ends the session.
            async for event in stream.noack().events():
                try:
                    await agent.handle(event, event.value)
                except Exception as error:
                    self.fail(error)
                    return

        topic = app.topic(agent.stage.topic, value_type=bytes, value_serializer="raw", schema=_Batches())
        app.agent(topic, name=agent.stage.name, concurrency=1, supervisor_strategy=CrashingSupervisor)(run)

    async def _locate(self, assigned: set[TP]) -> Mapping[TP, int | None]:
        metrics.REBALANCES.inc()
        start: dict[TP, int | None] = {}
        for stage in (self.fold, self.detect):
            mine = {tp.partition for tp in assigned if tp.topic == stage.topic}
            for partition, position in (await stage.locate(mine)).items():
                start[TP(stage.topic, partition)] = position
        return start

    def _moved(self, moved: Mapping[TP, tuple[int, int]]) -> None:
        for tp, (position, seek) in moved.items():
            stage = self.fold if tp.topic == self.topics.events else self.detect
            stage.moved(tp.partition, position, seek)

    @contextlib.asynccontextmanager
    async def _running(self, app: Any) -> AsyncIterator[None]:
        try:
            await app.start()
            yield
        finally:
            for stage in (self.fold, self.detect):
                stage.drop()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            try:
                await asyncio.wait_for(app.stop(), STOP_S)
            except Exception as error:  # a broker that is away cannot be taken leave of
                log.debug("leaving the group: %s", error)

    async def _until(self, stop: asyncio.Event, app: Any) -> None:
        marks = self._task(self._marks())
        ends = {self._task(stop.wait()), self._task(app._crashed.wait()), marks}
        await asyncio.wait({*ends, self._failed}, return_when=asyncio.FIRST_COMPLETED)
        if self._failed.done():
            self._failed.result()
        if app.crashed:
            raise app.crash_reason or PoolwatchError("Faust stopped without a reason")
        if marks.done():
            marks.result()

    def _task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        return task

    def _held(self) -> dict[str, dict[int, Any]]:
        return {stage.name: stage.slots for stage in (self.fold, self.detect)}

    def _end_of(self, app: Any, stage: str, partition: int) -> int | None:
        """Offset after the newest record that the consumer has heard of."""
        topic = self.topics.events if stage == "fold" else self.topics.sightings
        try:
            end = app.consumer.highwater(TP(topic, partition))
        except Exception:  # between two assignments nobody knows
            return None
        return None if end is None else int(end)

    async def _pulse(self, outbox: Outbox) -> None:
        """Notice Kafka's absence where nothing else would say it: the clients try again in silence."""
        while True:
            await asyncio.sleep(self.settings.wait_s)
            try:
                await asyncio.wait_for(outbox.partitions([self.topics.events]), PULSE_S)
            except (TimeoutError, KafkaError, OSError) as error:
                self.worker.patience.away("kafka", error)
            else:
                self.worker.patience.back("kafka")

    async def _finish(self) -> None:
        """Snapshots of an orderly stop. Fenced or away: the older snapshot serves as well."""
        with contextlib.suppress(PoolwatchError, asyncio.TimeoutError):
            await asyncio.wait_for(self.fold.finish(at_any_position=False), STOP_S)
            await asyncio.wait_for(self.detect.finish(at_any_position=True), STOP_S)


class _Batches(faust.Schema[Any, Any]):
    """Hands a batch on as it is."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ARG002
        return message.value


def _credentials(settings: Settings) -> Any:
    security = topics.client_security(settings)
    if not security:
        return None
    context = security.get("ssl_context")
    if settings.security == "ssl":
        return faust.SSLCredentials(context=context)
    return faust.SASLCredentials(
        mechanism=settings.sasl_mechanism,
        username=settings.sasl_user,
        password=settings.sasl_password,
        ssl_context=context,
    )
