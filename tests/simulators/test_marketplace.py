"""A run: reproducible, in time order, valid by the contract, within the plans, and truly labelled."""

import hashlib
import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from models.decode.decode import Decoder
from models.errors import ConfigError
from models.operations import Operations
from models.yardstick.truth import parse_label
from simulators import scenario, write
from simulators.calls import BURST, OP, OPERATIONS, RATE_PER_MS
from simulators.marketplace import Marketplace
from simulators.world import FOREVER
from tests.simulators.naive_buckets import exceeded
from tests.simulators.small import run


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_same_seed_same_bytes(tmp_path):
    mix = scenario.load("mixed")
    for to, name in ((write.to_parquet, "a.parquet"), (write.to_jsonl, "a.jsonl")):
        paths = [tmp_path / f"{i}{name}" for i in range(3)]
        for path, seed in zip(paths, (7, 7, 8), strict=True):
            to(Marketplace(mix, seed, 1, 100, 40), path)
        assert digest(paths[0]) == digest(paths[1])
        assert digest(paths[0]) != digest(paths[2])


def test_json_lines_and_parquet_tell_the_same(tmp_path):
    table = run("amzreview")[1].slice(1_000, 3_000)
    write.to_parquet([table], tmp_path / "a.parquet")
    with open(tmp_path / "a.jsonl", "wb") as file:
        write.write_lines(table, file)
    told = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    kept = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert told == [{k: v for k, v in row.items() if v != []} for row in kept]


def test_events_are_in_time_order_unique_and_within_the_span():
    market, events = run("mixed")
    times = events["time"].to_numpy()
    assert (np.diff(times) >= 0).all()
    assert market.start_ms <= times[0]
    assert times[-1] < market.end_ms
    assert pc.count_distinct(events["event_id"]).as_py() == events.num_rows


def test_every_event_is_accepted_by_the_decoder():
    events = run("mixed")[1]
    decoder = Decoder(Operations.load())
    accepted, rejected = decoder.table(events.slice(0, 20_000), 0)
    assert not rejected
    assert len(accepted) == 20_000
    lines = write.lines(events.slice(0, 2_000)).to_pylist()
    accepted, rejected = decoder.records([line.encode() for line in lines], list(range(2_000)))
    assert not rejected
    assert (accepted.operation >= 0).all()
    known = {Operations.load().index(o.name) for o in OPERATIONS}
    assert len(known) == len(OPERATIONS)


def test_no_usage_plan_is_exceeded_and_refused_calls_return_nothing():
    events = run("mixed")[1]
    fine = events.filter(pc.equal(events["status"], 200))
    for name in ("getOrders", "getOrderAddress", "getReportDocument", "createShipment"):
        own = fine.filter(pc.equal(fine["operation"], name)).select(["key_id", "time"])
        own = own.sort_by([("key_id", "ascending"), ("time", "ascending")])
        keys, times = own["key_id"].to_numpy(), own["time"].to_numpy()
        cuts = np.flatnonzero(keys[1:] != keys[:-1]) + 1
        for part in np.split(times, cuts):
            assert exceeded(part, RATE_PER_MS[OP[name]], BURST[OP[name]]) is None, name
    failed = events.filter(pc.not_equal(events["status"], 200))
    assert failed.num_rows > 40
    assert pc.sum(failed["records"]).as_py() == 0
    assert pc.sum(pc.list_value_length(failed["customers"])).as_py() == 0
    assert {403, 429, 500} <= set(pc.unique(events["status"]).to_pylist())


def test_a_key_belongs_to_one_seller_and_developer():
    events = run("mixed")[1]
    owners = events.group_by("key_id").aggregate(
        [("seller_id", "count_distinct"), ("developer_id", "count_distinct")]
    )
    assert pc.max(owners["seller_id_count_distinct"]).as_py() == 1
    assert pc.max(owners["developer_id_count_distinct"]).as_py() == 1


def test_labels_match_the_events():
    market, events = run("mixed")
    told = market.labels()
    for n, label in enumerate(told):
        parse_label(label, f"labels:{n}")
    assert len({(x["entity_kind"], x["entity_id"]) for x in told}) == len(told)
    developers = {x["entity_id"]: x for x in told if x["entity_kind"] == "developer"}
    assert set(pc.unique(events["developer_id"]).to_pylist()) <= set(developers)
    places = pc.binary_join_element_wise("ip:", events["source_ip"], "|tls:", events["tls_fingerprint"], "")
    seen = set(pc.unique(places).to_pylist())
    origins = [x for x in told if x["entity_kind"] == "origin"]
    assert {x["entity_id"] for x in origins} == seen
    for name in ("loud_b", "residential", "rotating", "forged_agents", "insider"):
        assert any(x["scenario"] == name and x["label"] == "aggregator" for x in origins), name
        assert any(x["scenario"] == name and x["label"] == "victim" for x in developers.values()), name
    for name in ("loud_a", "split", "siblings", "low_slow", "next_key"):
        assert any(x["scenario"] == name and x["label"] == "aggregator" for x in developers.values()), name


def test_poolers_are_active_only_in_their_span():
    market, _ = run("mixed")
    taken = market.taken.table()
    first = dict(
        zip(
            *(c.to_pylist() for c in taken.group_by("party").aggregate([("time", "min")]).columns),
            strict=True,
        )
    )
    starts = {p.name: p.start_ms for p in market.world.parties}
    assert first
    assert all(time >= starts[party] for party, time in first.items())


def test_what_was_taken_is_what_the_events_say():
    market, events = run("amzreview")
    taken = market.taken.table()
    assert taken.schema.names == ["time", "party", "seller_id", "order", "customer"]
    assert (np.diff(taken["time"].to_numpy()) >= 0).all()
    pairs = taken.group_by(["party", "order"]).aggregate([([], "count_all")])
    assert pc.max(pairs["count_all"]).as_py() == 1
    pooler = next(
        x["entity_id"] for x in market.labels() if x["label"] == "aggregator" and x["scenario"] == "loud_a"
    )
    own = events.filter(pc.equal(events["developer_id"], pooler))
    personal = own.filter(pc.is_in(own["operation"], pa.array(["getOrders", "getReportDocument"])))
    listed = set(pc.unique(pc.list_flatten(personal["orders"])).to_pylist())
    told = taken.filter(pc.equal(taken["party"], "loud_a-1"))
    assert listed <= set(told["order"].to_pylist())
    again = Marketplace(market.scenario, 1, 12, 300, 100)
    assert sum(map(len, again.slices())) == len(events)
    assert again.taken.table().equals(taken)
    assert again.labels() == market.labels()


def test_nobody_acts_outside_an_authorisation():
    market, _ = run("mixed")
    links = market.links.at
    again = Marketplace(market.scenario, market.seed, 12, 300, 100)
    own = {party.scenario: party for party in market.world.parties}
    assert own
    for calls in again.slices():
        since, until = links["since"][calls["link"]], links["until"][calls["link"]]
        assert (calls["time"] >= since - 60_000).all()
        assert ((calls["time"] < until + 7_200_000) | (until == FOREVER)).all()


def test_size_and_share_of_a_run_are_bounded():
    _, events = run("mixed")
    per_seller_hour = events.num_rows / 300 / 12
    assert 5 < per_seller_hour < 90
    ids = pc.sum(pc.list_value_length(events["orders"])).as_py() / events.num_rows
    assert 0.5 < ids < 12


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('says = "x"\nseller = 3', 'no field "seller"; did you mean "sellers"'),
        ("[populations]\nordnary = {}", 'no population "ordnary"; did you mean "ordinary"'),
        ("[populations]\ngiant = { shar = 1 }", 'giant has no "shar"'),
        ("[poolers]\nloud = 1", 'no pooler "loud"'),
        ("[poolers]\nloud_a = -1", "must be a number of parties"),
        ("says = ", "not TOML"),
        ('says = "\u00e9"'.encode("latin-1"), "not TOML"),
        ("hours = 'x'", "hours must be a number, not text"),
        ("poolers = 5", "poolers must be a table, not a number"),
        ("[populations]\nordinary = 5", "must be a table, not a number"),
        ("[populations]\nbrands = { count = 1.5 }", "brands.count must be a whole number, 0 or more"),
        ("[populations]\nbrands = { count = 'x' }", "must be a number, not text"),
    ],
)
def test_a_wrong_scenario_says_what_is_wrong(tmp_path, given, said):
    path = tmp_path / "mine.toml"
    path.write_bytes(given if isinstance(given, bytes) else given.encode())
    with pytest.raises(ConfigError, match=said.split(";")[0].replace("(", r"\(")):
        scenario.load(str(path))
    with pytest.raises(ConfigError, match='no scenario "mixt"; did you mean "mixed"'):
        scenario.load("mixt")
