"""The table of operations: complete, replaceable, and sensible about what it does not list."""

import numpy as np
import pytest

from models.errors import ConfigError
from models.operations import INFERRED, KINDS, MOST_INFERRED, Operations, infer


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("getOrders", "read"),
        ("ListBuckets", "read"),
        ("BatchGetItem", "read"),
        ("describe_instances", "read"),
        ("search", "read"),
        ("PutObject", "write"),
        ("confirmShipment2", "write"),
        ("requestReportNow", "report"),
        ("address", "other"),
        ("getaway", "other"),
        ("AssumeRole", "other"),
        ("", "other"),
    ],
)
def test_the_verb_decides(name, kind):
    assert KINDS[infer(name).kind] == kind


def test_every_operation_of_the_marketplace_is_listed():
    table = Operations.load()
    known = len(table)
    named = (
        "getOrders searchOrders getOrder getOrderItems getOrderAddress getOrderBuyerInfo confirmShipment "
        "updateShipmentStatus createRestrictedDataToken createReport getReportDocument getReport getReports "
        "createShipment getInventorySummaries searchCatalogItems getListingsItem getMarketplaceParticipations"
    )
    for name in named.split():
        assert not table[table.index(name)].inferred, name
    assert len(table) == known
    assert [table[table.index(n)].deed for n in ("confirmShipment", "updateInventory", "updatePrice")] == [
        1,
        0,
        0,
    ]


def test_unknown_writes_are_deeds_only_with_orders():
    table = Operations.load()
    write, shipped, stock = (table.index(n) for n in ("sendGift", "confirmShipment", "updateInventory"))
    assert [int(table.columns()[1][i]) for i in (write, shipped, stock)] == [2, 1, 0]


@pytest.mark.parametrize(
    "name", ["submitInvoice", "createWarranty", "createSolicitation", "sendMessageToBuyer"]
)
def test_invoices_and_letters_come_after_the_parcel(name):
    table = Operations.load()
    assert table[table.index(name)].after
    assert table.columns()[1][table.index(name)] & 4
    assert not table[table.index("confirmShipment")].after
    assert not table[table.index("createFeed")].after  # a feed may confirm a day's parcels


def test_a_feed_stands_for_many_orders_and_a_shipment_for_one():
    table = Operations.load()
    feed, shipped = table.index("createFeed"), table.index("confirmShipment")
    assert table[feed].many
    assert not table[shipped].many
    assert [int(table.columns()[1][i]) & 8 for i in (feed, shipped)] == [8, 0]


def test_what_a_name_means_depends_on_no_other_name():
    table, full = Operations.load(), Operations.load()
    names = ["getGift", "sendGift", "sendInvoice", "makeReport", "gift", "getOrders"]
    for n in range(MOST_INFERRED + 10):
        full.index(f"getMade{n}")
    assert len(full) == len(table) + MOST_INFERRED
    for of in (table, full):
        places = np.array([of.index(name) for name in names])
        assert [of[of.lasting(place)] for place in places[:5]] == [infer(name) for name in names[:5]]
        assert [of.lasting(place) for place in places] == [full.index(name) for name in names]
        assert of.listed(places).tolist() == [False] * 5 + [True]
    assert sorted(full.index(name) for name in names[:5]) == list(range(len(INFERRED)))
    assert full.index("one more") == full.index("gift") == 0
    meant = [
        [column[of.index(name)].item() for name in names] for of in (table, full) for column in of.columns()
    ]
    assert meant[:2] == meant[2:]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = [", "not TOML"),
        ("", "no operation"),
        ("a = 1", r"\[a\] must be a table"),
        ("[o]\ngetX = {kind='look'}", "kind must be one of read, write, report, other"),
        ("[o]\ngetX = {kind='read', need=[]}", "unknown setting 'need'"),
        ("[o]\ngetX = {kind='read', needs=['nose']}", "needs must list"),
        ("[o]\ngetX = {kind='read', deed=true}", "true for a write only"),
        ("[o]\nputX = {kind='write', many=true}", "many must be true or false, and true for a deed only"),
        ("[o]\ngetX = {kind='read'}\n[p]\ngetX = {kind='read'}", "listed twice"),
    ],
)
def test_a_wrong_table_says_where_and_how(tmp_path, text, says):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        Operations.load(path)
    assert str(path) in str(caught.value)


def test_no_table_no_traceback(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        Operations.load(tmp_path / "none.toml")
