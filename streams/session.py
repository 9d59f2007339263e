"""One life of the worker's Faust app: fold, detect and actors on the partitions that the group gives it.
Ends with what broke; decides nothing about events."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import KafkaError
from faust.types import TP
from mode import CrashingSupervisor

from models.actors import Actors
from models.apart import Pairs
from models.decode import Decoder
from models.detect import Detect
from models.errors import ConfigError, PoolwatchError
from models.fold import Fold
from models.model import Model
from models.operations import Operations
from models.rules import RuleSet
from streams import gauges, metrics, topics
from streams.actors_agent import ActorsAgent
from streams.deliver import Deliver
from streams.detect_agent import DetectAgent
from streams.faust_app import Batches, faust_app
from streams.fold_agent import FoldAgent
from streams.ledger_keeper import LedgerKeeper
from streams.outbox import Outbox
from streams.patience import Patience
from streams.settings import Settings
from streams.snapshots import RedisSnapshots
from streams.stage import Apply, Stage
from streams.topics import Topics
from streams.transport import Consumer, Transport

log = logging.getLogger("poolwatch.worker")

STOP_S = 15.0
#: An answer that takes longer is none.
PULSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Equipment:
    """What outlives a session: settings, models, store, what is known to be away."""

    settings: Settings
    operations: Operations
    rules: RuleSet
    model: Model
    apart: Pairs
    store: RedisSnapshots
    patience: Patience


class Session:
    """From joining the group until it stops or something breaks."""

    def __init__(self, equipment: Equipment) -> None:
        self.equipment, self.settings = equipment, equipment.settings
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
            await self.equipment.store.holds("worker", 0, 0)  # Redis answers, before the group is joined
            self.equipment.patience.back("kafka")
            self.equipment.patience.back("redis")
            deliver = Deliver(outbox, self.topics, self.settings, self.equipment.patience)
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
        app, equipment = faust_app(self.settings), self.equipment
        transport = Transport(app.conf.broker_consumer, app)
        transport.batched_topics = frozenset({self.topics.events, self.topics.sightings, self.topics.links})
        transport.locate, transport.moved = self._locate, self._moved
        app.transport = transport
        sources, destinations = counts[self.topics.events], counts[self.topics.sightings]

        def consumer() -> Consumer:
            return app.consumer  # type: ignore[no-any-return]  # Transport.Consumer says so

        async def end_offset(partition: int) -> int:
            tp = TP(self.topics.events, partition)
            return int((await consumer().end_offsets([tp]))[tp])

        async def reread(topic: str, partition: int, offset: int) -> None:
            await consumer().move({TP(topic, partition): offset})

        def new_fold(partition: int) -> Fold:
            return Fold(partition, equipment.operations)

        def new_detect(_: int) -> Detect:
            ledger = bool(self.settings.ledger)
            return Detect(sources, equipment.rules, equipment.model, ledger=ledger)

        def new_actors(_: int) -> Actors:
            return Actors(destinations, equipment.apart)

        shared = (equipment.store, self.settings, equipment.patience, reread, self.fail)
        self.fold: Stage[Fold] = Stage("fold", self.topics.events, new_fold, *shared)
        self.detect: Stage[Detect] = Stage("detect", self.topics.sightings, new_detect, *shared)
        self.actors: Stage[Actors] = Stage("actors", self.topics.links, new_actors, *shared)
        fold = FoldAgent(
            self.fold, Decoder(equipment.operations), outbox, self.topics, destinations, end_offset
        )
        keeper = LedgerKeeper(self.settings, equipment.patience)
        detect = DetectAgent(self.detect, outbox, self.topics, deliver, keeper)
        self._attach(app, self.fold, fold.apply)
        actors = ActorsAgent(self.actors, outbox, self.topics, deliver)
        self._attach(app, self.detect, detect.apply)
        self._attach(app, self.actors, actors.apply)
        self._marks = fold.mark_forever
        return app

    @property
    def _stages(self) -> tuple[Stage[Any], ...]:
        return (self.fold, self.detect, self.actors)

    def _attach(self, app: Any, stage: Stage[Any], apply: Apply[Any]) -> None:
        async def run(stream: Any) -> None:
            # An exception in an agent acknowledges the event; nothing hangs on that, since a start
            # goes by the snapshot's position. It ends the session.
            async for event in stream.noack().events():
                try:
                    await stage.handle(event, event.value, apply)
                except Exception as error:
                    self.fail(error)
                    return

        topic = app.topic(stage.topic, value_type=bytes, value_serializer="raw", schema=Batches())
        app.agent(topic, name=stage.name, concurrency=1, supervisor_strategy=CrashingSupervisor)(run)

    async def _locate(self, assigned: set[TP]) -> Mapping[TP, int | None]:
        metrics.REBALANCES.inc()
        start: dict[TP, int | None] = {}
        for stage in self._stages:
            mine = {tp.partition for tp in assigned if tp.topic == stage.topic}
            for partition, position in (await stage.locate(mine)).items():
                start[TP(stage.topic, partition)] = position
        return start

    def _moved(self, moved: Mapping[TP, tuple[int, int]]) -> None:
        for tp, (position, seek) in moved.items():
            for stage in self._stages:
                if stage.topic == tp.topic:
                    stage.moved(tp.partition, position, seek)

    @contextlib.asynccontextmanager
    async def _running(self, app: Any) -> AsyncIterator[None]:
        try:
            await app.start()
            yield
        finally:
            for stage in self._stages:
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
        return {stage.name: stage.slots for stage in self._stages}

    def _end_of(self, app: Any, stage: str, partition: int) -> int | None:
        """Offset after the newest record that the consumer has heard of."""
        topic = next(one.topic for one in self._stages if one.name == stage)
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
                self.equipment.patience.away("kafka", error)
            else:
                self.equipment.patience.back("kafka")

    async def _finish(self) -> None:
        """Snapshots of an orderly stop. Fenced or away: the older snapshot serves as well."""
        with contextlib.suppress(PoolwatchError, asyncio.TimeoutError):
            await asyncio.wait_for(self.fold.finish(at_any_position=False), STOP_S)
            await asyncio.wait_for(self.detect.finish(at_any_position=True), STOP_S)
            await asyncio.wait_for(self.actors.finish(at_any_position=True), STOP_S)
