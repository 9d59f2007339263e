"""Evidence of every partition -> the same by minute, once all have closed it. Pure: touches its own only."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import msgspec

from models.wire.links import Census, Links, Suspect

#: A suspect, or the census of a partition.
Evidence = Suspect | tuple[int, Census]


class Standing(msgspec.Struct):
    """How far a partition has told, and its newest census that is applied."""

    until: int = -1
    idle: bool = False
    census: Census | None = None


class Inbox:
    """What the partitions told of minutes that not all of them have closed."""

    def __init__(self, partitions: int) -> None:
        self.standing = [Standing() for _ in range(partitions)]
        self._suspects: dict[tuple[int, str], Suspect] = {}  # by minute and entity
        self._censuses: dict[tuple[int, int], Census] = {}  # by minute and partition

    @property
    def suspects(self) -> list[Suspect]:
        """Those that wait."""
        return list(self._suspects.values())

    @property
    def censuses(self) -> list[tuple[int, Census]]:
        """Those that wait, and of which partition each is."""
        return [(partition, census) for (_, partition), census in self._censuses.items()]

    @property
    def idle(self) -> bool:
        """Whether no partition has anything to tell for now."""
        return all(standing.idle for standing in self.standing)

    def put(self, partition: int, links: Links) -> None:
        """What one close of a partition told. Minutes that it has told before are passed over."""
        standing = self.standing[partition]
        for suspect in links.suspects:
            if suspect.minute > standing.until:
                self._suspects[suspect.minute, suspect.entity] = suspect
        for census in links.census:
            if census.minute > standing.until:
                self._censuses[census.minute, partition] = census
        if links.until >= 0 or links.idle:
            standing.until, standing.idle = max(standing.until, links.until), links.idle

    def complete(self) -> int:
        """Last minute that every partition has told; those that are idle hold nothing back. -1 = none."""
        if any(s.until < 0 and not s.idle for s in self.standing):
            return -1
        awake = [s.until for s in self.standing if not s.idle]
        return min(awake) if awake else max(s.until for s in self.standing)

    def take(self, until: int, first: int) -> Iterator[tuple[int, list[Evidence]]]:
        """Evidence of each minute up to `until`, taken out, in an order of its own.

        first  what is of a minute before comes too late, and counts in this one
        """
        due: list[tuple[tuple[int, str], Evidence]] = [
            ((max(minute, first), entity), self._suspects.pop((minute, entity)))
            for minute, entity in list(self._suspects)
            if minute <= until
        ]
        due += [
            ((max(minute, first), f" {partition:06}"), (partition, self._censuses.pop((minute, partition))))
            for minute, partition in list(self._censuses)
            if minute <= until
        ]
        due.sort(key=lambda item: item[0])  # a minute's censuses first: no entity begins with a space
        for minute, group in itertools.groupby(due, key=lambda item: item[0][0]):
            yield minute, [evidence for _, evidence in group]

    def moved(self) -> None:
        """The partitions go on at other positions: a replay hands over to a worker."""
        for standing in self.standing:
            standing.idle = False

    def restore(
        self,
        standing: list[Standing],
        suspects: Sequence[Suspect],
        censuses: Sequence[tuple[int, Census]],
    ) -> None:
        """Become what these were."""
        self.standing = standing
        self._suspects = {(s.minute, s.entity): s for s in suspects}
        self._censuses = {(census.minute, partition): census for partition, census in censuses}
