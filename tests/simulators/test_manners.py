"""Each pooler does what its table says, each population what its name says, and the page shows them all."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from models.scoring.features import FEATURES
from models.scoring.topics import topic
from simulators import poolers, populations, report, scenario
from simulators.calls import EVERYTHING, IDENTIFYING, OP
from simulators.catalogue import listing, tables
from simulators.marketplace import Marketplace
from tests.simulators.small import run


def calls_of(name, hours=24.0, sellers=400, seed=2):
    """(market, calls of the pooler `name`) among sellers with scripts alone; from the first hour."""
    scripts = {"own_scripts": {"count": max(100, sellers // 20), "main": 0.5}}
    alone = scenario.Scenario(
        name=name, says="", sellers=sellers, populations=scripts, poolers={name: 1}, early=1.0
    )
    market = Marketplace(alone, seed, hours)
    calls = np.concatenate(list(market.slices()))
    return market, calls[calls["party"] >= 0]


def test_each_pooler_expects_reasons_that_exist():
    known = {topic(feature.name) for feature in FEATURES}
    for name, manner in poolers.registry().items():
        assert manner.expect, name
        assert set(manner.expect) <= known, name


@pytest.mark.parametrize("name", sorted(poolers.registry()))
def test_a_pooler_takes_customers_of_many_sellers_and_justifies_nothing(name):
    market, own = calls_of(name, hours=16 if name == "insider" else 6)
    personal = own[(own["pii"] & np.uint8(IDENTIFYING) > 0) & (own["status"] == 200)]
    assert len(np.unique(market.links.at["seller"][personal["link"]])) >= 4
    deeds = np.isin(own["op"], [OP["confirmShipment"], OP["submitInvoice"], OP["createConfirmOrderDetails"]])
    assert deeds.sum() <= (0.2 * len(own) if name == "benign_front" else 0)


def test_loud_poolers_hold_92_keys():
    for name in ("loud_a", "loud_b"):
        market, own = calls_of(name, sellers=800, hours=4)
        links = np.unique(own["link"])
        assert len(links) == 92
        assert len(np.unique(market.links.at["developer"][links])) == (1 if name == "loud_a" else 92)


def test_rotating_and_residential_change_machines_and_low_slow_is_slow():
    market, own = calls_of("rotating", hours=8)
    tls = {market.world.machines.tls[m] for m in np.unique(own["origin"])}
    assert len(np.unique(own["origin"])) >= 10
    assert len(tls) == 1
    _, own = calls_of("residential", hours=6)
    keys = [np.unique(own["link"][own["origin"] == m]) for m in np.unique(own["origin"])]
    assert all(len(k) == 1 for k in keys)
    _, own = calls_of("low_slow")
    hours = np.unique(np.stack([own["link"], own["time"] // 3_600_000]), axis=1)
    assert hours.shape[1] / len(np.unique(own["link"])) <= 5  # visits a day and key


def test_forged_agents_change_but_not_the_machine():
    market, own = calls_of("forged_agents", hours=6)
    used = np.unique(own["origin"])
    assert len({market.world.machines.agent[m] for m in used}) >= 5
    assert len({market.world.machines.ip[m] for m in used}) <= 2


def test_keys_in_turn_are_used_one_after_the_other():
    _, own = calls_of("in_turn", hours=8)
    slots = own["time"] // 60_000
    together = [len(np.unique(own["link"][slots == slot])) for slot in np.unique(slots)]
    assert np.median(together) <= 2


def test_next_key_comes_after_429():
    _, own = calls_of("next_key", hours=8)
    assert (own["status"] == 429).sum() > 10
    own = own[np.argsort(own["time"], kind="stable")]
    refused = np.flatnonzero(own["status"] == 429)
    later = [own["link"][i + 1 : i + 40] for i in refused]
    moved = [(part != own["link"][i]).any() for i, part in zip(refused, later, strict=True) if len(part)]
    assert np.mean(moved) > 0.8


def test_bulk_reports_take_by_report_and_split_by_several_applications():
    _, own = calls_of("bulk_reports", hours=10)
    assert not (own["op"] == OP["getOrders"]).any()
    assert (own["records"][own["op"] == OP["getReportDocument"]]).mean() > 20
    for name, least in (("split", 3), ("siblings", 4)):
        market, own = calls_of(name, hours=5)
        developers = market.links.at["developer"][np.unique(own["link"])]
        _, each = np.unique(developers, return_counts=True)
        assert len(each) >= least
    assert each.max() <= 15


def test_slow_ramp_gains_keys_and_chaff_is_written():
    market, own = calls_of("slow_ramp", hours=48)
    first = [own["time"][own["link"] == link].min() for link in np.unique(own["link"])]
    late = np.array(first) > market.start_ms + 24 * 3_600_000
    assert 0.1 < late.mean() < 0.95
    _, own = calls_of("benign_front", hours=8)
    writes = np.isin(own["op"], [OP["patchListingsItem"], OP["putListingsItem"], OP["confirmShipment"]])
    assert writes.mean() > 0.1


def test_insiders_act_through_the_console_from_inside():
    market, own = calls_of("insider", hours=16)
    assert {market.world.populations[d] for d in market.links.at["developer"][own["link"]]} == {"staff"}
    assert all(market.world.machines.ip[m].startswith("10.") for m in np.unique(own["origin"]))


def test_order_tools_read_new_orders_once_and_ship_them():
    market, events = run("normal")
    assert not market.taken.table().num_rows
    assert not [x for x in market.labels() if x["label"] != "benign"]
    giant = market.world.developer_ids[market.world.populations.index("giant")]
    own = events.filter(pc.equal(events["developer_id"], giant))
    counts = dict(
        zip(
            *(c.to_pylist() for c in own.group_by("operation").aggregate([([], "count_all")]).columns),
            strict=True,
        )
    )
    assert (
        0.4 < counts["confirmShipment"] / counts["getOrderAddress"] < 2.2
    )  # a Monday: the weekend's parcels go
    reads = own.filter(pc.equal(own["operation"], "getOrderAddress"))
    orders = pc.list_flatten(reads["orders"])
    assert pc.count_distinct(orders).as_py() > 0.8 * len(orders)


def test_every_population_is_there_and_repricers_read_nobody():
    market, _ = run("mixed")
    census = market.census
    beside = set(scenario.load("owners").populations)
    more = set(populations.registry()) - set(scenario.load("mixed").populations)
    assert {"second_desk", "telephones"} == more <= beside
    for name in scenario.load("mixed").populations:
        group = {"support_staff": "staff"}.get(name, name)
        assert group in census.groups
    assert not census.records[census.of_developer == census.groups.index("repricers")].any()
    fan_out = census.sellers_of_developer()
    assert fan_out[census.of_developer == census.groups.index("giant")][0] > 90
    agencies = [p for p in market.world.parties if p.scenario == "agencies"]
    assert all(len(p.developers) >= 4 for p in agencies)


@pytest.mark.slow
def test_a_telephone_only_reads_from_ever_other_networks_and_a_script_does_the_work():
    market, events = run("owners", hours=24)
    ips, owners = market.world.machines.ip, [p for p in market.world.parties if p.scenario == "telephones"]
    networks, scripts = [], []
    for owner in owners:
        script, *places = (ips[machine] for machine in owner.machines)
        phone = events.filter(pc.is_in(events["source_ip"], pa.array(places)))
        assert set(phone["operation"].to_pylist()) <= {"getOrderAddress"}
        scripts.append(script)
        networks.append(len({ip.rpartition(".")[0] for ip in phone["source_ip"].to_pylist()}))
    assert np.mean(np.array(networks) >= 3) > 0.5
    work = events.filter(pc.is_in(events["source_ip"], pa.array(scripts)))
    assert "confirmShipment" in work["operation"].to_pylist()


def test_look_alikes_outnumber_poolers_at_every_count_and_plain_counting_finds_little():
    market, _ = run("mixed", sellers=2_000, hours=24, developers=500)
    pooled = {d for p in market.world.parties if p.label == "aggregator" for d in p.developers}
    is_pooler = np.isin(np.arange(len(market.world.developer_ids)), sorted(pooled))
    sellers = market.census.sellers_of_developer()
    for line in (10, 20, 40):
        assert (sellers[~is_pooler] >= line).sum() > (sellers[is_pooler] >= line).sum()


def test_a_migration_reads_history_with_all_fields_and_then_ships():
    market, _ = run("mixed")
    developers = [i for i, p in enumerate(market.world.populations) if p == "migration"]
    links = market.links
    own = np.isin(links.at["developer"], developers)
    assert (links.habit["backfill_pii"][own] == EVERYTHING).all()
    assert (links.at["since"][own] > market.start_ms).all()


def test_some_tax_tools_only_fetch_reports_without_telephone_numbers_and_others_invoice():
    found = set()
    for seed in (1, 2, 3):
        market, events = run("mixed", seed=seed)
        names = {x["entity_id"] for x in market.labels() if x["scenario"] == "tax_season"}
        for name in names:
            mine = events.filter(pc.equal(events["developer_id"], name)).to_pylist()
            told = {one for event in mine for one in event["pii"]}
            invoices = any(event["operation"] == "submitInvoice" for event in mine)
            found.add((invoices, "phone" in told, "tax" in told))
    assert {(True, True, True), (False, False, True)} <= found


def test_every_shipped_scenario_loads_and_is_listed():
    told = listing()
    for name in scenario.names():
        mix = scenario.load(name)
        assert mix.says
        assert name in told
        assert mix.poolers.keys() <= poolers.registry().keys()
    for name in (*populations.registry(), *poolers.registry()):
        assert f"  {name} " in told


def test_the_page_shows_every_group_and_needs_nothing_from_elsewhere():
    market, _ = run("mixed")
    page = report.html(market)
    for group in market.census.groups:
        assert group in page
    assert "http" not in page
    assert page.count("<svg") == 4
    assert "nan" not in page


def test_the_page_in_docs_is_the_code():
    page = Path(__file__).parents[2] / "docs" / "marketplace.md"
    assert page.read_text(encoding="utf-8") == tables(), (
        "python -m simulators.catalogue > docs/marketplace.md"
    )
