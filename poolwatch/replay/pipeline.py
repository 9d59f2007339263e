"""Events in; alerts and scores out: fold, detect and actors in one process, partitioned as they are live."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from models.actors.actors import Actors
from models.actors.apart import Pairs
from models.actors.lifts import Lifts
from models.batches import part, placed, take
from models.detect.closed import Closed
from models.detect.detect import Detect
from models.events import Events, Rejected
from models.fold.fold import Fold, Folded, split_at_chunks
from models.minutes import DAY_MS
from models.operations import Operations
from models.scoring.missing import Came, Off, switched_off
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from models.wire.routing import route
from models.wire.sightings import Sightings
from streams.kafka.partitions import SellerPartitions

#: A partition that is this far behind the others in event time is silent: it holds no minute open.
SILENT_MS = 600_000
#: ... unless it wakes: what it holds, of a time so near the others', is folded as soon as 16 records agree.
#: What is further off may never be, and must not keep a whole history's minutes open, in memory.
WAKING_MS = DAY_MS


@dataclass(slots=True)
class Stepped:
    """What one step gave.

    closed   of each model, of each sightings partition
    ahead    (partition, what was refused), offsets as in `spans`
    spans    (partition, its first offset, rows of the batch that went there, in order)
    """

    closed: list[list[Closed]] = field(default_factory=list)
    ahead: list[tuple[int, Rejected]] = field(default_factory=list)
    spans: list[tuple[int, int, npt.NDArray[np.intp]]] = field(default_factory=list)


class Pipeline:
    """P folds and, for each model, P detects and actors; the first's detects keep the ledger where asked to.

    Results do not depend on how the events were cut.
    """

    def __init__(
        self,
        partitions: int,
        operations: Operations,
        rules: RuleSet,
        models: list[Model],
        scores: bool = False,
        ledger: bool = False,
        apart: Pairs = (),
    ) -> None:
        self.partitions = partitions
        self.folds = [Fold(p, operations) for p in range(partitions)]
        self.detects = [
            [
                Detect(partitions, rules, model, scores=scores, last=True, ledger=ledger and place == 0)
                for _ in range(partitions)
            ]
            for place, model in enumerate(models)
        ]
        self._lifts = [Lifts() for _ in models]
        self.actors = [Actors(partitions, apart, lifts if scores else None) for lifts in self._lifts]
        self.offsets = [0] * partitions
        self.duplicates = self.late = 0
        self.first_ms = 0
        self.entities: set[int] = set()
        self.came = Came(operations)
        self._rules = rules
        self._sellers = SellerPartitions(partitions)

    def step(self, events: Events) -> Stepped:
        """Fold and judge a batch."""
        stepped = Stepped()
        where = self._sellers.of(events)
        order = np.argsort(where, kind="stable")
        bounds = np.searchsorted(where[order], np.arange(self.partitions + 1)).tolist()
        by_partition = take(events, order)
        for p in range(self.partitions):
            first, last = bounds[p], bounds[p + 1]
            if first < last:
                stepped.spans.append((p, self.offsets[p], order[first:last]))
                self._fold(p, part(by_partition, first, last), stepped)
        self._observe(events)
        self._mark_silent()
        stepped.closed = self._close()
        return stepped

    def finish(self) -> Stepped:
        """Close every minute: the history is over."""
        stepped = Stepped()
        for p, fold in enumerate(self.folds):
            self._count(p, fold.finish(), stepped)
            self._tell(fold.mark(idle=True))
        stepped.closed = self._placed([[detect.finish() for detect in detects] for detects in self.detects])
        return stepped

    def key_rows(self) -> Iterator[list[dict[str, object]]]:
        """Of each entity, by kind and id, the keys of its last week and whose hand is on each, as of now."""
        each = [detect.key_rows() for detect in self.detects[0]]
        told = ((keys for keys in part if keys) for part in each)
        return heapq.merge(*told, key=lambda keys: (str(keys[0]["entity_kind"]), str(keys[0]["entity_id"])))

    @property
    def last_ms(self) -> int:
        """Highest event time that was believed; 0 = none."""
        return max(0, *(fold.highest_ms for fold in self.folds))

    @property
    def off(self) -> Off:
        """What says nothing, because what it needs never came."""
        features = set.intersection(*(set(detect.off) for detect in self.detects[0]))
        return switched_off(features, self.came.missing, self._rules)

    def _fold(self, p: int, events: Events, stepped: Stepped) -> None:
        for chunk in split_at_chunks(placed(events, self.offsets[p])):
            self._count(p, self.folds[p].step(chunk), stepped)
        self.offsets[p] += len(events)

    def _count(self, p: int, folded: Folded, stepped: Stepped) -> None:
        self.duplicates += folded.duplicates
        self.late += folded.late
        stepped.ahead += [(p, record) for record in folded.ahead]
        self._tell(folded.sightings)

    def _observe(self, events: Events) -> None:
        for column in (events.developer, events.origin):
            self.entities.update(pc.unique(pa.array(column)).to_pylist())
        self.entities.discard(0)  # what has no origin
        low = int(events.time_ms.min())
        self.first_ms = min(self.first_ms or low, low)
        self.came.add(events)

    def _mark_silent(self) -> None:
        newest = max(fold.watermark_ms for fold in self.folds)
        for fold in self.folds:
            waking = np.any(np.abs(fold.pending_ms - newest) < WAKING_MS)
            if fold.watermark_ms < newest - SILENT_MS and not waking:
                self._tell(fold.mark(idle=True))

    def _tell(self, sightings: Sightings) -> None:
        messages = route(sightings, self.partitions)
        for detects in self.detects:
            for detect, message in zip(detects, messages, strict=True):
                detect.add(message)

    def _close(self) -> list[list[Closed]]:
        return self._placed([[detect.close() for detect in detects] for detects in self.detects])

    def _placed(self, closed: list[list[Closed]]) -> list[list[Closed]]:
        """What was closed, its alerts and scores as actors tell them."""
        for actors, lifts, of_model in zip(self.actors, self._lifts, closed, strict=True):
            for p, item in enumerate(of_model):
                item.alerts = actors.add(p, item.links, item.alerts)
            for item in of_model:
                item.scores = lifts.applied(item.scores) if item.scores else None
        return closed
