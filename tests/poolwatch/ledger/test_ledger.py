"""The ledger of a simulated market, beside the truth counted from its events."""

import asyncio
import json
from collections import defaultdict

import pyarrow.parquet as pq
import pytest
from redis.asyncio import Redis

from models.errors import ConfigError, PoolwatchError
from models.events import PII_CLASSES
from models.minutes import DAY_MS
from poolwatch.ledger import view as ledger_view
from poolwatch.ledger.ledger import Question, ask
from poolwatch.ledger.parties import entities_of
from poolwatch.replay.pipeline import Pipeline
from poolwatch.replay.replay import Request, replay
from poolwatch.simulate import Wish, simulate
from streams.redis.feed import FeedKeys
from streams.redis.feed_writer import publish
from streams.settings import Settings
from tests.e2e.command import poolwatch
from tests.streams.sample import alert, raw


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """Events over a midnight, and the ledger of them."""
    folder = tmp_path_factory.mktemp("market")
    events = folder / "events.parquet"
    simulate(Wish("amzreview", 5, 28, 60, 12), str(events), Settings())
    replay(
        Request(
            [str(events)],
            Settings(partitions=3, ledger=str(folder / "ledger")),
            alerts=str(folder / "a.jsonl"),
        )
    )
    return folder


@pytest.fixture(scope="module")
def truth(market):
    """{(what, ...): customers} of developers, counted plainly."""
    found = defaultdict(set)
    columns = ["time", "developer_id", "key_id", "seller_id", "status", "pii", "customers"]
    for row in pq.read_table(market / "events.parquet", columns=columns).to_pylist():
        if 200 <= row["status"] <= 299 and row["pii"] and row["customers"]:
            who, customers = row["developer_id"], row["customers"]
            found[(who,)].update(customers)
            for name in row["pii"]:
                found[who, "class", name].update(customers)
            for by in ("key", "seller"):
                found[who, by, row[f"{by}_id"]].update(customers)
            found[who, "day", row["time"] // DAY_MS].update(customers)
    return found


def developers(truth):
    return sorted(ids[0] for ids in truth if len(ids) == 1)


def test_every_developer_and_class_is_there_within_the_bounds(market, truth):
    lines = within = exact = 0
    for developer in developers(truth):
        answer = ask(Question(str(market / "ledger"), (f"developer:{developer}",)))
        assert {line.name for line in answer.lines} == {
            ids[2] for ids in truth if ids[:2] == (developer, "class")
        }
        for line in (*answer.lines, answer.total):
            customers = truth[(developer, "class", line.name) if line is not answer.total else (developer,)]
            lines += 1
            within += line.low <= len(customers) <= line.high
            exact += line.low == line.high
            assert line.low < line.high or line.customers == len(customers)
    assert lines > 20
    assert within >= 0.9 * lines
    assert exact > 5


@pytest.mark.parametrize("by", ["key", "seller", "day"])
def test_the_one_that_took_most_by_key_seller_and_day(market, truth, by):
    developer = max(developers(truth), key=lambda d: len(truth[(d,)]))
    answer = ask(Question(str(market / "ledger"), (developer,), by=by))
    meant = {ids[2]: customers for ids, customers in truth.items() if ids[:2] == (developer, by)}
    assert len(answer.lines) == len(meant) > 1
    if by != "day":
        held = sum(line.low <= len(meant[line.name]) <= line.high for line in answer.lines)
        assert held >= 0.8 * len(meant)
    whole = ask(Question(str(market / "ledger"), (developer,)))
    assert answer.total == whole.total  # however it is cut


def test_batches_partitions_and_hours_do_not_show(market, tmp_path, monkeypatch):
    """Other batches: the same bytes. In two halves, in another number of partitions: the same answers."""
    events = str(market / "events.parquet")
    monkeypatch.setattr("poolwatch.replay.replay.STEP_ROWS", 3_001)
    replay(Request([events], Settings(partitions=3, ledger=str(tmp_path / "a"))))
    files = sorted(p.relative_to(market / "ledger") for p in (market / "ledger").rglob("*.parquet"))
    assert len(files) == 6
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (market / "ledger" / file).read_bytes()
    times = pq.read_table(events, columns=["time"])["time"].to_numpy()
    middle = int(times[len(times) // 3])
    for halves in ({"until_ms": middle}, {"from_ms": middle}):
        replay(Request([events], Settings(partitions=2, ledger=str(tmp_path / "b")), **halves))
    for by in ("entity", "day"):
        whole, parts = (ask(Question(str(f), by=by)) for f in (market / "ledger", tmp_path / "b"))
        assert parts == whole


def test_a_snapshot_in_mid_day_loses_and_doubles_nothing(market, tmp_path, monkeypatch):
    """Every state is written to pages and read back, again and again; the files are those of a quiet run."""
    step, tries = Pipeline.step, []

    def restarted(pipeline, events):
        tries.append(1)
        if len(tries) % 3 == 0:
            for kept, detect in zip(pages, pipeline.detects[0], strict=True):
                kept |= detect.changed()
                for name in [name for name, page in kept.items() if page is None]:
                    del kept[name]
                detect.restore(dict(kept))
        return step(pipeline, events)

    pages = [{} for _ in range(3)]
    monkeypatch.setattr("poolwatch.replay.replay.STEP_ROWS", 1_000)
    monkeypatch.setattr(Pipeline, "step", restarted)
    replay(Request([str(market / "events.parquet")], Settings(partitions=3, ledger=str(tmp_path))))
    assert len(tries) > 12
    for file in (market / "ledger").rglob("*.parquet"):
        assert (tmp_path / file.relative_to(market / "ledger")).read_bytes() == file.read_bytes()


def test_a_case_is_its_alerts_entities(market):
    alerts = [json.loads(line) for line in (market / "a.jsonl").read_text().splitlines()]
    case = alerts[0]["case"]
    mine = {f"{a['entity_kind']}:{a['entity_id']}" for a in alerts if a["case"] == case}
    assert set(entities_of(case, Settings(), str(market / "a.jsonl"))) == mine
    with pytest.raises(PoolwatchError, match="no alert of that case"):
        entities_of("nobody", Settings(), str(market / "a.jsonl"))
    with pytest.raises(PoolwatchError, match="no alerts file"):
        entities_of(case, Settings(), str(market / "events.parquet"))


@pytest.mark.slow
@pytest.mark.redis
def test_a_case_is_looked_up_in_the_feed_where_no_file_is_given(market, redis_url):
    alerts = (market / "a.jsonl").read_bytes().splitlines()
    first = json.loads(alerts[0])
    case = first["case"]
    others = [raw(n, case=f"case-{n}", last_seen=first["last_seen"] - n) for n in range(300)]

    async def tell():
        async with Redis.from_url(redis_url) as redis:
            await publish(redis, FeedKeys("eu"), [*alerts, *others])

    asyncio.run(tell())
    settings = Settings(redis=redis_url, prefix="eu")
    assert entities_of(case, settings) == entities_of(case, settings, str(market / "a.jsonl"))
    assert entities_of("case-299", settings) == (f"origin:{alert(299)['entity_id']}",)
    where = ("--ledger", str(market / "ledger"), "--redis", redis_url)
    told = poolwatch("exposure", "--case", case, *where, "--prefix", "eu", "--json")
    assert json.loads(told.stdout)["total"]["customers"] > 0
    for asked, says in {
        ("--case", case): f"--case {case}: no alert of that case in the feed of redis {redis_url}",
        ("--case", "case-4", "--prefix", "eu"): "hold no customer that developer:dev-0004 read",
        ("--case", case, "--redis", "redis://127.0.0.1:1"): "give another with --redis",
    }.items():
        told = poolwatch("exposure", *where, *asked)
        assert says in told.stderr
        assert (told.returncode, told.stdout, told.stderr.count("\n")) == (1, "", 1)


def test_what_cannot_be_answered_is_one_clear_line(market, tmp_path):
    ledger = str(market / "ledger")
    with pytest.raises(ConfigError, match="--by colour: one of class, key, seller, day, entity"):
        ask(Question(ledger, by="colour"))
    with pytest.raises(PoolwatchError, match="hold no customer that nobody-at-all read"):
        ask(Question(ledger, ("nobody-at-all",)))
    with pytest.raises(PoolwatchError, match="no day of the ledger within"):
        ask(Question(ledger, until_ms=0))
    with pytest.raises(ConfigError, match="no such folder"):
        ask(Question(str(tmp_path / "none")))
    (tmp_path / "alerts.jsonl").write_bytes(b'{"case": "\xff"}\n')
    with pytest.raises(PoolwatchError, match="no alerts file"):
        entities_of("x", Settings(), str(tmp_path / "alerts.jsonl"))


def test_the_table_and_the_command(market, truth):
    developer = max(developers(truth), key=lambda d: len(truth[(d,)]))
    answer = ask(Question(str(market / "ledger"), (developer, "unheard-of")))
    assert answer.unknown == ["unheard-of"]
    text = ledger_view.table(answer, 1)
    assert text[-2] == f"... and {len(answer.lines) - 1:,} more; --most N or --json shows them"
    assert f"{answer.total.customers:,}" in text[-1]
    shown = [line.split()[0] for line in ledger_view.table(answer, 9)[3:-1]]
    assert shown == [name for name in PII_CLASSES if (developer, "class", name) in truth]
    told = poolwatch("exposure", developer, "--ledger", str(market / "ledger"), "--json")
    assert json.loads(told.stdout)["total"]["customers"] == answer.total.customers
    wrong = poolwatch("exposure", developer, "--ledger", str(market / "ledger"), "--alerts", "x")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
