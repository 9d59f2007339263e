"""Records in, columns or a reason out: every rule of the contract, and no content in a reason."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.decode.decode import Decoder
from models.decode.fields import time_ms_of
from models.decode.lists import LIST_MAX_IDS
from models.events import PII_CLASSES, Events
from models.hashing import hash_text
from models.operations import Operations

OPERATIONS = Operations.load()
REQUIRED = ("event_id", "time", "developer_id", "seller_id", "key_id", "operation", "status")
GOOD = {
    "event_id": "e1",
    "time": 1_700_000_000_000,
    "developer_id": "dev",
    "seller_id": "shop",
    "key_id": "key",
    "operation": "getOrders",
    "status": 200,
    "records": 2,
    "bytes": 512,
    "pii": ["name", "tax"],
    "customers": ["c1", "c2"],
    "orders": ["o1", "ö2", 'o"3'],
    "source_ip": "203.0.113.7",
    "user_agent": "Tool/1.2",
    "tls_fingerprint": "t13",
    "marketplace": "US",
}


def decoded(*records: dict[str, object] | bytes):
    values = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in records]
    return Decoder(OPERATIONS).records(values, range(10, 10 + len(values)))


def same(a: Events, b: Events) -> bool:
    for f in fields(Events):
        x, y = getattr(a, f.name), getattr(b, f.name)
        if f.name == "names":
            assert x == y
        else:
            assert x.dtype == y.dtype, f.name
            assert x.tolist() == y.tolist(), f.name
    return True


def test_a_good_record():
    events, rejected = decoded(GOOD)
    assert not rejected
    assert events.offset.tolist() == [10]
    assert events.developer.tolist() == [hash_text("dev")]
    assert events.orders.tolist() == [hash_text(o) for o in GOOD["orders"]]
    assert events.order_start.tolist() == [0, 3]
    assert events.pii.tolist() == [1 | 32]
    assert set(events.names.values()) == {"dev", "shop", "key", "ip:203.0.113.7|tls:t13"}


def test_only_what_is_required():
    least = {k: GOOD[k] for k in REQUIRED}
    events, rejected = decoded(least)
    assert not rejected
    assert [c.tolist() for c in (events.origin, events.records, events.pii)] == [[0], [0], [0]]
    nothing = dict.fromkeys(sorted(set(GOOD) - set(least)))
    assert same(decoded(least)[0], decoded({**least, **nothing})[0])  # null is absent


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("event_id", ["", 3, None, "x" * 513]),
        ("time", [True, "now", "2024-01-01T00:00:00", 1_700_000_000, -5, "2101-01-01T00:00:00Z", None]),
        ("developer_id", ["", 3, None, "x" * 513]),
        ("seller_id", ["", ["a"]]),
        ("key_id", ["", {}]),
        ("operation", ["", 1, "x" * 257]),
        ("status", [99, 600, "200", True, 200.5, None]),
        ("records", [-1, 1.5, True, "2", 2**40]),
        ("bytes", [-1, "x", 2**60]),
        ("pii", [["nose"], "name", [3], {"name": 1}]),
        ("customers", [["a", 3], "a", {"a": 1}, [""], ["x" * 513], [["a"]], [None]]),
        ("orders", [["a", None], 7, ["a", ""], [True]]),
        ("source_ip", [4, ["1.2.3.4"]]),
        ("user_agent", [4]),
        ("tls_fingerprint", [4]),
        ("marketplace", [4]),
    ],
)
def test_each_rule_rejects_by_name_and_harms_no_neighbour(field, values):
    for value in values:
        first, last = {**GOOD, "event_id": "a"}, {**GOOD, "event_id": "b"}
        events, rejected = decoded(first, {**GOOD, field: value}, last)
        assert [r.offset for r in rejected] == [11], value
        assert rejected[0].reason.startswith(field), (value, rejected[0].reason)
        assert same(events, decoded(first, b"", last)[0])


@pytest.mark.parametrize("field", REQUIRED)
def test_what_is_required(field):
    _, rejected = decoded({k: v for k, v in GOOD.items() if k != field})
    assert rejected[0].reason == f"{field} is missing"


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff\xfe", b"[]", b"null", b'"x"', b"{", b"[" * 5000, b"{}{}", b"NaN", b'{"event_id":"\\ud800"}'],
)
def test_what_is_no_record(value):
    events, rejected = decoded(value)
    assert len(events) == 0
    assert len(rejected) == 1


def test_reasons_hold_no_content():
    secret = "Jane-Doe"
    for field in GOOD:
        for value in ([secret, 3], {secret: 1}, secret * 100):
            for r in decoded({**GOOD, field: value})[1]:
                assert secret not in r.reason


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2024-01-01T00:00:00Z", 1_704_067_200_000),
        ("2024-01-01T02:00:00.1239+02:00", 1_704_067_200_123),
        ("2023-12-31T18:30:00.001-05:30", 1_704_067_200_001),
        ("2024-01-01", -1),
        ("2024-01-01T00:00:00", -1),
        ("2024-13-01T00:00:00Z", -1),
        ("1999-12-31T23:59:59Z", -1),
        ("9999-12-31T23:59:59-23:59", -1),
        ("1704067200000", 1_704_067_200_000),
        ("1704067200", -1),
        ("9" * 5000, -1),
        ("-5", -1),
    ],
)
def test_time(text, ms):
    assert time_ms_of(text) == ms
    times = [[text], [text, "2024-01-01T00:00:00Z"], [text, 1_704_067_200_000]]
    for column in times:  # whatever its neighbours
        events, rejected = decoded(*({**GOOD, "time": time} for time in column))
        assert len(rejected) == (ms < 0)
        assert events.time_ms[: len(events) - len(column) + 1].tolist() == ([ms] if ms > 0 else [])
        if all(isinstance(time, str) for time in column):
            table = pa.Table.from_pylist([{**GOOD, "time": time} for time in column])
            assert same(Decoder(OPERATIONS).table(table, 10)[0], events)


def test_a_list_beyond_the_cap_is_rejected():
    _, rejected = decoded({**GOOD, "orders": ["o"] * (LIST_MAX_IDS + 1)})
    assert rejected[0].reason == f"orders must list at most {LIST_MAX_IDS:,} ids"


def test_a_zero_byte_within_an_unread_list():
    raw = json.dumps({**GOOD, "customers": ["c\0c"]}).encode().replace(b"\\u0000", b"\0")
    events, rejected = decoded(GOOD, raw, {**GOOD, "event_id": "z"})
    assert len(events) + len(rejected) == 3
    assert {10, 12} <= set(events.offset.tolist())


IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
RECORDS = st.fixed_dictionaries(
    {
        **dict.fromkeys(("event_id", "developer_id", "seller_id", "key_id", "operation"), IDS),
        "time": st.integers(946_684_800_000, 4_102_444_799_999),
        "status": st.integers(100, 599),
    },
    optional={
        "records": st.integers(0, 2**31 - 1),
        "bytes": st.integers(0, 2**50),
        "pii": st.lists(st.sampled_from(PII_CLASSES), max_size=4),
        "customers": st.lists(IDS, max_size=3),
        "orders": st.lists(IDS, max_size=3),
        "source_ip": st.sampled_from(["1.2.3.4", "2001:db8::1", "host"]) | IDS,
        "user_agent": st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        "tls_fingerprint": IDS,
    },
)


@settings(max_examples=60, deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=6), st.booleans())
def test_arrow_and_json_agree(records, escaped):
    values = [json.dumps(r, ensure_ascii=escaped).encode() for r in records]
    a, rejected = Decoder(OPERATIONS).records(values, range(len(values)))
    assert not rejected
    table = pa.Table.from_pylist([{**dict.fromkeys(GOOD), **r} for r in records])
    b, rejected = Decoder(OPERATIONS).table(table, 0)
    assert not rejected
    assert same(a, b)


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("time", pa.array([1_700_000_000_000_000], pa.timestamp("us", "UTC"))),
        ("time", pa.array(["2023-11-14T22:13:20Z"])),
        ("time", pa.array(["2023-11-14T22:13:20Z"], pa.string_view())),
        ("status", pa.array([200], pa.int16())),
        ("status", pa.array(["200"]).dictionary_encode().cast(pa.string()).cast(pa.int32())),
        ("developer_id", pa.array(["dev"]).dictionary_encode()),
        ("developer_id", pa.array(["dev"], pa.large_string())),
        ("orders", pa.array([["o1", "ö2", 'o"3']], pa.large_list(pa.large_string()))),
        ("pii", pa.array([["name", "tax"]], pa.list_(pa.dictionary(pa.int8(), pa.string())))),
    ],
)
def test_arrow_types_that_mean_the_same(field, column):
    table = pa.Table.from_pylist([GOOD])
    table = table.set_column(table.column_names.index(field), field, column)
    events, rejected = Decoder(OPERATIONS).table(table, 10)
    assert not rejected
    assert same(events, decoded(GOOD)[0])


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("status", pa.array([99, 200])),
        ("status", pa.array([None, 200])),
        ("records", pa.array([-1, 2])),
        ("status", pa.array(["many", "200"])),
        ("status", pa.array([200.5, 200])),
        ("records", pa.array(["9" * 30, "2"])),
        ("time", pa.array([5, 1_700_000_000_000])),
        ("time", pa.array(["abc", "1700000000000"])),
        ("time", pa.array(["9" * 30, "2023-11-14T22:13:20Z"])),
        ("developer_id", pa.array(["", "dev"])),
        ("event_id", pa.array([None, "e1"])),
        ("pii", pa.array([["nose"], ["name", "tax"]])),
        ("orders", pa.array([[""], GOOD["orders"]])),
    ],
)
def test_arrow_rows_that_break_a_rule(field, column):
    table = pa.Table.from_pylist([GOOD, GOOD])
    table = table.set_column(table.column_names.index(field), field, column)
    events, rejected = Decoder(OPERATIONS).table(table, 9)
    assert [r.offset for r in rejected] == [9]
    assert rejected[0].reason.startswith(field)
    assert same(events, decoded(GOOD)[0])


@pytest.mark.parametrize(
    "name", ["key_id", "operation", "source_ip", "user_agent", "tls_fingerprint", "time", "pii"]
)
def test_bytes_that_are_no_text_cost_their_row_alone(name):
    column = pa.array([b"\xff", b"tax" if name == "pii" else b"1700000000000"]).view(pa.string())
    if name == "pii":
        column = pa.ListArray.from_arrays([0, 1, 2], column)
    table = pa.Table.from_pylist([GOOD, GOOD])
    table = table.set_column(table.column_names.index(name), name, column)
    events, (rejected,) = Decoder(OPERATIONS).table(table, 9)
    assert len(events) == 1
    assert (rejected.offset, rejected.reason.split()[0]) == (9, name)


@pytest.mark.parametrize("field", ["status", "time", "records", "orders", "key_id"])
def test_an_arrow_column_of_another_nature_rejects_every_row(field):
    table = pa.Table.from_pylist([GOOD])
    table = table.set_column(table.column_names.index(field), field, pa.array([True]))
    events, rejected = Decoder(OPERATIONS).table(table, 0)
    assert len(events) == 0
    assert rejected[0].reason.startswith(field)
    gone = pa.Table.from_pylist([GOOD]).drop_columns(["key_id"])
    assert Decoder(OPERATIONS).table(gone, 0)[1][0].reason == "key_id is missing"


def mutated(rng: np.random.Generator, value: bytes) -> bytes:
    data = bytearray(value)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(0, max(1, len(data))))
        choice = rng.integers(0, 4)
        if choice == 0:
            data[at : at + 1] = rng.bytes(1)
        elif choice == 1:
            del data[at : at + int(rng.integers(1, 20))]
        elif choice == 2:
            data[at:at] = bytes(rng.choice(list(b'"\\{}[],:0-9eE.\x00\xff')).tobytes()[:1])
        else:
            data[at:at] = data[: int(rng.integers(0, 40))]
    return bytes(data)


def fuzz(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    value, decoder = json.dumps(GOOD, ensure_ascii=False).encode(), Decoder(OPERATIONS)
    for start in range(0, count, 500):
        values = [mutated(rng, value) for _ in range(500)]
        events, rejected = decoder.records(values, range(start, start + 500))
        offsets = sorted([*events.offset.tolist(), *(r.offset for r in rejected)])
        assert offsets == list(range(start, start + 500)), f"seed {seed}"
        assert (events.developer != 0).all()


def test_mutated_records_are_accepted_or_rejected():
    fuzz(3_000, seed=17)


@pytest.mark.slow
def test_many_mutated_records_are_accepted_or_rejected():
    fuzz(100_000, seed=18)
