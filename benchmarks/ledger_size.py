"""Bytes that the exposure ledger takes: `python -m benchmarks.ledger_size [HOURS SELLERS]`.

A simulated marketplace (the scenario of all poolers, seed 3) is replayed with a ledger. Printed: what an
entity's day takes on disk and in memory, how many entries it has, and how near its customers come to
the truth.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from poolwatch.ledger.ledger import Question, ask
from poolwatch.replay.replay import Request, replay
from poolwatch.simulate import Wish, simulate
from streams.files import ledger as ledger_files
from streams.settings import Settings


def main() -> None:
    hours, sellers = (int(a) for a in (sys.argv[1:] or ("23", "1000")))
    with tempfile.TemporaryDirectory() as folder:
        events, ledger = str(Path(folder, "events.parquet")), str(Path(folder, "ledger"))
        simulate(Wish("mixed", 3, hours, sellers, sellers // 5), events, Settings())
        replayed = replay(Request([events], Settings(ledger=ledger)))
        held = [d.held_bytes["ledger"] for d in replayed.pipeline.detects[0]]
        paths = [path for _, path in ledger_files.files(ledger)]
        rows = pa.concat_tables([ledger_files.read(path) for path in paths])
        _sizes(rows, sum(path.stat().st_size for path in paths), sum(held), hours)
        _errors(ledger, events)


def _sizes(rows: pa.Table, on_disk: int, held: int, hours: int) -> None:
    kept = pc.list_value_length(rows["sample"])
    columns = [rows["entity_kind"], rows["entity_id"], kept]
    table = pa.table(columns, names=["kind", "id", "kept"])
    entities = table.group_by(["kind", "id"]).aggregate([("kept", "sum"), ("kept", "count")])
    many, entries = entities["kept_sum"].to_numpy(), entities["kept_count"].to_numpy()
    print(f"{len(many):,} entities read personal data in {hours} hours: {len(rows):,} entries")
    each = on_disk / many.sum()
    print(f"on disk   {on_disk / len(many):8,.0f} bytes an entity-day, {each:.1f} a kept customer")
    if hours < 24:  # the day is open still
        print(f"in memory {held / len(many):8,.0f} bytes an entity-day, reserve included")
    for name, values in (("kept customers", many), ("entries", entries)):
        middle, most = np.percentile(values, [50, 99])
        print(
            f"{name:14} an entity-day: median {middle:,.0f}, 99% at most {most:,.0f}, most {values.max():,}"
        )
    print(f"{np.mean(rows['level'].to_numpy() == 0):.1%} of the entries hold every customer")


def _errors(ledger: str, events: str) -> None:
    columns = ["developer_id", "status", "pii", "customers"]
    table = pq.read_table(events, columns=columns)
    good = pc.and_(pc.greater_equal(table["status"], 200), pc.less(table["status"], 300))
    table = table.filter(pc.and_(good, pc.greater(pc.list_value_length(table["pii"]), 0)))
    who = (
        table["developer_id"]
        .combine_chunks()
        .take(pc.list_parent_indices(table["customers"].combine_chunks()))
    )
    pairs = pa.table({"who": who, "customer": pc.list_flatten(table["customers"])})
    exact = pairs.group_by("who").aggregate([("customer", "count_distinct")]).to_pylist()
    truth = {f"developer:{row['who']}": row["customer_count_distinct"] for row in exact}
    lines = [line for line in ask(Question(ledger, by="entity")).lines if line.name in truth]
    off = np.array([line.customers / truth[line.name] - 1 for line in lines])
    within = np.mean([line.low <= truth[line.name] <= line.high for line in lines])
    sampled = np.array([line.low < line.high for line in lines])
    print(
        f"{len(lines):,} developers: {1 - sampled.mean():.0%} exact, {within:.1%} within the bounds", end=""
    )
    print(f", {np.sqrt(np.mean(off[sampled] ** 2)):.1%} off where sampled (rms)" if sampled.any() else "")


if __name__ == "__main__":
    main()
