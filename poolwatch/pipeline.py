"""Events in; alerts and scores out: fold and detect in one process, partitioned as they are live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from models.detect import Closed, Detect
from models.fold import Fold, split_at_chunks
from models.model import Model
from models.operations import Operations
from models.rules import RuleSet

from models.events import Events, Rejected
from streams.batches import part, placed, take
from streams.partitions import SellerPartitions, routed

#: A partition that is this far behind the others in event time is silent: it holds no minute open.
SILENT_MS = 600_000


@dataclass(slots=True)
class Counts:
    """What became of the events."""

    folded: int = 0
    duplicates: int = 0
    late: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


class Pipeline:
    """P folds and, for each model, P detects. Results do not depend on how the events were cut."""

    def __init__(self, partitions: int, operations: Operations, rules: RuleSet, models: list[Model]) -> None:
        self.partitions = partitions
        self.folds = [Fold(p, operations) for p in range(partitions)]
        self.detects = [[Detect(partitions, rules, model) for _ in range(partitions)] for model in models]
        self.counts = Counts()
        self.offsets = [0] * partitions
        self.highest_ms = [-1] * partitions
        self._sellers = SellerPartitions(partitions)

    def step(self, events: Events) -> tuple[list[list[Closed]], list[tuple[int, Rejected]]]:
        """Fold and judge: for each model what closed; and (index in `events`, why) of what was refused."""
        where = self._sellers.of(events)
        order = np.argsort(where, kind="stable")
        bounds = np.searchsorted(where[order], np.arange(self.partitions + 1))
        sorted_events = take(events, order)
        refused: list[tuple[int, Rejected]] = []
        for p in range(self.partitions):
            first, last = int(bounds[p]), int(bounds[p + 1])
            if first < last:
                begin = self.offsets[p]
                ahead = self._fold(p, placed(part(sorted_events, first, last), begin))
                refused += [(int(order[first + record.offset - begin]), record) for record in ahead]
        self._mark_silent()
        return self._close(), refused

    def finish(self) -> list[list[Closed]]:
        """Close every minute: the history is over."""
        for fold in self.folds:
            self._tell(fold.mark(idle=True))
        return self._close()

    def _fold(self, p: int, events: Events) -> Iterator[Rejected]:
        for chunk in split_at_chunks(events):
            folded = self.folds[p].step(chunk)
            self.counts.duplicates += folded.duplicates
            self.counts.late += folded.late
            self.counts.folded += len(chunk) - folded.duplicates - len(folded.ahead)
            self._tell(folded.sightings)
            yield from folded.ahead
        self.offsets[p] += len(events)
        self.highest_ms[p] = max(self.highest_ms[p], int(self.folds[p].watermark_ms))

    def _mark_silent(self) -> None:
        newest = max(self.highest_ms)
        for p, fold in enumerate(self.folds):
            if self.highest_ms[p] < newest - SILENT_MS:
                self._tell(fold.mark(idle=True))

    def _tell(self, sightings: object) -> None:
        messages = routed(sightings, self.partitions)
        for detects in self.detects:
            for detect, message in zip(detects, messages, strict=True):
                detect.add(message)

    def _close(self) -> list[list[Closed]]:
        return [[detect.close() for detect in detects] for detects in self.detects]
