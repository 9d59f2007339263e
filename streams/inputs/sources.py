"""INPUT arguments in; their events by time out, as one history. Touches files, standard input, Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from models.batches import within
from models.decode.decode import Decoder
from models.errors import ConfigError
from models.events import Events
from streams.inputs.adapters import Adapter
from streams.inputs.inputs import Input, find_inputs
from streams.inputs.merge import Merged, merge
from streams.inputs.readers import Block, Reader

PEEK_ROWS = 1_000
BLOCK_ROWS = 65_536
#: Rows held while many inputs overlap: the n-th to be opened holds an n-th of this.
HELD_ROWS = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where an input's events can be found again."""

    name: str
    partition: int | None = None


@dataclass(slots=True)
class Cut:
    """Where a partition is cut at a time, so that fewest of its events lie on the wrong side.

    Events are nearly in order of time: a late one, or one whose clock is wrong, must not move the cut far.
    """

    offset: int
    _walk: int = 0
    _best: int = 0

    def meet(self, events: Events, until_ms: int) -> None:
        """Go on through the partition: `offset` follows the event after which most of the earlier ones,
        and fewest of the later ones, have come."""
        walk = self._walk + np.cumsum(np.where(events.time_ms < until_ms, 1, -1))
        if len(walk):
            best = int(np.argmax(walk))
            if walk[best] > self._best:
                self._best, self.offset = int(walk[best]), int(events.offset[best]) + 1
            self._walk = int(walk[-1])


@dataclass(slots=True)
class History:
    """Inputs, found and ready to be read."""

    inputs: list[Input]
    reader: Reader
    places: list[Place]
    _cuts: dict[int, Cut] = field(default_factory=dict)

    def next_offsets(self) -> dict[tuple[str, str, int], int]:
        """(broker, topic, partition) -> offset after what was read of it; of files nothing is said."""
        from streams.inputs.kafka_range import Partition

        whole = self.reader.until_ms is None
        return {
            (item.broker, item.topic, item.partition): item.last if whole else self._cuts[i].offset
            for i, item in enumerate(self.inputs)
            if isinstance(item, Partition) and (whole or i in self._cuts)
        }

    @property
    def size(self) -> int:
        """Bytes (for Kafka: records) to be read; 0 = unknown."""
        return 0 if any(i.name == "-" for i in self.inputs) else sum(i.size for i in self.inputs)

    def read(self) -> Iterator[Merged]:
        """All events by time, from_ms <= time < until_ms, with what was rejected."""
        if len(self.inputs) == 1:
            return merge([0], self._blocks)
        return merge([self._first_ms(item) for item in self.inputs], self._blocks)

    def _blocks(self, i: int, others: int) -> Iterator[Block]:
        reader = replace(self.reader, rows=max(PEEK_ROWS, min(BLOCK_ROWS, HELD_ROWS // (others + 1))))
        for block in reader.blocks(self.inputs[i]):
            if self.reader.until_ms is not None:
                self._cut(self.inputs[i], i).meet(block.events, self.reader.until_ms)
            block.events = within(block.events, reader.from_ms, reader.until_ms)
            yield block

    def _cut(self, item: Input, i: int) -> Cut:
        return self._cuts.setdefault(i, Cut(getattr(item, "first", 0)))

    def _first_ms(self, item: Input) -> int:
        """When the input begins: the least time among its first records (0: none, or read once only)."""
        if item.name == "-":
            return 0
        for block in replace(self.reader, rows=PEEK_ROWS).blocks(item):
            if len(block.events):
                return int(block.events.time_ms.min())
        return 0


def open_history(
    arguments: Sequence[str],
    decoder: Decoder,
    adapter: Adapter | None = None,
    from_ms: int | None = None,
    until_ms: int | None = None,
    skipped: Callable[[str], None] = lambda _: None,
) -> History:
    """The history that INPUT arguments mean. ConfigError, PoolwatchError where there is none.

    skipped   is told of each file in a folder or glob that is no input
    """
    if from_ms is not None and until_ms is not None and from_ms >= until_ms:
        raise ConfigError("--from must be before --until")
    found = find_inputs(arguments, skipped, adapter.documents if adapter else ())
    inputs: list[Input] = []
    places: list[Place] = []
    for item in found:
        if item.kind == "kafka":
            from streams.inputs.kafka_range import partitions_of

            partitions = partitions_of(item)
            inputs += partitions
            places += [Place(p.topic, p.partition) for p in partitions]
        else:
            inputs.append(item)
            places.append(Place(item.name))
    return History(inputs, Reader(decoder, adapter, BLOCK_ROWS, from_ms, until_ms), places)
