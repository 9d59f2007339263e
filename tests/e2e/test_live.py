"""The installed commands on real Kafka and Redis: live detection ends as a replay of the same events does."""

import contextlib
import json
import signal
import subprocess
import time
import urllib.request

import pytest

from streams.brokers import free_port
from streams.settings import Settings
from tests.e2e.chaos import difference, read_all
from tests.e2e.command import poolwatch, start

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

MARKET = ["--scenario", "amzreview", "--seed", "3", "--hours", "42", "--sellers", "150", "--developers", "40"]
#: After the first alert and before the others, at a full minute.
HANDOVER = "2026-03-02T20:00:00Z"
PARTITIONS = "4"
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


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Folder with a market's events, and the alerts of their replay."""
    folder = tmp_path_factory.mktemp("market")
    done("simulate", *MARKET, "--out", folder / "events.parquet")
    done("replay", folder / "events.parquet", "--partitions", PARTITIONS, "--alerts", folder / "alerts.jsonl")
    assert len(alerts_of(folder / "alerts.jsonl")) > 2, "the market must raise alerts, or nothing is shown"
    return folder


class Live:
    """Topics of our own with the market's events in them, and what is made of them."""

    def __init__(self, broker, redis, prefix):
        self.topic = f"{broker}/{prefix}.usage-events"
        self.settings = Settings(broker=broker, redis=redis, prefix=prefix)
        self.prefix, self.broker, self.redis = ["--prefix", prefix], ["--broker", broker], ["--redis", redis]
        done("topics", *self.broker, *self.prefix, "--partitions", PARTITIONS)

    def simulate(self):
        done("simulate", *MARKET, "--out", self.topic)

    @contextlib.contextmanager
    def worker(self):
        """One runs meanwhile; it ends in order when asked to."""
        process = start("worker", *self.broker, *self.redis, *self.prefix, "--idle-s", "3")
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

    def must_tell(self, wanted):
        """Wait until the topic's alerts are these."""
        end = time.monotonic() + LIMIT_S
        while (found := self.alerts()) != wanted:
            if time.monotonic() > end:
                pytest.fail(difference(found, wanted))
            time.sleep(1)

    def must_feed(self, wanted):
        """Wait until the feed, written after the topic, has these versions of the alerts that stand."""
        end = time.monotonic() + LIMIT_S
        while (found := self.fed()) != wanted:
            assert time.monotonic() < end, found
            time.sleep(1)

    def fed(self):
        """{id: last version}"""
        lines = done("feed", *self.redis, *self.prefix, "--once", "--json").splitlines()
        last = {alert["alert_id"]: alert for alert in map(json.loads, lines)}
        return {i: alert["version"] for i, alert in last.items() if not alert["superseded_by"]}


@pytest.fixture
def live(kafka_url, redis_url, prefix):
    return Live(kafka_url, redis_url, prefix)


def test_live_ends_as_the_replay_and_feed_and_page_tell_it(live, history):
    wanted = alerts_of(history / "alerts.jsonl")
    live.simulate()
    with live.worker():
        live.must_tell(wanted)
        live.must_feed({i: alert["version"] for i, alert in wanted.items()})
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
    live.simulate()
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
    live.simulate()
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
    wish = ("demo", "--broker", kafka_url, "--prefix", prefix)
    first = poolwatch(
        *wish, "--seconds", "20", timeout=LIMIT_S
    )  # too short to find much: it leaves its events
    assert first.returncode in (0, 1)
    assert first.stderr == ""
    again = poolwatch(*wish, "--seconds", "75", timeout=LIMIT_S)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "found loud_a-1" in again.stdout
