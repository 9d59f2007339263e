"""Partition offsets of a replay in; the files and lines, topics and offsets that they came from out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streams.inputs.sources import Place

I64 = npt.NDArray[np.int64]
#: Places told of one alert; more are not read by anybody.
MOST_PLACES = 20


class EvidenceIndex:
    """Remembers, for each batch and partition, each input's range of places, not one for each event."""

    def __init__(self, places: Sequence[Place], partitions: int) -> None:
        self._places = places
        self._spans: list[list[tuple[int, int, int, int, int]]] = [[] for _ in range(partitions)]

    def add(self, partition: int, first_offset: int, sources: npt.NDArray[np.int32], where: I64) -> None:
        """Offsets first_offset.. of `partition` are the events at `where` in `sources`."""
        last_offset = first_offset + len(where) - 1
        for source in np.unique(sources).tolist():
            chosen = where[sources == source]
            span = (first_offset, last_offset, source, int(chosen.min()), int(chosen.max()))
            self._spans[partition].append(span)

    def told(self, evidence: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Evidence by partition offset -> by file and line, or topic, partition and offset."""
        ranges: dict[int, tuple[int, int]] = {}
        for item in evidence:
            for first_offset, last_offset, source, first, last in self._spans[item["partition"]]:
                if last_offset >= item["first"] and first_offset <= item["last"]:
                    known = ranges.get(source, (first, last))
                    ranges[source] = min(first, known[0]), max(last, known[1])
        return [self.item(source, *ranges[source]) for source in sorted(ranges)[:MOST_PLACES]]

    def item(self, source: int, first: int, last: int) -> dict[str, Any]:
        place = self._places[source]
        if place.partition is None:
            return {"file": place.name, "partition": None, "first": first, "last": last}
        return {"topic": place.name, "partition": place.partition, "first": first, "last": last}
