"""Settings in; findings about broker, topics, Redis, model, rules out. Reads Kafka and Redis only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape

from models.errors import PoolwatchError
from models.model import DEFAULT, Model
from models.rules import RuleSet
from streams import ledger_files
from streams.atomic import atomic_path
from streams.partitions import partition_of
from streams.security import librdkafka_security
from streams.settings import Settings
from streams.topics import Described, Topics, describe

OK, WARN, FAIL = "ok", "warn", "fail"
COLOURS = {OK: "green", WARN: "yellow", FAIL: "red"}
SAMPLE_RECORDS = 1_000
SAMPLE_WAIT_S = 3.0
POLL_S = 0.1
OLDEST_REDIS = (6, 2)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. mend: what to do about it."""

    state: str
    what: str
    said: str
    mend: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, as they are made."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _kafka,
        _redis,
        _model,
        _rules,
        _ledger,
    )
    for check in checks:
        yield from check(settings)


def show(findings: Iterator[Finding]) -> bool:
    """Print each finding; False where one is a failure."""
    console, good = Console(highlight=False), True
    for finding in findings:
        colour = COLOURS[finding.state]
        mend = f"; {escape(finding.mend)}" if finding.mend else ""
        line = f"[{colour}]{finding.state:4}[/] {finding.what:9} {escape(finding.said)}{mend}"
        console.print(line, soft_wrap=True)
        good &= finding.state != FAIL
    return good


def _kafka(settings: Settings) -> Iterator[Finding]:
    try:
        there = {topic.name: topic.partitions for topic in describe(settings)}
    except PoolwatchError as error:
        yield Finding(FAIL, "broker", str(error))
        return
    yield Finding(OK, "broker", settings.broker)
    names = Topics.of(settings)
    for name in names:
        if there[name]:
            yield Finding(OK, "topic", f"{name}: {Described(name, there[name])}")
        else:
            yield Finding(FAIL, "topic", f"{name}: missing", "`poolwatch topics` creates it")
    events, sightings = there[names.events], there[names.sightings]
    if events and sightings and events != sightings:
        yield Finding(
            FAIL,
            "topic",
            f"{names.events} has {events} partitions, {names.sightings} {sightings}",
            "give both the same number",
        )
    if events:
        yield _keying(settings, names.events, events)


def _keying(settings: Settings, topic: str, partitions: int) -> Finding:
    """Whether the newest events have seller_id as key, and lie in the partition of that key."""
    sampled = keyed = placed = 0
    for partition, key, value in _newest(settings, topic, partitions):
        try:
            seller = msgspec.json.decode(value).get("seller_id")
        except (msgspec.DecodeError, AttributeError, UnicodeDecodeError):
            continue
        if not isinstance(seller, str):
            continue
        sampled += 1
        keyed += key == seller.encode()
        placed += partition == partition_of(seller.encode(), partitions)
    if not sampled:
        return Finding(WARN, "keying", f"{topic}: no event to look at yet")
    if keyed == sampled and placed == sampled:
        return Finding(OK, "keying", f"{topic}: key is seller_id in {sampled} of {sampled} events")
    if keyed == sampled:
        return Finding(
            WARN,
            "keying",
            f"{topic}: {sampled - placed} of {sampled} events are in another partition than their key's",
            "let every producer use murmur2 (librdkafka: partitioner=murmur2_random)",
        )
    return Finding(
        FAIL,
        "keying",
        f"{topic}: key is not seller_id in {sampled - keyed} of {sampled} events",
        "send each event with its seller_id as key, so that one partition sees all of a seller",
    )


def _newest(settings: Settings, topic: str, partitions: int) -> Iterator[tuple[int, bytes | None, bytes]]:
    """(partition, key, value) of the newest records."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": settings.name("poolwatch-doctor"),
            "log_level": 0,
        }
        | {"enable.auto.commit": False, "enable.partition.eof": True}
        | librdkafka_security(settings)
    )
    try:
        each = max(1, SAMPLE_RECORDS // partitions)
        places = []
        for p in range(partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=SAMPLE_WAIT_S)
            places.append(TopicPartition(topic, p, max(low, high - each)))
        consumer.assign(places)
        ended: set[int] = set()
        give_up = time.monotonic() + SAMPLE_WAIT_S
        while len(ended) < partitions and time.monotonic() < give_up:
            for message in consumer.consume(SAMPLE_RECORDS, timeout=POLL_S):
                if message.error():
                    ended.add(message.partition())
                else:
                    yield message.partition(), message.key(), message.value() or b""
    finally:
        consumer.close()


def _redis(settings: Settings) -> Iterator[Finding]:
    import redis

    try:
        client: Any = redis.Redis.from_url(settings.redis, socket_connect_timeout=5, socket_timeout=5)
        server, persistence = client.info("server"), client.info("persistence")
        policy = client.info("memory").get("maxmemory_policy", "noeviction")
    except (redis.RedisError, OSError, ValueError) as error:
        yield Finding(
            FAIL, "redis", f"{settings.redis.rpartition('@')[2]}: {error}", "start it or give --redis"
        )
        return
    version = str(server["redis_version"])
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if numbers < OLDEST_REDIS:
        yield Finding(FAIL, "redis", f"version {version}", "poolwatch needs 6.2 or later")
    else:
        yield Finding(OK, "redis", f"version {version}")
    if persistence.get("aof_enabled"):
        yield Finding(OK, "redis", "append-only file is on")
    else:
        yield Finding(
            WARN,
            "redis",
            "append-only file is off: a restart of Redis loses snapshots",
            "set `appendonly yes`",
        )
    if policy == "noeviction":
        yield Finding(OK, "redis", "evicts nothing")
    else:
        yield Finding(
            FAIL,
            "redis",
            f"maxmemory-policy is {policy}: state may vanish",
            "set `maxmemory-policy noeviction`",
        )


def _model(settings: Settings) -> Iterator[Finding]:
    try:
        model = Model.load(settings.model or None)
    except PoolwatchError as error:
        yield Finding(FAIL, "model", str(error))
        return
    yield Finding(OK, "model", f"{settings.model or DEFAULT.name}: {model.hash}")


def _rules(settings: Settings) -> Iterator[Finding]:
    try:
        rules = RuleSet.load(settings.rules or None)
    except PoolwatchError as error:
        yield Finding(FAIL, "rules", str(error))
        return
    where = Path(settings.rules).name if settings.rules else "shipped"
    yield Finding(OK, "rules", f"{where}: {len(rules.rules)} thresholds, {rules.hash}")


def _ledger(settings: Settings) -> Iterator[Finding]:
    if not settings.ledger:
        return
    try:
        Path(settings.ledger).mkdir(parents=True, exist_ok=True)
        with atomic_path(str(Path(settings.ledger, "doctor"))) as path:
            Path(path).write_text("")
        Path(settings.ledger, "doctor").unlink()
    except (OSError, PoolwatchError) as error:
        yield Finding(FAIL, "ledger", str(error), "give a folder that the workers may write to")
        return
    days = {day for day, _ in ledger_files.files(settings.ledger)}
    said = f"{len(days):,} days, {min(days)} to {max(days)}" if days else "no day yet"
    yield Finding(OK, "ledger", f"{settings.ledger}: {said}")
