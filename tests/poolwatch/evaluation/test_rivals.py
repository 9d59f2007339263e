"""The rivals against what they mean, at any cost."""

import builtins
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.operations import Operations
from poolwatch.evaluation import cube as cubes
from poolwatch.evaluation import rivals
from poolwatch.evaluation.cube import build_cube
from poolwatch.evaluation.evidence import ScoreFile

HOUR = 3_600_000
FIRST_HOUR = 480_000 // 24 * 24


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """2,000 events of 12 developers over 60 h, and a file of them in small row groups."""
    chance = np.random.default_rng(5)
    rows = [
        {
            "time": int((FIRST_HOUR + chance.integers(0, 60)) * HOUR + chance.integers(0, HOUR)),
            "developer_id": f"d{chance.integers(0, 12)}",
            "seller_id": f"s{chance.integers(0, 30)}",
            "key_id": f"k{chance.integers(0, 40)}",
            "operation": str(chance.choice(["getOrders", "confirmShipment"])),
            "records": int(chance.integers(0, 50)),
            "bytes": 100,
            "pii": [["name", "purchase"], ["purchase"], []][chance.integers(0, 3)],
            "source_ip": [None, "203.0.113.1", "203.0.113.2"][chance.integers(0, 3)],
        }
        for _ in range(2_000)
    ]
    path = tmp_path_factory.mktemp("rivals") / "events.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=300)
    return rows, path


def naive_highest_distinct(rows, field):
    best = defaultdict(int)
    for end in range(FIRST_HOUR, FIRST_HOUR + 60):
        seen = defaultdict(set)
        for row in rows:
            if row[field] and end - 24 < row["time"] // HOUR <= end:
                seen[row[field]].add(row["seller_id"])
        for entity, sellers in seen.items():
            best[entity] = max(best[entity], len(sellers))
    return best


@pytest.mark.parametrize(
    ("kind", "field", "prefix"), [("developer", "developer_id", ""), ("origin", "source_ip", "ip:")]
)
def test_distinct_sellers_are_exact_at_every_hour(events, monkeypatch, kind, field, prefix):
    rows, path = events
    monkeypatch.setattr(cubes, "MERGE_ROWS", 500)  # so that sums are merged on the way
    table = rivals.distinct_sellers_24h(build_cube(path, Operations.load()), kind)
    want = {(kind, prefix + name): n for name, n in naive_highest_distinct(rows, field).items()}
    assert ScoreFile(table).highest() == want


def test_hourly_counts_are_sums_and_distinct_counts(events):
    rows, path = events
    cube = build_cube(path, Operations.load())
    entity, hour, counts = rivals.hourly_counts(cube)
    here = [
        r for r in rows if (r["developer_id"], r["time"] // HOUR) == (cube.developers[entity[7]], hour[7])
    ]
    assert list(counts[7]) == [
        len(here),
        sum(r["records"] for r in here),
        len({r["seller_id"] for r in here}),
        len({r["key_id"] for r in here}),
        sum(r["bytes"] for r in here),
        sum(r["records"] for r in here if "name" in r["pii"]),
    ]
    assert counts[:, 0].sum() == len(rows)


def test_expert_sql_is_what_it_says(events):
    rows, path = events
    table = rivals.expert_sql(build_cube(path, Operations.load()), "developer")
    got = {(r["entity_id"], r["time"] // (24 * HOUR) - 1): r["score"] for r in table.to_pylist()}
    day_of = lambda r: r["time"] // (24 * HOUR)  # noqa: E731
    for (developer, day), score in got.items():
        mine = [r for r in rows if r["developer_id"] == developer]
        today = [r for r in mine if day_of(r) == day]
        known = {r["seller_id"] for r in mine if day_of(r) < day}
        fresh = {r["seller_id"] for r in today} - known if day > FIRST_HOUR // 24 else set()
        reads = [r for r in today if "name" in r["pii"]]
        writes = [r for r in today if r["operation"] == "confirmShipment"]
        unwritten = {r["seller_id"] for r in reads} - {r["seller_id"] for r in writes}
        without = 1 - min(1, len(writes) / max(1, len(reads)))
        assert score == pytest.approx(without * len(unwritten) * (1 + len(fresh)))


def test_forest_scores_every_developer_between_0_and_1(events):
    table = rivals.isolation_forest(build_cube(events[1], Operations.load()), seed=1)
    highest = ScoreFile(table).highest()
    assert len(highest) == 12
    assert all(0 < score < 1 for score in highest.values())


def test_a_missing_package_is_told(events, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("pyod"):
            raise ImportError(name, name="pyod")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    skipped = [r for r in rivals.all_rivals(events[1], Operations.load()) if r.rows is None]
    assert [(r.name, r.skipped) for r in skipped] == [
        ("ECOD, hourly counts", "skipped: pyod is not installed")
    ]
