"""Hash tables against dict, and pages against the rows themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ConfigError
from models.memory import tables
from models.memory.arrays import LARGE_BYTES, zeros
from models.memory.tables import Rows, new_index
from tests.models.compiled import called

drop, find, insert, remove, take = map(
    called, (tables.drop, tables.find, tables.insert, tables.remove, tables.take)
)

ROW = np.dtype([("key", "u8"), ("value", "i4"), ("next", "i4")])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=120))
def test_index_is_a_dict(steps):
    # keys share low bits, so that runs form and wrap around
    keys, slots = new_index(10)
    plain = {}
    for add, number in steps:
        key = np.uint64((number % 5 + 13) | number << 32)
        if add and int(key) not in plain and len(plain) < 10:
            insert(keys, slots, key, number)
            plain[int(key)] = number
        elif not add:
            remove(keys, slots, key)
            plain.pop(int(key), None)
        for n in range(1, 41):
            k = (n % 5 + 13) | n << 32
            assert find(keys, slots, np.uint64(k)) == plain.get(k, -1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 900)), max_size=700), st.integers(1, 50))
def test_changed_pages_make_the_table_again(steps, every):
    rows, pages, plain = Rows("t", ROW), {}, {}
    for i, (add, key) in enumerate(steps):
        rows.reserve(1)
        at = find(rows.table.keys, rows.table.slots, np.uint64(key))
        if add and at < 0:
            row = take(rows.table, np.uint64(key))
            rows.table.rows[row]["value"] = plain[key] = i
        elif not add and at >= 0:
            drop(rows.table, at)
            del plain[key]
        if i % every == 0:
            pages.update(rows.changed())
    pages.update(rows.changed())
    again = Rows("t", ROW)
    again.restore(pages)
    assert len(again) == len(plain)
    table = again.table
    got = {k: int(table.rows[find(table.keys, table.slots, np.uint64(k))]["value"]) for k in plain}
    assert got == plain
    assert again.table.meta.tolist() == rows.table.meta.tolist()  # the same rows will be used next


def test_a_torn_page_is_refused():
    rows = Rows("t", ROW)
    take(rows.table, np.uint64(1))
    pages = rows.changed() | {"t/0": b"short"}
    with pytest.raises(ConfigError, match="t/0: 5 bytes"):
        Rows("t", ROW).restore(pages)


@pytest.mark.parametrize("count", [1, LARGE_BYTES // 8 - 1, LARGE_BYTES // 8, LARGE_BYTES])
def test_room_is_empty_and_may_be_written(count):
    room = zeros(count, np.int64)
    assert room.shape == (count,)
    assert not room.any()
    room[:] = 7
    assert (room == 7).all()
