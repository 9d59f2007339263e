"""Topics of a test's own on real servers, workers on them, and what those tell."""

import contextlib
import json
import signal
import time

import pytest
import redis

from streams.redis.feed import FeedKeys
from streams.settings import Settings
from tests.e2e.chaos import difference, read_all
from tests.e2e.command import poolwatch, start

LIMIT_S = 240


def done(*arguments, **more):
    """Standard output of a command that must succeed."""
    told = poolwatch(*arguments, timeout=LIMIT_S, **more)
    assert told.returncode == 0, told.stderr
    return told.stdout


def alerts_of(path):
    """{id: alert without its evidence}"""
    alerts = [json.loads(line) for line in path.read_text().splitlines()]
    return {a["alert_id"]: {f: v for f, v in a.items() if f != "evidence"} for a in alerts}


class Live:
    """Topics of our own, and what workers make of the events in them."""

    def __init__(self, broker, redis, prefix, partitions):
        self.topic = f"{broker}/{prefix}.usage-events"
        self.settings = Settings(broker=broker, redis=redis, prefix=prefix)
        self.prefix, self.broker, self.redis = ["--prefix", prefix], ["--broker", broker], ["--redis", redis]
        done("topics", *self.broker, *self.prefix, "--partitions", str(partitions))

    @contextlib.contextmanager
    def worker(self, *more, idle_s=3):
        """One runs meanwhile; it ends in order when asked to."""
        process = start("worker", *self.broker, *self.redis, *self.prefix, "--idle-s", str(idle_s), *more)
        try:
            yield
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
            assert process.returncode == 0, said
            assert "Traceback" not in said
            assert "WARNING" not in said
        finally:
            process.kill()

    def alerts(self):
        """Last version of each alert in the topic, without evidence; those that do not stand are left out."""
        last = {}
        for records in read_all(self.settings, self.settings.name("alerts")).values():
            for _, key, value in records:
                alert = json.loads(value)
                assert key.decode() == alert["alert_id"]
                assert {place["topic"] for place in alert.pop("evidence")} == {
                    self.settings.name("usage-events")
                }
                if alert["version"] >= last.get(alert["alert_id"], alert)["version"]:
                    last[alert["alert_id"]] = alert
        return {i: alert for i, alert in last.items() if not alert["superseded_by"]}

    def must_have_told(self, count):
        """Wait until there are that many alerts."""
        until(lambda: len(self.alerts()) >= count, lambda: f"{len(self.alerts())} alerts")

    def must_tell(self, wanted):
        """Wait until the topic's alerts are these."""
        until(lambda: self.alerts() == wanted, lambda: difference(self.alerts(), wanted))

    def must_feed(self, wanted):
        """Wait until the feed, written after the topic, has these versions of the alerts that stand."""
        until(lambda: self.fed() == wanted, self.fed)

    def fed(self):
        """{id: last version}"""
        with redis.Redis.from_url(self.settings.redis) as client:
            last = client.hgetall(FeedKeys(self.settings.prefix).latest)
        alerts = map(json.loads, last.values())
        return {a["alert_id"]: a["version"] for a in alerts if not a["superseded_by"]}


def until(ready, told):
    """Wait until `ready()`; after LIMIT_S fail with what `told()` says."""
    end = time.monotonic() + LIMIT_S
    while not ready():
        if time.monotonic() > end:
            pytest.fail(str(told()))
        time.sleep(0.5)
