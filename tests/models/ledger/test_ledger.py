"""The ledger holds what its naive twin says, however it was told; samples merge and keep their bounds."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models.ledger.ledger import Ledger, LedgerDay
from models.ledger.loop import Limits
from models.ledger.samples import counts, union
from models.memory.names import Names
from models.windows.layout import OPEN_CELL
from models.wire.sightings import CLASS_SHIFT, ROW
from tests.models import naive_ledger

QUICK = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
DAY_0 = 20_000
SMALL = Limits(4, 10)
#: (day, kind, entity, seller, key, classes, customer)
Seen = tuple[int, int, int, int, int, int, int]


def hashed(customer: int) -> int:
    """58 bits that look like a hash."""
    return int(np.random.default_rng(customer).integers(1 << 32, 1 << CLASS_SHIFT))


def value(customer: int) -> int:
    return max(hashed(customer) >> 26, 1)


def add(ledger: Ledger, seen: list[Seen]) -> None:
    """One message: a row for each (day, kind, entity, seller, key)."""
    places = {row: n for n, row in enumerate(dict.fromkeys(s[:5] for s in seen))}
    rows, cells = np.zeros(len(places), ROW), np.zeros(len(places), OPEN_CELL)
    for (day, kind, entity, seller, key), n in places.items():
        rows[n]["kind"], rows[n]["entity"], rows[n]["seller"], rows[n]["key"] = kind, entity, seller, key
        cells[n]["minute"] = day * 1_440 + (entity * 7 + seller) % 1_440
    told = np.array([places[s[:5]] for s in seen], np.int32)
    hashes = np.array([hashed(s[6]) | s[5] << CLASS_SHIFT for s in seen], np.uint64)
    ledger.add(cells, np.arange(len(places), dtype=np.int32), longs(rows), told, hashes)


def longs(rows: np.ndarray) -> np.ndarray:
    return rows.view(np.uint64).reshape(len(rows), -1)


def plain(days: list[LedgerDay]) -> dict[tuple[int, ...], tuple[int, list[int]]]:
    out = {}
    for day in days:
        for n in range(len(day)):
            ids = (day.kinds[n], day.entities[n], day.sellers[n], day.keys[n], day.classes[n])
            sample = day.samples[day.starts[n] : day.starts[n + 1]].tolist()
            out[(day.day, *map(int, ids))] = (int(day.levels[n]), sample)
    return out


def meant(seen: list[Seen], limits: Limits) -> dict[tuple[int, ...], tuple[int, list[int]]]:
    days: dict = defaultdict(lambda: defaultdict(set))
    for *ids, customer in seen:
        if ids[5]:
            days[tuple(ids[:3])][tuple(ids)].add(value(customer))
    out = {}
    for entries in days.values():
        out |= naive_ledger.held(entries, limits.entry, limits.day)
    return out


@st.composite
def histories(draw: st.DrawFn) -> list[Seen]:
    one = st.tuples(
        st.integers(DAY_0, DAY_0 + 2),
        st.integers(0, 1),
        st.integers(1, 2),
        st.integers(1, 3),
        st.integers(1, 2),
        st.sampled_from([0, 1, 3, 16]),
        st.integers(0, draw(st.sampled_from([8, 60, 400]))),
    )
    return draw(st.lists(one, min_size=1, max_size=120))


@QUICK
@given(histories(), st.data())
def test_what_is_held_depends_on_the_customers_alone(seen, data) -> None:
    limits = data.draw(st.sampled_from([SMALL, Limits(3, 40), Limits(100, 20), Limits()]))
    ledger, pages = Ledger(limits=limits), {}
    way = data.draw(st.permutations(seen)) + data.draw(st.lists(st.sampled_from(seen), max_size=9))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(way)), max_size=6)) | {0, len(way)})
    for first, last in pairwise(cuts):
        add(ledger, way[first:last])
        if data.draw(st.booleans()):
            pages = whole(pages, ledger)
            ledger = Ledger(limits=limits)
            ledger.restore(pages)
    assert plain(ledger.peek(Names())) == meant(seen, limits)
    again = Ledger(limits=limits)
    add(again, seen)
    assert [day_bytes(d) for d in ledger.peek(Names())] == [day_bytes(d) for d in again.peek(Names())]


def whole(pages: dict[str, bytes], ledger: Ledger) -> dict[str, bytes]:
    """All pages ever told, as a snapshot keeps them."""
    told = ledger.changed()
    return {name: page for name, page in (pages | told).items() if page is not None}


def day_bytes(day: LedgerDay) -> bytes:
    columns = (
        day.kinds,
        day.entities,
        day.sellers,
        day.keys,
        day.classes,
        day.levels,
        day.starts,
        day.samples,
    )
    return b"".join(column.tobytes() for column in columns)


# day        0            1            2
# told       ..........   .....
# closed                    ^ day 0 goes, day 1 stays as it is
@QUICK
@given(histories(), st.booleans())
def test_a_closed_day_goes_and_the_open_ones_stay(seen, crash) -> None:
    ledger, names = Ledger(limits=SMALL), Names()
    add(ledger, seen)
    pages = whole({}, ledger)
    assert ledger.close(DAY_0 * 1_440 + 1_438, names) == []
    gone = ledger.close(DAY_0 * 1_440 + 1_439, names)
    want = meant(seen, SMALL)
    assert plain(gone) == {ids: held for ids, held in want.items() if ids[0] == DAY_0}
    if crash:
        pages = whole(pages, ledger)
        ledger = Ledger(limits=SMALL)
        ledger.restore(pages)
    later = [(s[0] + 1, *s[1:]) for s in seen]
    add(ledger, later)
    left = [s for s in seen if s[0] > DAY_0] + later
    assert plain(ledger.close((DAY_0 + 9) * 1_440, names)) == meant(left, SMALL)
    assert len(ledger) == 0
    pages = whole(pages, ledger)
    assert not any(name.startswith("ledger-words/") for name in pages if not name.endswith("meta"))


def test_large_days_keep_to_their_limits() -> None:
    """Regions grow and are given back: 100,000 customers through 60 keys, then 3,000 more keys of a few."""
    ledger = Ledger(limits=Limits(512, 8_192))
    customers = np.random.default_rng(1).integers(1 << 32, 1 << CLASS_SHIFT, 100_000, np.uint64)
    for first in range(0, 100_000, 5_000):
        tell(ledger, np.arange(first, first + 5_000) % 60, customers[first : first + 5_000])
    assert sum(len(d.samples) for d in ledger.peek(Names())) <= 8_192
    tell(ledger, 60 + np.arange(30_000) % 3_000, customers[:30_000])
    tell(ledger, np.arange(100_000) % 60, customers)  # again: nothing changes
    (day,) = ledger.peek(Names())
    assert len(day.samples) <= 8_192
    assert (np.diff(day.starts) <= 512).all()
    top, kept = union(np.zeros(len(day), np.int64), 1, day.levels, day.starts, day.samples)
    found = counts(top, kept)
    assert found.low[0] <= 100_000 <= found.high[0]
    assert ledger.held_bytes < 2_000_000


def tell(ledger: Ledger, keys: np.ndarray, customers: np.ndarray) -> None:
    many = int(keys.max()) + 1
    rows, cells = np.zeros(many, ROW), np.zeros(1, OPEN_CELL)
    rows["entity"], rows["seller"], rows["key"] = 1, np.arange(many) + 1, np.arange(many) + 1
    cells["minute"] = DAY_0 * 1_440
    marked = customers | np.uint64(3) << np.uint64(CLASS_SHIFT)
    ledger.add(cells, np.zeros(many, np.int32), longs(rows), keys.astype(np.int32), marked)


def test_pages_that_changed_alone_are_told() -> None:
    ledger = Ledger()
    tell(
        ledger, np.arange(200_000) % 2_000, np.random.default_rng(2).integers(1, 1 << 58, 200_000, np.uint64)
    )
    all_bytes = sum(len(p or b"") for p in ledger.changed().values())
    tell(ledger, np.zeros(3, np.int64), np.array([1 << 30, 2 << 30, 3 << 30], np.uint64))
    assert 0 < sum(len(p or b"") for p in ledger.changed().values()) < all_bytes / 20
    assert ledger.changed() == {}


def test_off_it_keeps_nothing_and_lets_go_of_what_a_snapshot_holds() -> None:
    on, off = Ledger(), Ledger(on=False)
    add(on, [(DAY_0, 0, 1, 1, 1, 1, 1)])
    add(off, [(DAY_0, 0, 1, 1, 1, 1, 1)])
    assert (len(on), len(off)) == (1, 0)
    pages = whole({}, on)
    off.restore(pages)
    assert whole(pages, off) == {}
    assert off.changed() == {}


# -- samples


def sampled(customers: np.ndarray, most: int) -> tuple[int, np.ndarray]:
    values = np.unique(np.maximum(customers >> np.uint64(26), 1)).astype(np.uint32)
    level = 0
    while len(values) > most:
        level += 1
        values = values[values < np.uint32(1 << (32 - level))]
    return level, values


def united(parts: list[tuple[int, np.ndarray]]) -> tuple[int, int]:
    starts = np.concatenate(([0], np.cumsum([len(values) for _, values in parts])))
    top, kept = union(
        np.zeros(len(parts), np.int64),
        1,
        np.array([level for level, _ in parts], np.uint8),
        starts,
        np.concatenate([values for _, values in parts]),
    )
    return int(top[0]), int(kept[0])


@QUICK
@given(st.lists(st.integers(0, 5_000), min_size=2, max_size=6), st.integers(0, 1 << 20), st.data())
def test_a_union_is_the_same_in_any_order_and_grouping(sizes, seed, data) -> None:
    rng = np.random.default_rng(seed)
    pool = rng.integers(1 << 32, 1 << 58, 6_000, np.uint64)
    sets = [rng.choice(pool, size) for size in sizes]
    parts = [sampled(customers, 64) for customers in sets]
    whole = united(parts)
    assert united(data.draw(st.permutations(parts))) == whole
    assert united(parts + parts[:1]) == whole
    # It is the sample, at its level, of the sets' union: nothing is counted twice, nothing lost.
    values = np.unique(np.maximum(np.concatenate(sets) >> np.uint64(26), 1))
    assert whole[1] == (values < np.uint64(1 << (32 - whole[0]))).sum()


@pytest.mark.parametrize("sets", [1, 2, 8])
def test_estimates_are_unbiased_and_bounds_hold(sets) -> None:
    """Unions of overlapping sets of 200 to 8,000: the mean is right within 1%, the 95% bounds hold."""
    rng = np.random.default_rng(sets)
    ratios, held = [], 0
    for _ in range(600):
        size = int(rng.integers(200, 8_000))
        customers = rng.integers(1 << 32, 1 << 58, size, np.uint64)
        parts = [sampled(customers[rng.random(size) < 0.3], 128) for _ in range(sets - 1)]
        first = sampled(customers, 128)
        top, kept = united([first, *parts])
        found = counts(top, kept)
        ratios.append(found.estimate / size)
        held += bool(found.low <= size <= found.high)
    assert np.mean(ratios) == pytest.approx(1, abs=0.01)
    assert held >= 0.94 * 600


def test_small_numbers_are_exact_and_collisions_are_reckoned_with() -> None:
    for many in (0, 1, 17, 5_000):
        found = counts(0, many)
        assert (found.low, found.estimate, found.high) == (many, many, many)
    found = counts(0, round(2**32 * (1 - np.exp(-0.01))))  # a hundredth as many customers as hashes
    assert found.estimate == pytest.approx(0.01 * 2**32, rel=1e-6)
    assert found.low < 0.01 * 2**32 < found.high
