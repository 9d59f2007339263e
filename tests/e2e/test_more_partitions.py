"""More partitions while events come: the documented sequence, by the installed commands, loses no alert."""

from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from poolwatch.simulate import batches, keyed
from streams.kafka.producer import FastProducer
from tests.e2e.live import Live, alerts_of, done

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]

MARKET = ["--scenario", "amzreview", "--seed", "5", "--hours", "14", "--sellers", "120", "--developers", "40"]
BEFORE, AFTER = 2, 4
#: Everybody alerts, some in the time without a worker alone; nobody early (docs/operations.md says why).
RULES = ["--rules", str(Path(__file__).with_name("rules") / "anyone.toml")]
#: Where the market is cut, as shares of its events.
CUTS = [0, 0.3, 0.45, 0.8, 1]


def test_partitions_are_raised_while_events_come(kafka_url, redis_url, prefix, tmp_path):
    # partitions  2                  raised to 4
    # events      [ 1 ]     [ 2 ]      [ 3 ]        [ 4 ]
    # worker      [ ... ]                              [ ... ]
    # replay                                  [1 2 3]
    events, alerts = tmp_path / "events.parquet", tmp_path / "alerts.jsonl"
    done("simulate", *MARKET, "--out", events)
    done("replay", events, "--partitions", AFTER, *RULES, "--alerts", alerts)
    wanted, table = alerts_of(alerts), pq.read_table(events)
    live = Live(kafka_url, redis_url, prefix, BEFORE)
    bounds = [round(share * len(table)) for share in CUTS]
    parts = [table.slice(first, last - first) for first, last in pairwise(bounds)]
    gone_by = parts[1]["time"][0].as_py(), parts[2]["time"][-1].as_py()
    assert any(gone_by[0] < a["first_seen"] and a["last_seen"] < gone_by[1] for a in wanted.values())

    def send(part):
        with FastProducer(live.settings, live.settings.name("usage-events")) as producer:
            for batch in batches(iter([part])):
                producer.send(keyed(batch))

    send(parts[0])
    with live.worker(*RULES, idle_s=3_600):
        live.must_have_told(20)
    send(parts[1])
    done("topics", *live.broker, *live.prefix, "--partitions", AFTER, "--raise")
    send(parts[2])
    done(
        *("replay", live.topic, *RULES, "--partitions", AFTER, *live.broker, *live.prefix),
        *("--state", redis_url, "--publish"),
    )
    send(parts[3])
    with live.worker(*RULES):
        live.must_tell(wanted)
        live.must_feed({i: alert["version"] for i, alert in wanted.items()})
