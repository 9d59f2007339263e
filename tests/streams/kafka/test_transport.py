"""The batching transport on librdkafka's mock cluster: all once and in order, from where it is told."""

import asyncio

import faust
import pytest
from confluent_kafka import Producer
from faust.types import TP

from streams.kafka import topics
from streams.kafka.transport import Transport
from streams.settings import Settings
from streams.worker.faust_app import Batches

PARTITIONS = 4
RECORDS = 500
POLL_RECORDS = 37


@pytest.fixture
def filled(embedded_kafka):
    producer = Producer({"bootstrap.servers": embedded_kafka.bootstrap})
    for number in range(RECORDS):
        for partition in range(PARTITIONS):
            producer.produce("usage-events", b"%d" % number, partition=partition)
    producer.flush()
    return embedded_kafka


def app_of(url, group, topic):
    app = faust.App(
        group,
        broker=url,
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=POLL_RECORDS,
        broker_commit_interval=0.2,
    )
    transport = Transport(app.conf.broker_consumer, app)
    transport.batched_topics = frozenset({topic})
    app.transport = transport
    return app, transport


async def run(url, group, start, handle, until, committed=None, limit_s=120, topic="usage-events"):
    """An app that starts at `start` and gives each batch to `handle(app, batch)` until `until()`, and until
    the group has committed what is wanted."""
    app, transport = app_of(url, group, topic)
    moved = {}

    async def locate(assigned):
        return {tp: start.get(tp.partition) for tp in assigned}

    transport.locate, transport.moved = locate, moved.update

    @app.agent(app.topic(topic, value_type=bytes, value_serializer="raw", schema=Batches()))
    async def agent(stream):
        async for event in stream.noack().events():
            await handle(app, event.value, moved)
            event.ack()

    await app.start()
    try:
        async with asyncio.timeout(limit_s):
            while not until():
                await asyncio.sleep(0.05)
            thread = app.consumer._thread
            while committed and await thread.call_thread(_committed, thread._consumer) != committed:
                await asyncio.sleep(0.05)
    finally:
        await app.stop()


async def _committed(consumer):
    return {p: await consumer.committed(TP("usage-events", p)) for p in range(PARTITIONS)}


@pytest.mark.slow
def test_all_once_in_order_from_where_the_snapshots_say(filled):
    # partition   0          1       2      3
    # from        0 (none)   100     499    499
    # reads       0..499     100..   499    499
    start, seen = {1: 100, 2: 499, 3: 499}, {p: [] for p in range(PARTITIONS)}
    batches = []

    async def handle(_app, batch, _moved):
        batches.append(batch)
        seen[batch.partition] += batch.offsets

    def read():
        return all(s and s[-1] == RECORDS - 1 for s in seen.values())

    asyncio.run(
        run(filled.url, "once", start, handle, read, committed=dict.fromkeys(range(PARTITIONS), RECORDS))
    )
    assert seen == {p: list(range(start.get(p, 0), RECORDS)) for p in range(PARTITIONS)}
    assert all(batch.values == [b"%d" % o for o in batch.offsets] for batch in batches)
    assert all(0 < len(batch.values) <= POLL_RECORDS for batch in batches)
    for p in range(PARTITIONS):
        mine = [batch for batch in batches if batch.partition == p]
        assert [b.begin for b in mine] == [start.get(p, 0), *(b.next for b in mine[:-1])]


def test_a_move_back_is_recognised_and_read_again(filled):
    """In the midst of partition 0 the agent moves to 50: what was queued before carries the old stamp."""
    applied, stale = [], []
    state = {"moves": 0}

    async def handle(app, batch, moved):
        if batch.partition:
            return
        _, seek = moved[TP("usage-events", 0)]
        if batch.seek != seek:
            stale.append(batch)
            return
        applied.append((batch.seek, batch.offsets))
        if batch.next > 200 and not state["moves"]:
            state["moves"] = 1
            await app.consumer.move({TP("usage-events", 0): 50})

    asyncio.run(run(filled.url, "back", {}, handle, lambda: applied and applied[-1][1][-1] == RECORDS - 1))
    last = max(seek for seek, _ in applied)
    after = [offset for seek, offsets in applied if seek == last for offset in offsets]
    before = [offset for seek, offsets in applied if seek < last for offset in offsets]
    assert before == list(range(before[-1] + 1))
    assert before[-1] >= 200
    assert after == list(range(50, RECORDS))


@pytest.mark.kafka
def test_the_end_of_a_transaction_moves_the_position(kafka_url, prefix):
    # offset    0  1  2  3 (marker)
    # batches   [-----]  []          or else the source would never be read to its end
    settings = Settings(broker=kafka_url, prefix=prefix, partitions=1)
    topic = topics.Topics.of(settings).events
    topics.ensure(settings)
    producer = Producer({"bootstrap.servers": settings.bootstrap, "transactional.id": prefix})
    producer.init_transactions()
    producer.begin_transaction()
    for number in range(3):
        producer.produce(topic, b"%d" % number)
    producer.flush()
    batches = []

    async def handle(_app, batch, _moved):
        batches.append(batch)
        if batch.next == 3:
            await asyncio.to_thread(producer.commit_transaction)

    asyncio.run(
        run(kafka_url, prefix, {}, handle, lambda: batches and batches[-1].next == 4, None, 30, topic)
    )
    assert [offset for batch in batches for offset in batch.offsets] == [0, 1, 2]
    assert [batch.begin for batch in batches] == [0, *(batch.next for batch in batches[:-1])]
    assert (batches[-1].begin, batches[-1].values) == (3, [])
