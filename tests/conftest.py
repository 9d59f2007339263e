"""Servers for the tests: real ones, started once a run, on loopback. Under CI=true a missing one fails."""

import os
import uuid

import pytest

from models.errors import PoolwatchError
from models.warm import drop_stale
from streams.brokers.jar_kafka import JarKafka
from streams.brokers.mock_kafka import EmbeddedKafka
from streams.brokers.own_redis import EmbeddedRedis
from tests.missing import missing

# numba does not see that a part of a compiled function has changed in another file.
drop_stale()


def _start(server, what):
    """Enter `server`; where it can not start: skip and say why, but fail where nothing may be skipped."""
    try:
        return server.__enter__()
    except PoolwatchError as error:
        missing(f"{what} is missing: {error}")


@pytest.fixture(scope="session")
def redis_server():
    """One Redis for the whole run."""
    server = EmbeddedRedis()
    yield _start(server, "a redis-server")
    server.__exit__(None, None, None)


@pytest.fixture
def redis_url(redis_server):
    """Its address, emptied for each test."""
    import redis

    client = redis.Redis.from_url(redis_server.url)
    client.flushall()
    client.close()
    return redis_server.url


@pytest.fixture(scope="session")
def kafka_url():
    """A real Apache Kafka: KAFKA_BOOTSTRAP, else the jars. Shared: use a prefix of your own (`prefix`)."""
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        yield f"kafka://{given}"
        return
    server = JarKafka()
    yield _start(server, "Apache Kafka").url
    server.__exit__(None, None, None)


@pytest.fixture
def prefix():
    """A prefix that no other test uses."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def embedded_kafka():
    """librdkafka's mock cluster with the product's topics, 4 partitions each; of links, one."""
    topics = dict.fromkeys(("usage-events", "sightings", "usage-events-dlq", "alerts"), 4)
    with EmbeddedKafka(topics | {"links": 1}) as server:
        yield server
