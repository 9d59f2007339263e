"""Settings in; findings about broker, topics, Redis, model, rules, ledger out. Reads Kafka and Redis; touches
the ledger's folder: makes it, and a file there that it deletes."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import KafkaException
from rich.console import Console
from rich.markup import escape

from models.decode.decode import Decoder
from models.errors import PoolwatchError
from models.events import Events
from models.operations import Operations
from models.scoring.missing import Came, needing, switched_off
from models.scoring.model import DEFAULT, Model
from models.scoring.rules import RuleSet
from streams.files import ledger as ledger_files
from streams.files.atomic import atomic_path
from streams.inputs.adapters import NOT_JSON
from streams.kafka.partitions import partition_of
from streams.kafka.sample import Record, newest
from streams.kafka.topics import Described, Topics, describe
from streams.settings import REDIS_FORM, Settings, shown

OK, WARN, FAIL = "ok", "warn", "fail"
COLOURS = {OK: "green", WARN: "yellow", FAIL: "red"}
FEWEST_EVENTS = 100  # to tell of a field that it does not come
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
        try:
            sample = list(newest(settings, names.events, events))
        except KafkaException as error:
            said = f"{names.events}: cannot be read ({error.args[0].str()})"
            yield Finding(FAIL, "events", said, "give this user the right to read, every partition a leader")
            return
        yield _keying(sample, names.events, events)
        yield from _content(settings, names.events, [value for _, _, value in sample])


def _keying(sample: Sequence[Record], topic: str, partitions: int) -> Finding:
    """Whether the newest events have seller_id as key, and lie in the partition of that key."""
    sampled = keyed = placed = 0
    for partition, key, value in sample:
        try:
            seller = msgspec.json.decode(value).get("seller_id")
        except (*NOT_JSON, AttributeError):
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


def _content(settings: Settings, topic: str, values: list[bytes]) -> Iterator[Finding]:
    """Whether the newest records are usage events, and what they lack."""
    if not values:
        return
    try:
        operations = Operations.load(settings.operations)
    except PoolwatchError as error:
        yield Finding(FAIL, "events", str(error))
        return
    events, rejected = Decoder(operations).records(values, range(len(values)))
    if rejected:
        reason, _ = Counter(record.reason for record in rejected).most_common(1)[0]
        said = f"{topic}: {len(rejected)} of {len(values)} are rejected, most often: {reason}"
        yield Finding(WARN, "events", said, "mend the producer (docs/inputs.md)")
    if len(events) < FEWEST_EVENTS:
        return
    lacking = list(_lacking(settings, operations, events))
    for said in lacking:
        yield Finding(WARN, "events", f"{topic}: in {len(events)} events {said}")
    if not (rejected or lacking):
        yield Finding(OK, "events", f"{topic}: nothing is lacking in {len(events)} events")


def _lacking(settings: Settings, operations: Operations, events: Events) -> Iterator[str]:
    came = Came(operations)
    came.add(events)
    with contextlib.suppress(PoolwatchError):  # `_rules` tells it
        rules = RuleSet.load(settings.rules)
        if said := switched_off(needing(came.missing), came.missing, rules).said():
            yield said
    if said := came.unlisted().said():
        yield said


def _redis(settings: Settings) -> Iterator[Finding]:
    import redis

    try:
        client: Any = redis.Redis.from_url(settings.redis, socket_connect_timeout=5, socket_timeout=5)
        server, persistence = client.info("server"), client.info("persistence")
        policy = client.info("memory").get("maxmemory_policy", "noeviction")
        cluster = client.info("cluster").get("cluster_enabled")
    except ValueError:
        yield Finding(FAIL, "redis", shown(settings.redis), REDIS_FORM)
        return
    except (redis.RedisError, OSError) as error:
        yield Finding(FAIL, "redis", f"{shown(settings.redis)}: {error}", "start it or give --redis")
        return
    version = str(server["redis_version"])
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if numbers < OLDEST_REDIS:
        yield Finding(FAIL, "redis", f"version {version}", "poolwatch needs 6.2 or later")
    else:
        yield Finding(OK, "redis", f"version {version}")
    if cluster:
        yield Finding(
            FAIL, "redis", "is a Redis Cluster: poolwatch talks to one server", "give one that is no cluster"
        )
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
        model = Model.load(settings.model)
    except PoolwatchError as error:
        yield Finding(FAIL, "model", str(error))
        return
    yield Finding(OK, "model", f"{settings.model or DEFAULT.name}: {model.hash}")


def _rules(settings: Settings) -> Iterator[Finding]:
    try:
        rules = RuleSet.load(settings.rules)
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
