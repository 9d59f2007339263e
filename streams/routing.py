"""Sightings -> one or few messages for each sightings partition. Decides nothing: an entity's hash says where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from models.sightings import Sightings

#: Rows of one message; with names and customers that is well below outbox.MESSAGE_BYTES.
MESSAGE_ROWS = 1_500


def partition_of(entity: int, partitions: int) -> int:
    """Sightings partition of an entity's hash."""
    return int(entity) % partitions


def route(sightings: Sightings, partitions: int, held_back_ms: list[int]) -> Iterator[tuple[int, Sightings]]:
    """Messages in the order in which they must be sent; together they carry every row once.

    held_back_ms[partition]: the watermark told there before. Of several messages to one partition only the last
    may carry the new one, else detect could close a minute before its rows have come.
    """
    rows = sightings.rows
    if not len(rows):
        return
    where = (rows["entity"] % np.uint64(partitions)).astype(np.int64)
    order = np.argsort(where, kind="stable")
    ends = np.searchsorted(where[order], np.arange(partitions + 1))
    for partition in range(partitions):
        picked = order[ends[partition] : ends[partition + 1]]
        for start in range(0, len(picked), MESSAGE_ROWS):
            part = picked[start : start + MESSAGE_ROWS]
            last = start + MESSAGE_ROWS >= len(picked)
            watermark_ms = sightings.watermark_ms if last else held_back_ms[partition]
            yield partition, _some(sightings, part, watermark_ms)


def _some(sightings: Sightings, picked: np.ndarray, watermark_ms: int) -> Sightings:  # type: ignore[type-arg]
    """The rows at `picked`, with their customers and names."""
    rows = sightings.rows[picked]
    customers = sightings.customers
    if len(customers):
        place = np.full(len(sightings.rows), -1, np.int32)
        place[picked] = np.arange(len(picked), dtype=np.int32)
        customers = customers[place[customers["row"]] >= 0]
        customers["row"] = place[customers["row"]]
    names = sightings.names
    ids = set()
    for column in ("entity", "seller", "key", "other"):
        ids.update(rows[column].tolist())
    return replace(
        sightings,
        watermark_ms=watermark_ms,
        rows=rows,
        customers=customers,
        names={i: names[i] for i in ids if i in names},
    )
