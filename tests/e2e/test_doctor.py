"""topics and doctor on real servers: what is there, what is wrong, how to mend it; a line for each thing."""

import json

import pytest
import redis

from streams.brokers.children import free_port, kill, spawn, wait_until
from streams.brokers.own_redis import redis_server
from streams.kafka.producer import FastProducer
from streams.settings import Settings
from tests.e2e.command import poolwatch

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


@pytest.fixture
def doctor(kafka_url, redis_url, prefix):
    """The doctor's exit code and lines, by default of these servers."""

    def ask(**other):
        given = {"broker": kafka_url, "redis": redis_url, "prefix": prefix} | other
        told = poolwatch("doctor", *(part for name, value in given.items() for part in (f"--{name}", value)))
        assert told.stderr == ""
        return told.returncode, told.stdout.splitlines()

    return ask


@pytest.fixture
def topics(kafka_url, prefix):
    """Make poolwatch's topics, two partitions each."""

    def make(*more):
        return poolwatch("topics", "--broker", kafka_url, "--prefix", prefix, "--partitions", "2", *more)

    return make


def failures(lines):
    return [line for line in lines if line.startswith("fail")]


def send(kafka_url, prefix, pairs):
    settings = Settings(broker=kafka_url)
    with FastProducer(settings, f"{prefix}.usage-events") as producer:
        producer.send(pairs)


WHOLE = {
    "time": 1_700_000_000_000, "developer_id": "d", "key_id": "k", "operation": "getOrders", "status": 200,
    "records": 1, "bytes": 9, "pii": ["name"], "orders": ["o"], "customers": ["c"], "source_ip": "192.0.2.7",
}  # fmt: skip


def events(count, **changes):
    """(right key, event)"""
    for number in range(count):
        seller = f"seller{number % 7}"
        event = WHOLE | {"seller_id": seller, "event_id": str(number)} | changes
        yield seller.encode(), json.dumps(event).encode()


def test_topics_are_shown_made_and_left_alone(topics, prefix):
    names = [
        f"{prefix}.{name}" for name in ("usage-events", "sightings", "links", "usage-events-dlq", "alerts")
    ]
    shown, made, again = topics("--show"), topics(), topics("--partitions", "4")
    assert [line.split() for line in shown.stdout.splitlines()] == [[name, "missing"] for name in names]
    there = [
        [name, *(("1", "partition") if name.endswith("links") else ("2", "partitions"))] for name in names
    ]
    assert [line.split() for line in made.stdout.splitlines()] == there
    assert [line.split() for line in again.stdout.splitlines()] == there, "what exists stays as it is"
    assert {told.returncode for told in (shown, made, again)} == {0}
    assert (shown.stderr, made.stderr) == ("", "")
    (said,) = again.stderr.splitlines()
    assert said.startswith(f"poolwatch: {names[0]} keeps its 2 partitions, not 4; --raise gives it more")
    assert topics("--partitions", "1").stderr.endswith(
        "keeps its 2 partitions, not 1; Kafka takes none away\n"
    )


def test_a_healthy_system(doctor, topics, kafka_url, prefix):
    topics()
    code, lines = doctor()
    assert code == 0
    assert [line for line in lines if not line.startswith("ok")] == [
        f"warn keying    {prefix}.usage-events: no event to look at yet"
    ]
    send(kafka_url, prefix, events(100))
    code, lines = doctor()
    assert code == 0
    assert f"ok   keying    {prefix}.usage-events: key is seller_id in 100 of 100 events" in lines
    assert f"ok   events    {prefix}.usage-events: nothing is lacking in 100 events" in lines
    assert all(line.startswith("ok ") for line in lines)


def test_what_events_lack(doctor, topics, kafka_url, prefix):
    topics()
    send(kafka_url, prefix, events(150, orders=None, operation="GET /x/getOrders"))
    send(kafka_url, prefix, events(5, status=9))
    code, lines = doctor()
    assert code == 0
    rejected, off, unlisted = [line for line in lines if line.startswith("warn events")]
    topic = f"warn events    {prefix}.usage-events: "
    assert rejected.startswith(
        f"{topic}5 of 155 are rejected, most often: status must be an integer 100-599; "
    )
    assert off.startswith(f"{topic}in 150 events orders never came, which switches off ")
    assert unlisted.startswith(f"{topic}in 150 events 150 of 150 calls are of operations that no table lists")


def test_each_missing_topic_has_a_line(doctor, prefix):
    code, lines = doctor()
    assert code == 1
    assert failures(lines) == [
        f"fail topic     {prefix}.{name}: missing; `poolwatch topics` creates it"
        for name in ("usage-events", "sightings", "links", "usage-events-dlq", "alerts")
    ]


def test_events_with_a_wrong_key(doctor, topics, kafka_url, prefix):
    topics()
    send(kafka_url, prefix, [*events(10), *((b"other", value) for _, value in events(5))])
    code, lines = doctor()
    assert code == 1
    (line,) = failures(lines)
    assert line.startswith(
        f"fail keying    {prefix}.usage-events: key is not seller_id in 5 of 15 events; send"
    )


def test_redis_that_forgets(doctor, topics, redis_url):
    topics()
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("appendonly", "no")
        try:
            code, lines = doctor()
        finally:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("appendonly", "yes")
    assert code == 1
    assert failures(lines) == [
        "fail redis     maxmemory-policy is allkeys-lru: state may vanish; set `maxmemory-policy noeviction`"
    ]
    assert any(line.startswith("warn redis     append-only file is off") for line in lines)


def test_a_redis_cluster_is_refused(doctor, topics, tmp_path):
    topics()
    port = next(p for p in iter(free_port, None) if p < 55_536)  # a node takes this one + 10,000 too
    log = tmp_path / "log"
    flags = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path), "--appendonly", "yes"]
    node = spawn([redis_server(), *flags, "--cluster-enabled", "yes"], log)
    try:
        wait_until(lambda: "Ready to accept" in log.read_text(), node, "Redis", log, limit_s=30)
        code, lines = doctor(redis=f"redis://127.0.0.1:{port}/0")
    finally:
        kill(node)
    assert code == 1
    assert failures(lines) == [
        "fail redis     is a Redis Cluster: poolwatch talks to one server; give one that is no cluster"
    ]


def test_nobody_answers(doctor):
    nowhere = f"127.0.0.1:{free_port()}"
    code, lines = doctor(
        broker=f"kafka://{nowhere}", redis=f"redis://:secret@{nowhere}/0", model="none.model"
    )
    assert code == 1
    broker, store, model = failures(lines)
    assert broker.startswith(f"fail broker    kafka://{nowhere}: no Kafka answers")
    assert broker.endswith("start it or give --broker")
    assert store.startswith(f"fail redis     redis://{nowhere}/0: ")
    assert store.endswith("start it or give --redis")
    assert model.startswith("fail model     none.model")
    assert "secret" not in "".join(lines)
