"""Where each source partition stands: watermark, open chunk and its totals. Touches its own state only."""

from __future__ import annotations

import msgspec

from models.errors import ConfigError
from models.memory.pages import Pages
from models.memory.tables import Rows
from models.minutes import MINUTE_MS
from models.windows.layout import CHUNK_ROW
from models.wire.sightings import Sightings


class _Standing(msgspec.Struct):
    watermark_ms: int = -1
    heard: bool = False
    idle: bool = False
    chunk: int = -1


class Sources:
    """The source partitions that one detect listens to."""

    def __init__(self, count: int) -> None:
        self._standing = [_Standing() for _ in range(count)]
        self._totals = [Rows(f"chunk-{s}", CHUNK_ROW) for s in range(count)]

    def observe(self, message: Sightings) -> Rows | None:
        """Note the watermark; the open chunk's totals, or None where the message's rows are to be ignored.

        ConfigError for a source that there is not.
        """
        if not 0 <= message.source < len(self._standing):
            raise ConfigError(
                f"sightings of source partition {message.source}, but usage-events was said to have "
                f"{len(self._standing)}: start the workers anew"
            )
        standing = self._standing[message.source]
        standing.heard = True
        standing.watermark_ms = max(standing.watermark_ms, message.watermark_ms)
        standing.idle = message.idle
        if len(message.rows) == 0 or message.chunk < standing.chunk:
            return None
        totals = self._totals[message.source]
        if message.chunk > standing.chunk:
            standing.chunk = message.chunk
            totals.clear()
        totals.reserve(len(message.rows))
        return totals

    def complete(self, newest_minute: int) -> int:
        """Last minute that can be closed: none of its rows comes any more; -1 = none.

        newest_minute  of the rows that wait: closed too when every source is idle
        """
        if not all(s.heard for s in self._standing):
            return -1
        awake = [s.watermark_ms for s in self._standing if not s.idle]
        if not awake:
            return newest_minute
        return min(awake) // MINUTE_MS - 1

    def end(self) -> None:
        """The history is over: every source is idle."""
        for standing in self._standing:
            standing.heard = standing.idle = True

    def moved(self) -> None:
        """Chunks begin anew, and no minute is closed until every source has spoken; watermarks stay."""
        for standing, totals in zip(self._standing, self._totals, strict=True):
            standing.heard = standing.idle = False
            standing.chunk = -1
            totals.clear()

    @property
    def all_idle(self) -> bool:
        """No source holds a minute open."""
        return all(s.heard and s.idle for s in self._standing)

    @property
    def held_bytes(self) -> int:
        """Memory held by the open chunks' totals."""
        return sum(t.held_bytes for t in self._totals)

    def changed(self) -> Pages:
        """Pages that changed since the last call."""
        pages: Pages = {"sources": msgspec.msgpack.encode(self._standing)}
        for totals in self._totals:
            pages |= totals.changed()
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold. ConfigError where they are of another number of sources."""
        standing = msgspec.msgpack.decode(pages["sources"], type=list[_Standing])
        if len(standing) != len(self._standing):
            raise ConfigError(
                f"the snapshot is of {len(standing)} source partitions, now there are {len(self._standing)}: "
                "delete it and replay the history"
            )
        self._standing = standing
        for totals in self._totals:
            totals.restore(pages)
