"""A topic's range on a real Kafka: all of it, or one clear line."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from models.errors import PoolwatchError
from streams.inputs.inputs import Input
from streams.inputs.kafka_range import messages, partitions_of

pytestmark = pytest.mark.kafka
RECORDS = 100


@pytest.fixture
def topic(kafka_url, prefix):
    """A topic of one partition and 100 records, and an admin client of its Kafka."""
    address = {"bootstrap.servers": kafka_url.removeprefix("kafka://")}
    admin = AdminClient(address)
    admin.create_topics([NewTopic(prefix, 1, 1)])[prefix].result(30)
    producer = Producer(address)
    for i in range(RECORDS):
        producer.produce(prefix, str(i).encode())
    assert not producer.flush(30)
    return Input(f"{kafka_url}/{prefix}", "kafka"), admin


def test_a_range_is_read_whole_and_ends(topic):
    (item,) = partitions_of(topic[0])
    blocks = list(messages(item, 30))
    assert [offset for _, offsets in blocks for offset in offsets] == list(range(RECORDS))
    assert blocks[0][0][:2] == [b"0", b"1"]


def test_records_deleted_before_they_were_read_are_told_not_passed_over(topic):
    (item,) = partitions_of(topic[0])
    topic[1].delete_records([TopicPartition(item.topic, 0, 60)])[TopicPartition(item.topic, 0)].result(30)
    with pytest.raises(PoolwatchError, match="partition 0, offset 0: deleted before it was read"):
        list(messages(item, 30))
    (left,) = partitions_of(topic[0])
    assert [offset for _, offsets in messages(left, 99) for offset in offsets] == list(range(60, RECORDS))
