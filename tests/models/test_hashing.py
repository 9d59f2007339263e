"""Hashes: equal to the plain formula, stable over versions, well spread."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.hashing import hash_bytes, hash_ranges, hash_text, mix
from tests.models.naive_hashing import naive_hash


@settings(deadline=None)
@given(st.binary(max_size=70))
def test_equals_the_plain_formula(text):
    assert hash_bytes(text) == naive_hash(text)


def test_stays_what_it_was():
    # stored snapshots and alert ids rest on these
    assert hash_text("abc") == 12429034137088309199
    assert hash_text("") == 17241709254077376921
    assert hash_text("a" * 40) == 10420240940458812348


@settings(deadline=None)
@given(st.lists(st.text(max_size=20).filter(lambda t: t.isprintable()), max_size=20))
def test_arrow_buffers_without_copies(texts):
    _, offsets, data = pa.array(texts, pa.large_string()).buffers()
    ends = np.frombuffer(offsets, np.int64)[: len(texts) + 1]
    content = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    assert hash_ranges(content, ends[:-1], ends[1:]).tolist() == [hash_text(t) for t in texts]


def test_each_bit_moves_half_of_the_others():
    rng = np.random.default_rng(3)
    flips = []
    for _ in range(300):
        text = bytearray(rng.bytes(13))
        before = hash_bytes(bytes(text))
        bit = int(rng.integers(0, 13 * 8))
        text[bit // 8] ^= 1 << bit % 8
        flips.append((before ^ hash_bytes(bytes(text))).bit_count())
    assert 30 < np.mean(flips) < 34
    assert min(flips) > 12


@pytest.mark.slow
def test_a_million_ids_do_not_meet():
    data = b"".join(b"id-%09d" % i for i in range(1_000_000))
    starts = np.arange(1_000_000) * 12
    hashes = hash_ranges(np.frombuffer(data, np.uint8), starts, starts + 12)
    assert len(np.unique(hashes)) == 1_000_000
    assert len(np.unique(hashes & np.uint64(0xFFFF))) == 65_536


def test_mixing_two_knows_their_order():
    a, b = np.uint64(hash_text("a")), np.uint64(hash_text("b"))
    assert mix(a, b) != mix(b, a)
