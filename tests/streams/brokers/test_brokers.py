"""A Kafka and a Redis to try things with: they answer, and end with the command."""

import re
import signal
import subprocess
import sys

import pytest
import redis
from confluent_kafka.admin import AdminClient

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def test_both_run_until_they_are_ended(kafka_url):
    assert kafka_url  # where there is none, this has skipped or failed
    command = [sys.executable, "-m", "streams.brokers"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tried:
        try:
            said = tried.stdout.readline()
            found = re.fullmatch(r"export POOLWATCH_BROKER=kafka://(\S+) POOLWATCH_REDIS=(\S+)\n", said)
            assert found, said
            assert AdminClient({"bootstrap.servers": found[1]}).list_topics(timeout=20).brokers
            client = redis.Redis.from_url(found[2])
            assert client.ping()
            tried.send_signal(signal.SIGINT)
            assert tried.wait(60) == 0
            with pytest.raises(redis.ConnectionError):
                client.ping()
        finally:
            tried.kill()
