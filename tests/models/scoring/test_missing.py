"""What a stream lacks is told by name: fields that never came, operations that no table lists."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batches import part
from models.decode.decode import Decoder
from models.operations import Operations
from models.scoring.features import FEATURES
from models.scoring.missing import Came, needing, switched_off
from models.scoring.rules import RuleSet

RULES = RuleSet.load()
PLAIN = {"developer_id": "d", "seller_id": "s", "key_id": "k", "status": 200}
OPTIONAL = {
    "orders": ["o"],
    "pii": ["name"],
    "records": 1,
    "source_ip": "203.0.113.7",
    "customers": ["c"],
    "bytes": 9,
}


def came(names, fields=(), cuts=()):
    operations = Operations.load()
    calls = [
        PLAIN
        | {"event_id": str(i), "time": 1_700_000_000_000 + i, "operation": name}
        | {f: OPTIONAL[f] for f in fields}
        for i, name in enumerate(names)
    ]
    events, rejected = Decoder(operations).records([json.dumps(c).encode() for c in calls], range(len(calls)))
    assert not rejected
    met, ends = Came(operations), [0, *sorted(cuts), len(events)]
    for a, b in pairwise(ends):
        met.add(part(events, a, b))
    return met


@settings(deadline=None)
@given(
    names=st.lists(st.sampled_from(["getOrders", "getGifts", "sendGift", "GET /x/getOrders"]), min_size=1),
    fields=st.sets(st.sampled_from(sorted(OPTIONAL))),
    data=st.data(),
)
def test_what_came_is_what_was_sent_however_it_is_cut(names, fields, data):
    met = came(names, fields, data.draw(st.lists(st.integers(0, len(names)), max_size=3)))
    assert set(met.missing) == OPTIONAL.keys() - fields
    told, unlisted = met.unlisted(), [n for n in names if n != "getOrders"]
    assert (told.calls, told.of) == (len(unlisted), len(names))
    assert told.names == {n: unlisted.count(n) for n in unlisted}
    assert list(told.names.values()) == sorted(told.names.values(), reverse=True)
    assert sum(told.kinds.values()) == len(unlisted)
    assert told.kinds["reads"] == names.count("getGifts")


def test_unlisted_operations_are_told_where_they_are_many():
    names = ["getOrders"] * 990 + ["GET /x/getOrders"] * 10
    assert came(names).unlisted().said() == ""
    said = came([*names, "send\x1bGift" + "t" * 90]).unlisted().said()
    assert said == (
        "11 of 1,001 calls are of operations that no table lists (GET /x/getOrders, "
        "send\N{REPLACEMENT CHARACTER}Gift" + "t" * 30 + "…); by their names taken for 1 writes, "
        "10 none of these; list yours: --operations FILE"
    )


@pytest.mark.parametrize("field", OPTIONAL)
def test_a_field_that_never_comes_switches_off_what_needs_it(field):
    off = switched_off(needing({field}), {field}, RULES)
    assert off.fields == (field,)
    assert {f.needs for f in FEATURES if f.name in off.features} == {field}
    silent = {r.id for r in RULES.rules if {FEATURES[c].needs for c in r.columns} & {field}}
    assert set(off.rules) == silent
    assert off.said().startswith(
        f"{field} never came, which switches off {len(off.features)} of {len(FEATURES)} features"
    )


def test_nothing_off_is_nothing_said():
    assert switched_off((), ("customers",), RULES).said() == ""
    # pii came, but held nothing that identifies a person
    assert switched_off(needing({"pii"}), (), RULES).said().startswith("nothing came of pii that counts, ")
