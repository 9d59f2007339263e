"""A wrong merge, undone by a file: in a replay, and live by a worker that is started again with it."""

import json
from bisect import bisect_left

import pytest

from models.minutes import HOUR_MS
from poolwatch.replay.replay import Request, replay
from poolwatch.simulate import Wish, simulate
from streams.kafka.producer import FastProducer
from streams.settings import Settings
from tests.e2e.command import poolwatch
from tests.e2e.live import Live, until

pytestmark = pytest.mark.slow

PARTITIONS = 4


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """(folder with events and a file that parts one of them from its case, what is told without that file)"""
    folder = tmp_path_factory.mktemp("market")
    simulate(Wish("mixed", 5, 24, 120, 30), str(folder / "events.jsonl"), Settings())
    without = replay(Request([str(folder / "events.jsonl")], Settings(partitions=PARTITIONS)))
    alert = merged(without)
    (folder / "apart.toml").write_text(f"pairs = {json.dumps([[alert['case'], entity(alert)]])}\n")
    return folder, without


def merged(replayed):
    """The first alert that joined another's case, and is none for what its party did alone."""
    return next(alert for alert in replayed.alerts if alert["links"] and "actor" not in alert["rules"])


def entity(alert):
    return f"{alert['entity_kind']}:{alert['entity_id']}"


def test_a_replay_with_the_file_makes_two_cases_of_one(market, tmp_path):
    folder, without = market
    told = poolwatch(
        *("replay", folder / "events.jsonl", "--partitions", PARTITIONS),
        *("--apart", folder / "apart.toml", "--alerts", tmp_path / "alerts.jsonl", "--json"),
    )
    assert (told.returncode, told.stderr) == (0, "")
    alerts = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    alert = merged(without)
    own = next(one for one in alerts if one["alert_id"] == alert["alert_id"])
    assert (own["case"], own["links"]) == (entity(alert), [])
    assert alert["case"] in {one["case"] for one in alerts}
    assert json.loads(told.stdout)["cases"] == without.summary["cases"] + 1


def test_a_name_that_nothing_is_told_of_is_said(market, tmp_path, capsys):
    folder, without = market
    pair = [merged(without)["case"], "developer:x"]
    (tmp_path / "apart.toml").write_text(f"pairs = {json.dumps([pair])}\n")
    replay(Request([str(folder / "events.jsonl")], Settings(apart=str(tmp_path / "apart.toml"))))
    assert capsys.readouterr().err == (
        f"poolwatch: {tmp_path / 'apart.toml'}: no alert of developer:x in this history\n"
    )


# events      |........ until the case is there ........|.... the rest ....|
# workers     [--- without the file ---]                 [-- with the file --]
# cases       one, of several entities                    two
@pytest.mark.kafka
@pytest.mark.redis
def test_a_worker_started_again_with_the_file_parts_them(market, kafka_url, redis_url, prefix):
    folder, without = market
    alert = merged(without)
    lines = (folder / "events.jsonl").read_bytes().splitlines()
    events = [(event["time"], event["seller_id"].encode()) for event in map(json.loads, lines)]
    cut = bisect_left(events, (alert["time"] + HOUR_MS,))
    live = Live(kafka_url, redis_url, prefix, PARTITIONS)

    def produce(first, end):
        with FastProducer(live.settings, live.settings.name("usage-events")) as producer:
            producer.send((events[n][1], lines[n]) for n in range(first, end))

    def must_be_in(case):
        until(lambda: told().get("case") == case, told)
        return told()

    def told():
        return live.alerts().get(alert["alert_id"], {})

    produce(0, cut)
    with live.worker():
        before = must_be_in(alert["case"])
    produce(cut, len(lines))
    with live.worker("--apart", str(folder / "apart.toml")):
        after = must_be_in(entity(alert))
        live.must_feed({i: one["version"] for i, one in live.alerts().items()})
    assert before["links"]
    assert not any(alert["case"] in link for link in after["links"])
    assert after["version"] > before["version"]
