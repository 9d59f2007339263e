"""Alerts on their way out to a real broker and Redis: each is counted once, whoever tells it."""

import asyncio

import msgspec
import pytest

from models.alerts.alerts import Alert
from streams.agents.deliver import Deliver
from streams.kafka.outbox import Outbox
from streams.kafka.topics import Topics
from streams.settings import Settings
from streams.telemetry import metrics
from streams.telemetry.patience import Patience
from tests.streams import sample

pytestmark = pytest.mark.redis


def counted():
    """(alerts, alerts of the rule, versions) so far."""
    values = {(s.name, *s.labels.values()): s.value for m in metrics.REGISTRY.collect() for s in m.samples}
    wanted = (
        ("poolwatch_alerts_total", "developer", "high"),
        ("poolwatch_alert_rules_total", "reads_without_need", "high"),
        ("poolwatch_alert_versions_total", "high"),
    )
    return [int(values.get(key, 0)) for key in wanted]


def test_an_alert_is_counted_when_it_is_first_told(embedded_kafka, redis_url):
    # worker    a      a     b (or a again)
    # version   2, 3   3     4               of an alert that might have been told early, and was not
    # counted   1      -     -
    settings = Settings(broker=embedded_kafka.url, redis=redis_url)

    async def tell(*versions):
        outbox = Outbox(settings)
        await outbox.start()
        deliver = Deliver(outbox, Topics.of(settings), settings, Patience(1.0, {}))
        for some in versions:
            alerts = [msgspec.convert(sample.alert(0, version), Alert) for version in some]
            await asyncio.gather(*await deliver(alerts))
        await deliver.close()
        await outbox.stop()

    before = counted()
    asyncio.run(tell([2, 3], [3]))
    asyncio.run(tell([4]))
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1, 4]
