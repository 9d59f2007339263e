"""Sightings as bytes: the same after a round trip, strict on garbage, whole over all partitions."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import PoolwatchError
from models.wire.codec import decode, encode
from models.wire.routing import cut, route
from models.wire.sightings import CUSTOMER, ROW, Sightings


@st.composite
def messages(draw: st.DrawFn) -> Sightings:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(0, 40))
    rows = np.zeros(count, ROW)
    for name in ROW.names:
        top = int(rng.choice([1, 200, 60_000, 2**31 - 1]))
        rows[name] = rng.integers(0, top, count)
    for name in ("entity", "seller"):
        rows[name] = rng.integers(0, 2**64, count, np.uint64)
    rows["kind"] = rng.integers(0, 2, count)
    customers = np.zeros(int(rng.integers(0, 60)) if count else 0, CUSTOMER)
    customers["row"] = rng.integers(0, max(count, 1), len(customers))
    customers["customer"] = rng.integers(0, 2**64, len(customers), np.uint64)
    names = {int(h): f"name {h}" for h in rows["entity"]}
    return Sightings(3, 77, 1_700_000_000_000, bool(rng.integers(0, 2)), rows, customers, names)


def facts(parts: list[Sightings]) -> tuple[list[bytes], set[tuple[bytes, int]], dict[int, str]]:
    """Rows, customers by row, and names, in any order."""
    rows = {row.tobytes() for s in parts for row in s.rows}
    customers = {(s.rows[int(c["row"])].tobytes(), int(c["customer"])) for s in parts for c in s.customers}
    return sorted(rows), customers, {h: n for s in parts for h, n in s.names.items()}


def head(s: Sightings) -> tuple[int, int, int, bool]:
    return s.source, s.chunk, s.watermark_ms, s.idle


@settings(max_examples=60, deadline=None)
@given(messages())
def test_round_trip(message):
    again = decode(encode(message))
    assert head(again) == head(message)
    assert again.rows.tobytes() == message.rows.tobytes()
    assert again.customers.tobytes() == message.customers.tobytes()
    assert again.names == message.names


@settings(max_examples=40, deadline=None)
@given(messages(), st.sampled_from([1, 3, 8]))
def test_every_partition_gets_the_watermark_and_its_rows(message, partitions):
    parts = route(message, partitions)
    assert len(parts) == partitions
    assert {head(p) for p in parts} == {head(message)}
    assert facts(parts) == facts([message])
    for place, part in enumerate(parts):
        assert set((part.rows["entity"] % np.uint64(partitions)).tolist()) <= {place}


@settings(max_examples=40, deadline=None)
@given(messages())
def test_pieces_fit_and_close_no_minute_too_early(message):
    pieces = cut(message, 2_000)
    assert all(len(encode(p)) <= 2_000 for p in pieces)
    assert facts(pieces) == facts([message])
    assert head(pieces[-1]) == head(message)
    for i, piece in enumerate(pieces[:-1]):
        later = min(int(p.rows["minute"].min()) for p in pieces[i + 1 :])
        assert piece.watermark_ms <= later * 60_000
        assert not piece.idle


@settings(max_examples=150, deadline=None)
@given(messages(), st.data())
def test_garbage_is_one_clear_error(message, data):
    raw = bytearray(encode(message))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + 1] = data.draw(st.binary(max_size=3))
    with suppress(PoolwatchError):  # or it is a message still: a changed number is a number
        assert encode(decode(bytes(raw)))


@pytest.mark.parametrize("raw", [b"", b"{}", b"\x90", b"\xc1", b"[" * 9000])
def test_what_is_no_message(raw):
    with pytest.raises(PoolwatchError, match="not a sightings message"):
        decode(raw)


def test_another_version_is_named():
    raw = bytearray(encode(Sightings(0, 0, 0)))
    raw[1] = 9
    with pytest.raises(PoolwatchError, match="version 9"):
        decode(bytes(raw))


def test_zero_columns_cost_nothing():
    rows = np.zeros(1000, ROW)
    rows["calls"] = 1
    assert len(encode(Sightings(0, 0, 0, rows=rows))) < 1_300
