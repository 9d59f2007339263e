"""Settings -> a running worker: sessions one after the other. Waits and starts afresh where Kafka or Redis
goes away or a partition is taken over; decides nothing about events."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.metadata
import logging
import time

from aiokafka.errors import KafkaError

from models.actors import apart
from models.alerts.alerts import ACTOR
from models.errors import ConfigError, Fenced
from models.operations import Operations
from models.scoring.judge import FOREST
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from models.warm import warm
from streams.kafka.outbox import KafkaAwayError
from streams.kafka.topics import Topics
from streams.redis.connect import StoreAwayError
from streams.redis.snapshots import RedisSnapshots
from streams.settings import Settings, shown
from streams.telemetry import endpoint, metrics
from streams.telemetry.logbook import Logbook
from streams.telemetry.patience import Patience
from streams.worker.session import Session
from streams.worker.stages import Equipment

log = logging.getLogger("poolwatch.worker")

#: So many failures that nobody is away for, within so many seconds, end the worker.
FLAWS, FLAW_S = 3, 120.0


async def run(settings: Settings, stop: asyncio.Event | None = None) -> None:
    """Detect until `stop` is set. ConfigError: model, rules, operations or pairs that cannot be used.

    Kafka or Redis away: one log line, wait, go on with the same result.
    """
    stop = stop or asyncio.Event()
    _hush()
    equipment = _equipment(settings)
    server = endpoint.serve(settings.metrics_port, settings.metrics_host) if settings.metrics_port else None
    await asyncio.to_thread(_warm)
    before = gc.get_threshold()
    gc.freeze()
    # Batches of records are many young objects and no cycles: looking through them costs a tenth of a core.
    gc.set_threshold(100_000, 50, 50)
    try:
        await _sessions(equipment, stop)
        equipment.logbook.log_due(at_end=True)
        log.info("worker has stopped, in order")
    finally:
        gc.set_threshold(*before)
        await equipment.store.close()
        if server:
            server.close()


def _hush() -> None:
    """Faust, mode and aiokafka tell each retry with a stack; `Patience` tells an outage once."""
    for name in ("faust", "mode", "aiokafka", "asyncio", "kafka", "streams.kafka.transport"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _warm() -> None:
    """Compiled code is there before the first partition is taken."""
    begun = time.monotonic()
    log.info("loading compiled code (the first time takes about a minute)")
    warm()
    log.info("compiled code is there after %.1f s", time.monotonic() - begun)


def _equipment(settings: Settings) -> Equipment:
    operations = Operations.load(settings.operations)
    rules = RuleSet.load(settings.rules)
    equipment = Equipment(
        settings,
        operations,
        rules,
        Model.load(settings.model),
        apart.load(settings.apart),
        RedisSnapshots(settings.redis, settings.prefix),
        Patience(
            settings.wait_s,
            {"kafka": settings.broker, "redis": shown(settings.redis), "ledger": settings.ledger},
        ),
        Logbook(operations, rules, Topics.of(settings).dead_letters),
    )
    metrics.expect_rules([*rules.ids, FOREST, ACTOR])
    metrics.INFO.labels(_version(), equipment.model.hash, equipment.rules.hash).set(1)
    return equipment


async def _sessions(equipment: Equipment, stop: asyncio.Event) -> None:
    """One after the other, until `stop`. A flaw that three starts do not mend is raised."""
    flaws: list[float] = []
    while not stop.is_set():
        try:
            await Session(equipment).run(stop)
        except ConfigError:
            raise
        except StoreAwayError as error:
            await _pause(equipment, "redis", error, stop)
        except (KafkaAwayError, KafkaError, OSError) as error:
            await _pause(equipment, "kafka", error, stop)
        except Fenced as error:
            log.warning("%s", error)
        except Exception as error:
            flaws = [at for at in flaws if time.monotonic() - at < FLAW_S] + [time.monotonic()]
            if len(flaws) == FLAWS:
                raise
            log.error("%s: %s; starting afresh", type(error).__name__, str(error)[:300])
            await asyncio.sleep(equipment.settings.wait_s)


async def _pause(equipment: Equipment, system: str, error: BaseException, stop: asyncio.Event) -> None:
    equipment.patience.away(system, error)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(equipment.settings.wait_s):
            await stop.wait()


def _version() -> str:
    try:
        return importlib.metadata.version("poolwatch")
    except importlib.metadata.PackageNotFoundError:
        return "source"
