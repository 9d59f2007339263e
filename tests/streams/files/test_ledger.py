"""Days of the ledger on disk: the same bytes again, nothing lost by a part, old days go, damage is told."""

import time
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from models.errors import ConfigError, PoolwatchError
from models.ledger.ledger import LedgerDay
from models.ledger.loop import ENTRY_MOST
from streams.files import ledger as ledger_files

TODAY = int(time.time()) // 86_400


def day_of(number, entries):
    """entries: (entity, seller, key, classes, level, customers), in order."""
    names = {n: f"id-{n}" for n in range(1, 100)}
    entity, seller, key, classes, level, samples = zip(*entries, strict=True)
    return LedgerDay(
        day=number,
        kinds=np.zeros(len(entries), np.uint8),
        entities=np.array(entity, np.uint64),
        sellers=np.array(seller, np.uint64),
        keys=np.array(key, np.uint64),
        classes=np.array(classes, np.uint8),
        levels=np.array(level, np.uint8),
        starts=np.concatenate(([0], np.cumsum([len(s) for s in samples]))),
        samples=np.concatenate([np.array(s, np.uint32) for s in samples]),
        names=names,
    )


DAY = day_of(TODAY - 9, [(1, 3, 4, 1, 0, [5, 6]), (1, 3, 4, 17, 0, [6]), (2, 3, 9, 3, 2, [7, 8, 9])])


def path_of(folder, day, partition=3):
    return (
        folder
        / date.fromordinal(date(1970, 1, 1).toordinal() + day.day).isoformat()
        / f"{partition:03}.parquet"
    )


def rows_of(folder, day):
    return ledger_files.read(path_of(folder, day)).to_pylist()


def test_what_is_written_is_read(tmp_path):
    ledger_files.write(str(tmp_path), 3, [DAY], 400)
    first = rows_of(tmp_path, DAY)[0]
    assert first == {
        "entity_kind": "developer",
        "entity_id": "id-1",
        "seller_id": "id-3",
        "key_id": "id-4",
        "classes": "name",
        "level": 0,
        "sample": [5, 6],
    }
    assert [row["classes"] for row in rows_of(tmp_path, DAY)] == ["name", "name,purchase", "name,address"]
    assert [row["entity_id"] for row in ledger_files.read(path_of(tmp_path, DAY), ["id-2"]).to_pylist()] == [
        "id-2"
    ]


def test_a_day_told_again_gives_the_same_bytes(tmp_path):
    ledger_files.write(str(tmp_path), 3, [DAY], 400)
    before = path_of(tmp_path, DAY).read_bytes()
    ledger_files.write(str(tmp_path), 3, [DAY], 400)
    assert path_of(tmp_path, DAY).read_bytes() == before
    assert [p.name for p in path_of(tmp_path, DAY).parent.iterdir()] == ["003.parquet"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_parts_of_a_day_add_up(tmp_path, order):
    """As when a replay covers some hours of a day that is there: the union, whichever comes first."""
    parts = [DAY, day_of(DAY.day, [(1, 3, 4, 1, 1, [2, 6]), (5, 3, 4, 1, 0, [1])])]
    for place in order:
        ledger_files.write(str(tmp_path), 3, [parts[place]], 400)
    rows = {
        (row["entity_id"], row["classes"]): (row["level"], row["sample"]) for row in rows_of(tmp_path, DAY)
    }
    assert rows == {
        ("id-1", "name"): (1, [2, 5, 6]),
        ("id-1", "name,purchase"): (0, [6]),
        ("id-2", "name,address"): (2, [7, 8, 9]),
        ("id-5", "name"): (0, [1]),
    }
    bytes_of = path_of(tmp_path, DAY).read_bytes()
    for place in order:
        ledger_files.write(str(tmp_path), 3, [parts[place]], 400)
    assert path_of(tmp_path, DAY).read_bytes() == bytes_of


def test_a_merged_entry_is_no_larger_than_one_may_be(tmp_path):
    spread = np.linspace(1, 2**32 - 2, ENTRY_MOST).astype(np.uint32)
    for samples in (spread, spread + 1):
        ledger_files.write(str(tmp_path), 3, [day_of(DAY.day, [(1, 3, 4, 1, 0, samples)])], 400)
    (row,) = rows_of(tmp_path, DAY)
    assert (row["level"], len(row["sample"])) == (1, ENTRY_MOST)


# days kept: 400
# there       [old]  [edge]                     [other]
# written                                          x newest
def test_days_expire_by_event_time(tmp_path):
    ages = {"old": 400, "edge": 399}
    days = {name: replace(DAY, day=TODAY - 20 - age) for name, age in ages.items()}
    for day in days.values():
        ledger_files.write(str(tmp_path), 3, [day], 400)
    (tmp_path / "notes").mkdir()
    ledger_files.write(str(tmp_path), 3, [replace(DAY, day=TODAY - 20)], 400)
    assert not path_of(tmp_path, days["old"]).parent.exists()
    assert path_of(tmp_path, days["edge"]).exists()
    assert (tmp_path / "notes").exists()


def test_a_clock_far_ahead_costs_nothing(tmp_path):
    ledger_files.write(str(tmp_path), 3, [DAY], 400)
    ledger_files.write(str(tmp_path), 3, [replace(DAY, day=TODAY + 9_000)], 400)
    assert path_of(tmp_path, DAY).exists()


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", b"\x00" * 500])
def test_a_damaged_file_is_one_clear_line(tmp_path, content):
    path = path_of(tmp_path, DAY)
    ledger_files.write(str(tmp_path), 3, [DAY], 400)
    whole = path.read_bytes()
    path.write_bytes(content or whole[: len(whole) // 2])
    with pytest.raises(
        PoolwatchError, match=r"003.parquet: damaged or no Parquet .*; bring a copy back"
    ) as caught:
        ledger_files.read(path)
    assert "\n" not in str(caught.value)
    # It is not in the way of the day told again, and not thrown away either.
    ledger_files.write(str(tmp_path), 3, [DAY], 400)
    assert path.read_bytes() == whole
    assert path.with_suffix(".damaged").exists()


def test_other_parquet_and_missing_folders_are_told(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1]}), tmp_path / "x.parquet")
    with pytest.raises(PoolwatchError, match=r"x.parquet: no ledger of this version"):
        ledger_files.read(tmp_path / "x.parquet")
    with pytest.raises(ConfigError, match="no such folder"):
        list(ledger_files.files(str(tmp_path / "none")))
    (tmp_path / "file").write_text("")
    with pytest.raises(PoolwatchError, match="cannot be written"):
        ledger_files.write(str(tmp_path / "file"), 0, [DAY], 400)


def test_days_are_chosen_by_time(tmp_path):
    for age in (1, 2, 3):
        ledger_files.write(str(tmp_path), 0, [replace(DAY, day=TODAY - age)], 400)
    noon = (TODAY - 2) * 86_400_000 + 43_200_000
    midnight = (TODAY - 1) * 86_400_000
    assert len(list(ledger_files.files(str(tmp_path)))) == 3
    assert len(list(ledger_files.files(str(tmp_path), noon))) == 2
    assert len(list(ledger_files.files(str(tmp_path), noon, midnight))) == 1
    assert len(list(ledger_files.files(str(tmp_path), None, noon))) == 2
