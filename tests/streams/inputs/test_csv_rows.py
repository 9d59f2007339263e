"""CSV as it comes: whatever one line holds, it costs that line alone, and the block's end does not show."""

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.errors import PoolwatchError
from streams.inputs import csv_rows, lines
from tests.streams.inputs.test_sources import EVENTS, event, read, write

HEADER = list(event(0, user_agent="x"))
GOOD = ("plain", "quoted", "several lines")
#: fault -> the reason told of it
FAULTS = {
    "latin-1": "row must be in UTF-8",
    "latin-1, more cells": "row must be in UTF-8",
    "more cells": "wrong number of columns",
    "fewer cells": "wrong number of columns",
    "open quote": "a quote is not closed",
    "no time": "time must be",
    "no number": "records must be",
    "endless": "row is longer than",
}


def written(cells, quoting=csv.QUOTE_MINIMAL):
    out = io.StringIO()
    csv.writer(out, quoting=quoting, lineterminator="\n").writerow(cells)
    return out.getvalue()


def row(kind, i):
    """One row as bytes; user_agent is its last cell."""
    told = event(i, user_agent="Tool\n1" if kind == "several lines" else "Töol")
    told |= {"no time": {"time": "abc"}, "no number": {"records": "many"}}.get(kind, {})
    cells = [";".join(v) if isinstance(v, list) else v for v in told.values()]
    text = written(cells, csv.QUOTE_ALL if kind == "quoted" else csv.QUOTE_MINIMAL)
    text = {
        "latin-1, more cells": text[:-1] + ",Jane,Doe\n",
        "more cells": text[:-1] + ",x\n",
        "fewer cells": text.rpartition(",")[0] + "\n",
        "open quote": '"' + text,
        "endless": text[:-1] + "x" * 5000 + "\n",
    }.get(kind, text)
    return text.encode("latin-1" if kind.startswith("latin") else "utf-8")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([*GOOD, *GOOD, *FAULTS, "blank"]), max_size=12),
    st.sampled_from([60, 500, 1 << 22]),
    st.booleans(),
)
@example(["plain", "open quote", *["plain"] * 150, "several lines"], 500, True)
@example(["plain", "several lines", "open quote"], 1 << 22, False)
def test_what_is_no_row_costs_itself_alone(tmp_path_factory, kinds, read_bytes, last_newline):
    data, line, bad = written(HEADER).encode(), 2, []
    for i, kind in enumerate(kinds):
        data += b"\n" if kind == "blank" else row(kind, i)
        bad += [(line, FAULTS[kind])] if kind in FAULTS else []
        line = 1 + data.count(b"\n")
    folder = tmp_path_factory.mktemp("csv")
    (folder / "a.csv").write_bytes(data if last_newline else data.removesuffix(b"\n"))
    good = write(folder / "a.jsonl", [event(i) for i, kind in enumerate(kinds) if kind in GOOD])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "READ_BYTES", read_bytes)
        patch.setattr(lines, "LINE_BYTES", 4000)
        patch.setattr(csv_rows, "LINE_BYTES", 4000)
        rows, rejected = read(folder / "a.csv")
        assert rows == read(good)[0]
    assert [
        (place, told.startswith(reason)) for (_, place, told), (_, reason) in zip(rejected, bad, strict=True)
    ] == [(place, True) for place, _ in bad]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_what_programs_make_of_csv(tmp_path, delimiter, encoding, newline):
    out = io.StringIO()
    rows = csv.writer(out, delimiter=delimiter, lineterminator=newline)
    rows.writerow(EVENTS[0])
    rows.writerows([";".join(v) if isinstance(v, list) else v for v in e.values()] for e in EVENTS)
    text = out.getvalue() if encoding != "utf-16-be" else "\ufeff" + out.getvalue()
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    assert read(tmp_path / "a.csv") == read(write(tmp_path / "a.jsonl", EVENTS))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_costs_no_line(tmp_path, encoding):
    path = tmp_path / "a.jsonl"
    plain = read(write(path, EVENTS))
    path.write_bytes(path.read_text().encode(encoding))
    assert read(path) == plain


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("événement,time\n".encode("latin-1"), "its first line does not name columns in UTF-8; save it"),
        ("event_id,time\n".encode("utf-16-le"), "its first line does not name columns in UTF-8; save it"),
        (b"event_id^time^status\n", "no column event_id, time, "),
        (written([*EVENTS[0], "time"]).encode(), "column time is there twice"),
    ],
)
def test_what_is_no_csv_of_events_is_one_clear_line(tmp_path, data, message):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(PoolwatchError, match=rf"a\.csv: {message}"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_an_empty_file_holds_no_event(tmp_path, name):
    (tmp_path / name).touch()
    assert read(tmp_path / name) == ([], [])
