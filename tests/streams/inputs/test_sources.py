"""Files of every form -> one history by time."""

import csv
import gzip
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from models.batches import part
from models.decode.decode import Decoder
from models.errors import ConfigError, PoolwatchError
from models.operations import Operations
from streams.inputs.merge import arrival_ms
from streams.inputs.sources import Cut, open_history

START_MS = 1_700_000_000_000
NOBODY = 65_534


def event(i, time_ms=None, **more):
    return {
        "event_id": f"e{i}",
        "time": START_MS + i * 1000 if time_ms is None else time_ms,
        "developer_id": f"d{i % 3}",
        "seller_id": f"s{i % 5}",
        "key_id": f"k{i % 7}",
        "operation": "getOrders",
        "status": 200,
        "records": i,
        "pii": ["name", "phone"],
        "orders": [f"o{i}", f"o{i + 1}"],
        "source_ip": "203.0.113.7",
    } | more


EVENTS = [event(i) for i in range(300)]


def write(path, events):
    data = "".join(json.dumps(e) + "\n" for e in events).encode()
    name = str(path)
    if name.endswith(".gz"):
        data = gzip.compress(data)
    elif name.endswith(".zst"):
        data = zstandard.compress(data)
    elif name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(events), name, row_group_size=100)
        return name
    elif name.endswith(".csv"):
        with open(name, "w", newline="") as file:
            rows = csv.DictWriter(file, events[0])
            rows.writeheader()
            rows.writerows(
                {k: ";".join(v) if isinstance(v, list) else v for k, v in e.items()} for e in events
            )
        return name
    path.write_bytes(data)
    return name


def read(*arguments, **more):
    history = open_history([str(a) for a in arguments], Decoder(Operations.load()), **more)
    columns, rejected = [], []
    for merged in history.read():
        rejected += [(history.places[s].name, r.offset, r.reason) for s, r in merged.rejected]
        e = merged.events
        for i in range(len(e)):
            orders = e.orders[e.order_start[i] : e.order_start[i + 1]]
            names = (e.names[int(e.developer[i])], e.names[int(e.seller[i])], e.names[int(e.key[i])])
            columns.append(
                (int(e.time_ms[i]), *names, int(e.records[i]), int(e.pii[i]), tuple(orders.tolist()))
            )
    return columns, rejected


@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst", "parquet", "csv"])
def test_every_form_holds_the_same_events(tmp_path, ending):
    plain = read(write(tmp_path / "a.jsonl", EVENTS))
    assert len(plain[0]) == 300
    assert read(write(tmp_path / f"a.{ending}", EVENTS)) == plain


# file a  0 . 2 . 4 . 6 . 8 .
# file b  . 1 . 3 . 5 . 7 . 9
# read    0 1 2 3 4 5 6 7 8 9
def test_files_that_overlap_are_merged_by_time(tmp_path):
    write(tmp_path / "a.jsonl", EVENTS[::2])
    write(tmp_path / "b.parquet", EVENTS[1::2])
    assert read(tmp_path) == read(write(tmp_path.parent / "all.jsonl", EVENTS))


def test_files_are_read_in_order_of_their_first_event(tmp_path):
    write(tmp_path / "a.jsonl", EVENTS[200:])
    write(tmp_path / "b.jsonl", EVENTS[:100])
    write(tmp_path / "c.jsonl", EVENTS[100:200])
    times = [row[0] for row in read(tmp_path)[0]]
    assert times == [e["time"] for e in EVENTS]


def test_a_file_keeps_its_own_order(tmp_path):
    late = [*EVENTS[:10], EVENTS[3], *EVENTS[10:20]]
    assert [r[0] for r in read(write(tmp_path / "a.jsonl", late))[0]] == [e["time"] for e in late]


def test_a_broken_clock_holds_no_other_file_back(tmp_path):
    odd = event(5, START_MS + 10**11)
    write(tmp_path / "a.jsonl", [*EVENTS[:100:2], odd, *EVENTS[100::2]])
    write(tmp_path / "b.jsonl", EVENTS[1::2])
    times = [r[0] for r in read(tmp_path)[0] if r[0] != odd["time"]]
    assert times == sorted(times)


def test_from_and_until_choose_by_event_time(tmp_path):
    for name in ("a.parquet", "a.jsonl"):
        rows, _ = read(
            write(tmp_path / name, EVENTS), from_ms=START_MS + 150_000, until_ms=START_MS + 152_000
        )
        assert [r[0] - START_MS for r in rows] == [150_000, 151_000]
    with pytest.raises(ConfigError, match="before --until"):
        read(tmp_path, from_ms=2, until_ms=1)


def test_rows_without_a_time_break_a_rule_whatever_span_is_asked_for(tmp_path):
    schema = pa.Table.from_pylist(EVENTS[:1]).schema
    table = pa.Table.from_pylist([event(i) | {"time": None} for i in range(5)] + EVENTS[:5], schema)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=5)
    rows, rejected = read(tmp_path / "a.parquet", from_ms=START_MS)
    assert (len(rows), len(rejected)) == (5, 5)


def test_what_breaks_a_rule_is_told_with_file_and_line(tmp_path):
    lines = [json.dumps(EVENTS[0]), "{", "", json.dumps(event(1, status=99)), json.dumps(EVENTS[2])]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines))  # and no newline at the end
    rows, rejected = read(path)
    assert [r[0] for r in rows] == [EVENTS[0]["time"], EVENTS[2]["time"]]
    assert [(place, reason.split()[0]) for _, place, reason in rejected] == [(2, "record"), (4, "status")]


def test_a_csv_cell_that_is_no_number_costs_its_row_alone(tmp_path):
    path = write(tmp_path / "a.csv", [EVENTS[0], event(1, status="many"), EVENTS[2]])
    rows, rejected = read(path)
    assert len(rows) == 2
    assert [(place, reason.split()[0]) for _, place, reason in rejected] == [(3, "status")]


@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst", "parquet", "csv"])
def test_a_damaged_file_is_one_clear_error(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    data = Path(write(path, EVENTS)).read_bytes()
    path.write_bytes(data[: len(data) // 2] if ending != "csv" else b"\xff\x00")
    with pytest.raises(PoolwatchError, match=f"a.{ending}: "):
        read(path)


def test_a_parquet_without_a_needed_column_names_it(tmp_path):
    pq.write_table(pa.table({"time": [1]}), tmp_path / "a.parquet")
    with pytest.raises(PoolwatchError, match=r"no column event_id, .*--mapping"):
        read(tmp_path / "a.parquet")


def test_an_unreadable_file_is_one_clear_error():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder, "a.jsonl")
        path.write_text("x")
        path.chmod(0)
        me = os.geteuid()
        if me == 0:  # the super-user reads everything
            os.seteuid(NOBODY)
        try:
            with pytest.raises(PoolwatchError, match=r"a\.jsonl: cannot be read"):
                read(path)
        finally:
            os.seteuid(me)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=50))
def test_arrival_never_falls(times):
    when = arrival_ms(np.array(times, np.int64))
    assert (np.diff(when) >= 0).all()


@given(st.lists(st.integers(0, 20), max_size=40), st.integers(0, 20), st.integers(1, 7))
def test_a_cut_leaves_fewest_events_on_the_wrong_side(times, until, block):
    decoded, _ = Decoder(Operations.load()).records(
        [json.dumps(event(i, START_MS + time)).encode() for i, time in enumerate(times)],
        range(100, 100 + len(times)),
    )
    cut = Cut(100)
    for first in range(0, len(times), block):
        cut.meet(part(decoded, first, min(first + block, len(times))), START_MS + until)

    def wrong(offset):
        return sum((i + 100 < offset) != (time < until) for i, time in enumerate(times))

    assert wrong(cut.offset) == min(wrong(offset) for offset in range(100, 101 + len(times)))


def test_one_wrong_clock_does_not_move_the_cut():
    # offset  0  1  2  3  4  5 | 6  7  8  9
    # time    0  9  2  3  4  5 | 7  1  8  9   until 6: one on each wrong side
    times = [0, 9, 2, 3, 4, 5, 7, 1, 8, 9]
    events, _ = Decoder(Operations.load()).records(
        [json.dumps(event(i, START_MS + time)).encode() for i, time in enumerate(times)], range(len(times))
    )
    cut = Cut(0)
    cut.meet(events, START_MS + 6)
    assert cut.offset == 6
