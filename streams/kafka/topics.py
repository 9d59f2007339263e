"""Settings -> topics in Kafka: names, creation, description, more partitions. Touches Kafka only."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kafka.admin import KafkaAdminClient, NewPartitions, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from models.errors import ConfigError, PoolwatchError
from models.minutes import HOUR_MS
from streams.kafka.refusal import refused
from streams.kafka.security import client_security
from streams.settings import Settings

ADMIN_TIMEOUT_MS = 6_000


@dataclass(frozen=True, slots=True)
class Topics:
    """The names, prefix included."""

    events: str
    sightings: str
    links: str
    dead_letters: str
    alerts: str

    @classmethod
    def of(cls, settings: Settings) -> Topics:
        return cls(
            settings.name("usage-events"),
            settings.name("sightings"),
            settings.name("links"),
            settings.name("usage-events-dlq"),
            settings.name("alerts"),
        )

    def __iter__(self) -> Iterator[str]:
        return iter((self.events, self.sightings, self.links, self.dead_letters, self.alerts))


@dataclass(frozen=True, slots=True)
class Described:
    """A topic as it is in Kafka; partitions 0 = it is not there."""

    name: str
    partitions: int

    def __str__(self) -> str:
        if not self.partitions:
            return "missing"
        return f"{self.partitions} partitions" if self.partitions > 1 else "1 partition"


@contextlib.contextmanager
def admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    """kafka-python's administration client. PoolwatchError: no broker there, or it refuses."""
    try:
        client = KafkaAdminClient(
            bootstrap_servers=settings.bootstrap.split(","),
            client_id="poolwatch-admin",
            request_timeout_ms=ADMIN_TIMEOUT_MS,
            bootstrap_timeout_ms=ADMIN_TIMEOUT_MS,
            **client_security(settings),
        )
    except (KafkaError, ValueError, OSError) as error:
        raise refused(settings) or PoolwatchError(
            f"{settings.broker}: no Kafka answers ({type(error).__name__}); start it or give --broker"
        ) from error
    try:
        yield client
    except KafkaError as error:
        raise PoolwatchError(f"{settings.broker}: {type(error).__name__}: {error}") from error
    finally:
        client.close()


def _wanted(settings: Settings) -> list[NewTopic]:
    topics = Topics.of(settings)
    retention = str(settings.retention_h * HOUR_MS)
    common = {"compression.type": settings.compression}
    plan = {
        topics.events: {"retention.ms": retention},
        topics.sightings: {"retention.ms": retention},
        topics.links: {"retention.ms": retention},
        topics.dead_letters: {"retention.ms": retention},
        topics.alerts: {"retention.ms": str(settings.alerts_retention_h * HOUR_MS)},
    }
    return [
        NewTopic(
            name,
            1 if name == topics.links else settings.partitions,  # what is said of the whole market, in order
            settings.replication,
            topic_configs={**common, **own},
        )
        for name, own in plan.items()
    ]


def ensure(settings: Settings) -> list[Described]:
    """Create the topics that are missing; those that exist stay as they are. Returns all, as they are now."""
    with admin(settings) as client:
        there = {topic.name for topic in _describe(client, settings) if topic.partitions}
        for topic in _wanted(settings):
            if topic.name not in there:
                # Two workers may start at once: the other one's topic is as good.
                with contextlib.suppress(TopicAlreadyExistsError):
                    client.create_topics([topic])
        return _settled(client, settings, lambda now: all(topic.partitions for topic in now))


def other_than_asked(there: list[Described], settings: Settings) -> str:
    """What to say where existing topics have another number of partitions than asked for; "" where none."""
    topics, asked = Topics.of(settings), settings.partitions
    now = {topic.name: topic.partitions for topic in there}
    for name in (topics.events, topics.sightings):
        if 0 < now[name] < asked:
            more = "--raise gives it more, with the workers stopped (docs/operations.md)"
            return f"{name} keeps its {now[name]} partitions, not {asked}; {more}"
        if now[name] > asked:
            return f"{name} keeps its {now[name]} partitions, not {asked}; Kafka takes none away"
    return ""


def describe(settings: Settings) -> list[Described]:
    """Our topics as they are in Kafka."""
    with admin(settings) as client:
        return _describe(client, settings)


def _settled(
    client: KafkaAdminClient, settings: Settings, done: Callable[[list[Described]], bool]
) -> list[Described]:
    """Describe until the broker's metadata shows what was just changed, 10 s at most."""
    for _ in range(100):
        now = _describe(client, settings)
        if done(now):
            break
        time.sleep(0.1)
    return now


def _describe(client: KafkaAdminClient, settings: Settings) -> list[Described]:
    found = {
        entry["name"]: len(entry["partitions"]) for entry in client.describe_topics(list(Topics.of(settings)))
    }
    return [Described(name, found.get(name, 0)) for name in Topics.of(settings)]


def raise_partitions(settings: Settings, partitions: int) -> None:
    """Give usage-events and sightings more partitions. Workers must be stopped: keys change their partition,
    so the state is made anew from the history (docs/operations.md).

    ConfigError: no such topic, or fewer than there are.
    """
    topics = Topics.of(settings)
    with admin(settings) as client:
        there = {topic.name: topic.partitions for topic in _describe(client, settings)}
        for name in (topics.events, topics.sightings):
            now = there[name]
            if not now:
                raise ConfigError(f"{name}: no such topic; run `poolwatch topics` first")
            if partitions < now:
                raise ConfigError(
                    f"{name}: has {now} partitions, and Kafka takes none away; give {now} or more"
                )
        grow = {
            n: NewPartitions(partitions) for n in (topics.events, topics.sightings) if there[n] < partitions
        }
        if grow:
            client.create_partitions(grow)
            _settled(
                client, settings, lambda now: all(t.partitions >= partitions for t in now if t.name in grow)
            )
