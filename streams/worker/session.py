"""One life of the worker's Faust app: fold, detect and actors on the partitions that the group gives it.
Ends with what broke; decides nothing about events."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from aiokafka.errors import KafkaError
from mode import CrashingSupervisor

from models.decode.decode import Decoder
from models.errors import ConfigError, PoolwatchError
from streams.agents import gauges
from streams.agents.actors import ActorsAgent
from streams.agents.deliver import Deliver
from streams.agents.detect import DetectAgent
from streams.agents.fold import FoldAgent
from streams.agents.ledger_keeper import LedgerKeeper
from streams.agents.stage import Apply, Stage
from streams.kafka import topics
from streams.kafka.outbox import Outbox
from streams.kafka.topics import Topics
from streams.kafka.transport import Transport
from streams.worker.faust_app import Batches, faust_app
from streams.worker.stages import Equipment, Stages

log = logging.getLogger("poolwatch.worker")

STOP_S = 15.0
#: An answer that takes longer is none.
PULSE_S = 5.0


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
            await self.equipment.store.owns("worker", 0, 0)  # Redis answers, before the group is joined
            self.equipment.patience.back("kafka")
            self.equipment.patience.back("redis")
            deliver = Deliver(outbox, self.topics, self.settings, self.equipment.patience)
            stack.push_async_callback(deliver.close)
            app = faust_app(self.settings)
            stages = Stages(self.equipment, counts, lambda: app.consumer, self.fail)
            fold = self._attach(app, stages, outbox, deliver)
            await stack.enter_async_context(self._running(app, stages))
            log.info("worker runs: %s, group %s", self.settings.broker, app.conf.id)
            self._task(self._pulse(outbox, deliver))
            self._task(self.equipment.logbook.log_forever())
            self._task(gauges.look_forever(stages.slots, stages.heard))
            self._task(fold.mark_forever())
            await self._until(stop, app)
            await stages.finish()

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

    def _attach(self, app: Any, stages: Stages, outbox: Outbox, deliver: Deliver) -> FoldAgent:
        """Feed the stages by the app's consumer; returns fold's agent, which tells marks."""
        transport = Transport(app.conf.broker_consumer, app)
        transport.batched_topics = frozenset(stage.topic for stage in stages)
        transport.locate, transport.moved = stages.locate, stages.moved
        app.transport = transport
        decoder = Decoder(self.equipment.operations)
        keeper = LedgerKeeper(self.settings, self.equipment.patience)
        fold = FoldAgent(stages.fold, decoder, outbox, self.topics, stages.destinations, stages.end_offset)
        detect = DetectAgent(stages.detect, outbox, self.topics, deliver, keeper)
        actors = ActorsAgent(stages.actors, outbox, self.topics, deliver)
        self._run_agent(app, stages.fold, fold.apply)
        self._run_agent(app, stages.detect, detect.apply)
        self._run_agent(app, stages.actors, actors.apply)
        return fold

    def _run_agent(self, app: Any, stage: Stage[Any], apply: Apply[Any]) -> None:
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

    @contextlib.asynccontextmanager
    async def _running(self, app: Any, stages: Stages) -> AsyncIterator[None]:
        try:
            await app.start()
            yield
        finally:
            stages.drop()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            try:
                async with asyncio.timeout(STOP_S):
                    await app.stop()
            except Exception as error:  # a broker that is away cannot be taken leave of
                log.debug("leaving the group: %s", error)

    async def _until(self, stop: asyncio.Event, app: Any) -> None:
        ends = {self._task(stop.wait()), self._task(app._crashed.wait())}
        await asyncio.wait({*ends, self._failed}, return_when=asyncio.FIRST_COMPLETED)
        if self._failed.done():
            self._failed.result()
        if app.crashed:
            raise app.crash_reason or PoolwatchError("Faust stopped without a reason")

    def _task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work` beside the session, which ends where it fails."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._heed)
        self._tasks.add(task)
        return task

    def _heed(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self.fail(error)

    async def _pulse(self, outbox: Outbox, deliver: Deliver) -> None:
        """Notice Kafka's absence where nothing else would say it: the clients try again in silence.
        While Kafka answers, tell the page that a worker runs."""
        while True:
            await asyncio.sleep(min(self.settings.wait_s, PULSE_S))
            try:
                async with asyncio.timeout(PULSE_S):
                    await outbox.partitions([self.topics.events])
            except (TimeoutError, KafkaError, OSError) as error:
                self.equipment.patience.away("kafka", error)
            else:
                self.equipment.patience.back("kafka")
                await deliver.beat()
