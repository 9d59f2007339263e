"""Partition offsets of a replay in; the files and lines, topics and offsets that they came from out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.dtypes import I32, I64
from streams.inputs.sources import Place

#: Places told of one alert; more are not read by anybody.
MOST_PLACES = 20
#: Newest records of a partition whose own places are known: one that is refused as too far ahead is refused
#: within a few dozen records (FoldLimits).
RECENT = 1_024


class EvidenceIndex:
    """For each batch and partition each input's range of places; of the newest events each one's own."""

    def __init__(self, places: Sequence[Place], partitions: int) -> None:
        self._places = places
        self._spans: list[list[tuple[int, int, int, int, int]]] = [[] for _ in range(partitions)]
        self._recent: list[list[tuple[int, I32, I64]]] = [[] for _ in range(partitions)]

    def add(self, partition: int, first_offset: int, sources: I32, where: I64) -> None:
        """Offsets first_offset.. of `partition` are the events at `where` in `sources`."""
        last_offset = first_offset + len(where) - 1
        for source in np.unique(sources).tolist():
            chosen = where[sources == source]
            span = (first_offset, last_offset, source, int(chosen.min()), int(chosen.max()))
            self._spans[partition].append(span)
        recent = self._recent[partition]
        recent.append((first_offset, sources, where))
        while len(recent) > 1 and recent[1][0] <= last_offset - RECENT:
            del recent[0]

    def told(self, evidence: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Evidence by partition offset -> by file and line, or topic, partition and offset."""
        ranges: dict[int, tuple[int, int]] = {}
        for item in evidence:
            for first_offset, last_offset, source, first, last in self._spans[item["partition"]]:
                if last_offset >= item["first"] and first_offset <= item["last"]:
                    known = ranges.get(source, (first, last))
                    ranges[source] = min(first, known[0]), max(last, known[1])
        return [self.item(source, *ranges[source]) for source in sorted(ranges)[:MOST_PLACES]]

    def place(self, partition: int, offset: int) -> dict[str, Any]:
        """Where one of the newest RECENT records of `partition` came from."""
        first_offset, sources, where = next(r for r in reversed(self._recent[partition]) if r[0] <= offset)
        at = int(where[offset - first_offset])
        return self.item(int(sources[offset - first_offset]), at, at)

    def item(self, source: int, first: int, last: int) -> dict[str, Any]:
        place = self._places[source]
        if place.partition is None:
            return {"file": place.name, "partition": None, "first": first, "last": last}
        return {"topic": place.name, "partition": place.partition, "first": first, "last": last}
