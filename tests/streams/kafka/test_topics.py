"""Topics on a real Kafka: made as the settings say, left alone when there, raised and never lowered."""

import pytest

from models.errors import ConfigError, PoolwatchError
from streams.kafka import topics
from streams.settings import Settings

pytestmark = pytest.mark.kafka


def test_made_once_described_and_raised(kafka_url, prefix):
    settings = Settings(broker=kafka_url, prefix=prefix, partitions=3, retention_h=5)
    assert all(topic.partitions == 0 for topic in topics.describe(settings))
    with pytest.raises(ConfigError, match="no such topic"):
        topics.raise_partitions(settings, 4)
    made = {t.name: t.partitions for t in topics.ensure(settings)}
    names = ("usage-events", "sightings", "links", "usage-events-dlq", "alerts")
    assert made == {f"{prefix}.{name}": 1 if name == "links" else 3 for name in names}
    again = topics.ensure(Settings(broker=kafka_url, prefix=prefix, partitions=9))
    assert [t.partitions for t in again] == [3, 3, 1, 3, 3]
    topics.raise_partitions(settings, 5)
    assert [t.partitions for t in topics.describe(settings)] == [5, 5, 1, 3, 3]
    with pytest.raises(ConfigError, match="takes none away"):
        topics.raise_partitions(settings, 4)


def test_retention_and_compression_are_set(kafka_url, prefix):
    from confluent_kafka.admin import AdminClient, ConfigResource

    settings = Settings(broker=kafka_url, prefix=prefix, partitions=1, retention_h=5, compression="zstd")
    topics.ensure(settings)
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    resource = ConfigResource(ConfigResource.Type.TOPIC, f"{prefix}.usage-events")
    found = admin.describe_configs([resource])[resource].result(20)
    assert (found["retention.ms"].value, found["compression.type"].value) == (str(5 * 3_600_000), "zstd")


def test_no_broker_is_one_clear_line():
    with pytest.raises(PoolwatchError, match="no Kafka answers"):
        topics.describe(Settings(broker="kafka://127.0.0.1:1"))
