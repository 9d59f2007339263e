"""Fold, detect and actors on the partitions that a worker owns. Decides nothing about events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from faust.types import TP

from models.actors.actors import Actors
from models.actors.apart import Pairs
from models.detect.detect import Detect
from models.errors import PoolwatchError
from models.fold.fold import Fold
from models.operations import Operations
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from streams.agents.stage import Shared, Stage
from streams.kafka.topics import Topics
from streams.kafka.transport import Consumer
from streams.redis.snapshots import RedisSnapshots
from streams.settings import Settings
from streams.telemetry import metrics
from streams.telemetry.logbook import Logbook
from streams.telemetry.patience import Patience

log = logging.getLogger("poolwatch.worker")

#: A stage's last snapshots are waited for no longer.
FINISH_S = 15.0


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
    logbook: Logbook


class Stages:
    """One of each, from when the group is joined until it is left.

    counts    partitions of each topic
    consumer  gives the app's consumer, once it runs
    fail      told of what only a fresh start heals
    """

    def __init__(
        self,
        equipment: Equipment,
        counts: Mapping[str, int],
        consumer: Callable[[], Consumer],
        fail: Callable[[BaseException], None],
    ) -> None:
        settings, topics = equipment.settings, Topics.of(equipment.settings)
        sources, self.destinations = counts[topics.events], counts[topics.sightings]
        self._consumer = consumer

        def new_detect(_: int) -> Detect:
            return Detect(sources, equipment.rules, equipment.model, ledger=bool(settings.ledger))

        def new_actors(_: int) -> Actors:
            return Actors(self.destinations, equipment.apart)

        shared = Shared(equipment.store, settings, equipment.patience, equipment.logbook, self._reread, fail)
        self.fold = Stage("fold", topics.events, lambda p: Fold(p, equipment.operations), shared)
        self.detect = Stage("detect", topics.sightings, new_detect, shared)
        self.actors = Stage("actors", topics.links, new_actors, shared)

    def __iter__(self) -> Iterator[Stage[Any]]:
        return iter((self.fold, self.detect, self.actors))

    async def locate(self, assigned: set[TP]) -> Mapping[TP, int | None]:
        """Take these partitions; where each starts, None = at its beginning."""
        metrics.REBALANCES.inc()
        start: dict[TP, int | None] = {}
        for stage in self:
            mine = {tp.partition for tp in assigned if tp.topic == stage.topic}
            for partition, position in (await stage.locate(mine)).items():
                start[TP(stage.topic, partition)] = position
        return start

    def moved(self, moved: Mapping[TP, tuple[int, int]]) -> None:
        """Partitions were moved to a position; their batches carry this stamp from now on."""
        for tp, (position, seek) in moved.items():
            for stage in self:
                if stage.topic == tp.topic:
                    stage.moved(tp.partition, position, seek)

    def slots(self) -> dict[str, dict[int, Any]]:
        """stage -> its slots."""
        return {stage.name: stage.slots for stage in self}

    def heard(self, stage: str, partition: int) -> int | None:
        """Offset after the newest record that the consumer has heard of."""
        topic = next(one.topic for one in self if one.name == stage)
        try:
            end = self._consumer().highwater(TP(topic, partition))
        except Exception:  # between two assignments nobody knows
            return None
        return None if end is None else int(end)

    async def end_offset(self, partition: int) -> int:
        """Where usage-events ends, as the broker says now."""
        tp = TP(self.fold.topic, partition)
        return int((await self._consumer().end_offsets([tp]))[tp])

    async def _reread(self, topic: str, partition: int, offset: int) -> None:
        await self._consumer().move({TP(topic, partition): offset})

    def drop(self) -> None:
        """Let go of every partition."""
        for stage in self:
            stage.drop()

    async def finish(self) -> None:
        """Snapshots of an orderly stop. Fenced or away: the older snapshot serves as well."""
        try:
            for stage in self:
                async with asyncio.timeout(FINISH_S):
                    await stage.finish(at_any_position=stage is not self.fold)
        except (PoolwatchError, TimeoutError) as error:
            why = str(error) or "no answer"
            log.warning("last snapshots are not written (%s): the next start does some seconds again", why)
