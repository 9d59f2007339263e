"""The installed commands on real Kafka and Redis: live detection ends as a replay of the same events does."""

import contextlib
import json
import subprocess
import time
import urllib.request

import pytest
from confluent_kafka import Consumer, TopicPartition

from streams.brokers.children import free_port
from streams.kafka.topics import describe
from streams.settings import Settings, bootstrap_of
from tests.e2e.command import poolwatch, start
from tests.e2e.live import LIMIT_S, Live, alerts_of, done

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

MARKET = ["--scenario", "amzreview", "--seed", "3", "--hours", "42", "--sellers", "150", "--developers", "40"]
#: After the first alert and before the others, in the midst of a minute.
HANDOVER = "2026-03-02T16:30:31Z"
PARTITIONS = "4"


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Folder with a market's events, and the alerts of their replay."""
    folder = tmp_path_factory.mktemp("market")
    done("simulate", *MARKET, "--out", folder / "events.parquet")
    done("replay", folder / "events.parquet", "--partitions", PARTITIONS, "--alerts", folder / "alerts.jsonl")
    assert len(alerts_of(folder / "alerts.jsonl")) > 2, "the market must raise alerts, or nothing is shown"
    return folder


@pytest.fixture
def live(kafka_url, redis_url, prefix):
    return Live(kafka_url, redis_url, prefix, PARTITIONS)


def test_live_ends_as_the_replay_and_feed_and_page_tell_it(live, history):
    wanted = alerts_of(history / "alerts.jsonl")
    done("simulate", *MARKET, "--out", live.topic)
    with live.worker():
        live.must_tell(wanted)
        live.must_feed({i: alert["version"] for i, alert in wanted.items()})
        lines = done("feed", *live.redis, *live.prefix, "--from", "0", "--once", "--json").splitlines()
        assert {alert["alert_id"] for alert in map(json.loads, lines)} >= wanted.keys()
        with page(live) as url:
            for alert_id, alert in wanted.items():
                with urllib.request.urlopen(f"{url}/api/alerts/{alert_id}", timeout=20) as answer:
                    told = json.load(answer)
                assert {field: told[field] for field in alert} == alert
    assert poolwatch("doctor", *live.broker, *live.redis, *live.prefix).returncode == 0


@contextlib.contextmanager
def page(live):
    """Address of `serve`."""
    port = free_port()
    process = start("serve", *live.redis, *live.prefix, "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(LIMIT_S):
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
                break
            assert process.poll() is None, process.communicate()[1]
            time.sleep(1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def test_a_worker_goes_on_where_a_replay_of_its_topic_ended(live, history, tmp_path):
    # usage-events   [ replay --state --until T ][ worker ]
    wanted = alerts_of(history / "alerts.jsonl")
    done("simulate", *MARKET, "--out", live.topic)
    early = tmp_path / "early.jsonl"
    done(
        *("replay", live.topic, "--until", HANDOVER, "--alerts", early, "--partitions", PARTITIONS),
        *("--state", live.settings.redis, *live.broker, *live.prefix),
    )
    before = alerts_of(early)
    assert before
    assert before.keys() < wanted.keys()
    went_on = {i: alert for i, alert in wanted.items() if before.get(i) != alert}
    assert len(went_on) > 1
    with live.worker():
        live.must_tell(went_on)


def test_a_range_of_a_topic_is_replayed_as_the_file_is(live, history, tmp_path):
    done("simulate", *MARKET, "--out", live.topic)
    span = ["--from", "2026-03-02T01:00:00Z", "--until", "2026-03-03T16:00:00Z", "--partitions", PARTITIONS]
    told = {}
    for source in (live.topic, history / "events.parquet"):
        alerts = tmp_path / f"{len(told)}.jsonl"
        summary = json.loads(done("replay", source, *span, "--alerts", alerts, "--json"))
        facts = ("events", "accepted", "duplicates", "late", "alerts", "entities", "from", "until")
        told[source] = {name: summary[name] for name in facts}, alerts_of(alerts)
    of_topic, of_file = told.values()
    assert of_topic == of_file
    assert of_file[1]
    place = json.loads((tmp_path / "0.jsonl").read_text().splitlines()[0])["evidence"][0]
    assert place["topic"] == live.settings.name("usage-events")


# what is asked, exit code, what the line must say; {} = the topic of usage events
FAULTS = {
    "no topic": (["simulate", *MARKET, "--out", "{}x"], 1, "usage-eventsx: Broker: Unknown topic"),
    "partitions": (["replay", "EVENTS", "--state", "redis://127.0.0.1:1"], 2, "add --partitions 4"),
    "no redis": (
        ["replay", "EVENTS", "--state", "redis://127.0.0.1:1", "--partitions", "4"],
        1,
        "127.0.0.1:1: no Redis answers",
    ),
    "no topics": (
        ["replay", "EVENTS", "--state", "redis://127.0.0.1:1", "--prefix", "none"],
        2,
        "none.usage-events: no such topic; run `poolwatch topics` first",
    ),
    "range of no topic": (["replay", "{}x"], 1, "no such topic"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_done_is_one_line_before_the_work(live, history, fault):
    arguments, code, words = FAULTS[fault]
    asked = [str(history / "events.parquet") if a == "EVENTS" else a.format(live.topic) for a in arguments]
    variables = {"POOLWATCH_BROKER": live.settings.broker, "POOLWATCH_PREFIX": live.settings.prefix}
    told = poolwatch(*asked, variables=variables)
    assert words in told.stderr
    assert told.stderr.startswith("poolwatch: ")
    assert told.stderr.count("\n") == 1
    assert (told.returncode, told.stdout) == (code, "")


def test_a_model_trained_on_a_history_judges_it(history, tmp_path):
    said = {}
    for name in ("one", "two"):
        model = tmp_path / f"{name}.model"
        told = poolwatch("train", history / "events.parquet", "--model", model, timeout=LIMIT_S)
        assert told.returncode == 0, told.stderr
        said[name] = model.read_bytes()
    assert said["one"] == said["two"], "same history and seed, same model"
    with_it = json.loads(done("replay", history / "events.parquet", "--model", model, "--json"))
    without = json.loads(done("replay", history / "events.parquet", "--json"))
    assert with_it["model"] != without["model"]
    assert with_it["model"] in told.stderr


def test_a_demo_on_a_kafka_that_an_earlier_one_has_used(kafka_url, prefix):
    real = {"POOLWATCH_PREFIX": prefix}
    wish = ("demo", "--broker", kafka_url)
    first = poolwatch(*wish, "--seconds", "25", variables=real, timeout=LIMIT_S)
    assert first.stderr == ""
    assert (first.returncode == 0) == ("✔ found loud_a-1" in first.stdout)
    assert held(kafka_url, "demo.usage-events") > 1_000, "too short to find much: it leaves its events"
    again = poolwatch(*wish, "--seconds", "75", variables=real, timeout=LIMIT_S)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "✔ found loud_a-1" in again.stdout
    there = describe(Settings(broker=kafka_url, prefix=prefix))
    assert not any(topic.partitions for topic in there), "the environment's own topics are left alone"


def held(kafka_url, topic):
    """Messages in a topic."""
    consumer = Consumer({"bootstrap.servers": bootstrap_of(kafka_url), "group.id": "held"})
    with contextlib.closing(consumer):
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10) for p in partitions]
    return sum(high - low for low, high in ends)
