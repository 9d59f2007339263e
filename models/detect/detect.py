"""Sightings -> alerts and score rows; state of one sightings partition. Pure: touches its own state only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from models.alerts.alerts import Alert
from models.alerts.book import AlertBook
from models.detect.announce import Announcer
from models.detect.closed import Closed
from models.detect.early import Early
from models.detect.fill import AlertFiller
from models.detect.suspects import census
from models.dtypes import I64
from models.errors import ConfigError
from models.keys.owners import KeyOwners
from models.ledger.ledger import Ledger
from models.memory.names import Names
from models.memory.pages import Pages
from models.minutes import DAY_MINUTES, HOUR_MINUTES, MINUTE_MS, hour_ends
from models.scoring.features import FEATURES, matrix
from models.scoring.judge import judge
from models.scoring.judged import NO_LOG, Judged
from models.scoring.model import Model
from models.scoring.rules import RuleSet
from models.scoring.score_rows import ScoreRows, joined, score_rows
from models.windows import members as met
from models.windows.columns import View
from models.windows.customers import enter_customers
from models.windows.enter import COUNTERS, LATE, enter
from models.windows.meetings import LOG_COLUMNS, PAIR_DAYS
from models.windows.preview import recount
from models.windows.sources import Sources
from models.windows.state import State
from models.windows.windows import close_cells
from models.wire.sightings import Sightings

#: Cells and rows closed and judged at once: bounds memory, never shows in a result.
BATCH_CELLS, BATCH_ROWS = 8_192, 200_000
SWEEP_MINUTES = 60
#: So long after an hour, in whole UTC days, nobody is kept who was met in it.
MEMBER_MINUTES = (PAIR_DAYS + 1) * DAY_MINUTES
#: Optional event fields; the counter of the same name tells whether they ever came.
FIELDS = ("records", "bytes", "pii", "orders")
STATE_VERSION = 7


class _Kept(msgspec.Struct):
    version: int
    closed_to: int
    swept: int
    counters: list[int]
    customers: bool
    source_ip: bool
    hours_ended_to: int


class Detect:
    """Detection over one sightings partition.

    sources  source partitions that it hears of
    scores   give score rows at each close
    last     give the last version alone of each alert where one close makes several: for a history
    ledger   keep who saw whose customers, and give each day that is over
    """

    def __init__(
        self,
        sources: int,
        rules: RuleSet,
        model: Model,
        *,
        scores: bool = False,
        last: bool = False,
        ledger: bool = False,
    ) -> None:
        self._rules, self._model, self._scores = rules, model, scores
        self._sources = Sources(sources)
        self._state = State()
        self._names = Names()
        self._book = AlertBook(model.hash, rules.hash, rules.ids)
        self._ledger = Ledger(ledger)
        self._key_owners = KeyOwners(self._state, self._names)
        filler = AlertFiller(self._state, self._names, self._key_owners, rules, model)
        self._announcer = Announcer(self._book, self._state, filler, rules, last=last)
        self._early = Early(self._state, rules)
        self._counters = np.zeros(len(COUNTERS), np.int64)
        self._customers = self._source_ip = False
        self._closed_to, self._swept = -1, -1
        self._hours_ended_to = -1  # first minute after the newest hour that was ended

    def add(self, message: Sightings) -> None:
        """Take a message of a source partition. Telling one again, or an older one, changes nothing."""
        self._names_in(message)
        totals = self._sources.observe(message)
        if totals is None:
            return
        n = len(message.rows)
        self._state.reserve(n, len(message.customers))
        rows = np.ascontiguousarray(message.rows).view(np.uint64).reshape(n, -1)
        cells, grown = np.empty(n, np.int32), np.empty(n, np.int32)
        tables = self._state.tables
        added = enter(
            tables, totals.table, rows, message.source, self._closed_to, cells, grown, self._counters
        )
        if added:
            self._early.grew(grown[:added])
        if len(message.customers):
            self._customers = True
            places = np.ascontiguousarray(message.customers["row"])
            hashes = np.ascontiguousarray(message.customers["customer"])
            enter_customers(tables.customers, tables.cells.rows, cells, places, hashes)
            self._ledger.add(tables.cells.rows, cells, rows, places, hashes)

    def preview(self) -> list[Alert]:
        """Alerts of thresholds that are certain to be crossed when the open minutes close. Cheap."""
        sure = self._early.sure()
        if sure is None:
            return []
        judged = self._judged(sure.view, sure.entities, sure.minutes, NO_LOG, preview=True)
        return self._announcer.early(judged, sure.fired)

    def close(self) -> Closed:
        """Apply and judge each minute that the sources' watermark completes, oldest first."""
        closed = Closed()
        ready, until = self._ready()
        if len(ready):
            self._close_cells(ready, closed)
        self._closed_to = max(self._closed_to, until)
        if self._closed_to >= 0:
            self._end_hours(self._closed_to + 1, closed)
        idle = self._sources.all_idle
        closed.links.until, closed.links.idle = self._closed_to, idle
        closed.alerts += self._book.withdraw(self._closed_to)
        closed.alerts += self._book.due(None if idle else self._closed_to)
        if self._closed_to // SWEEP_MINUTES > self._swept and len(ready):
            self._forget()
        closed.ledger = self._ledger.close(self._closed_to, self._names)
        return closed

    def finish(self) -> Closed:
        """Close every minute: the history is over."""
        self._sources.end()
        closed = self.close()
        closed.ledger += self._ledger.peek(self._names)
        return closed

    def key_rows(self) -> Iterator[list[dict[str, object]]]:
        """Of each entity, by kind and id, the keys of its last week and whose hand is on each, as of now."""
        return self._key_owners.rows(self._closed_to)

    def moved(self) -> None:
        """The sources go on at other offsets, and none has been heard: a replay hands over to a worker.
        Evidence of what came before is forgotten, for it names the replay's offsets."""
        self._sources.moved()
        self._state.evidence.clear()

    @property
    def off(self) -> tuple[str, ...]:
        """Features that say nothing, because the optional field that they need never came."""
        came = {name: bool(self._counters[COUNTERS.index(name)]) for name in FIELDS}
        came |= {"customers": self._customers, "source_ip": self._source_ip, "": True}
        return tuple(f.name for f in FEATURES if not came[f.needs])

    @property
    def late(self) -> int:
        """Rows that came after their minute's close, and were entered in the next."""
        return int(self._counters[LATE])

    @property
    def open_alerts(self) -> int:
        """Alerts within their quiet period."""
        return len(self._book)

    @property
    def entities(self) -> int:
        """Entities kept."""
        return len(self._state.entities)

    @property
    def closed_to_ms(self) -> int:
        """End of the newest minute closed; 0 = none."""
        return (self._closed_to + 1) * MINUTE_MS

    @property
    def held_bytes(self) -> dict[str, int]:
        """Memory held by tables, by part (alerts are Python objects beside it)."""
        beside = {"chunks": self._sources.held_bytes, "names": self._names.held_bytes}
        beside["ledger"] = self._ledger.held_bytes
        return self._state.held_bytes | beside

    def changed(self) -> Pages:
        """Pages that changed since the last call."""
        kept = _Kept(
            STATE_VERSION,
            self._closed_to,
            self._swept,
            self._counters.tolist(),
            self._customers,
            self._source_ip,
            self._hours_ended_to,
        )
        pages: Pages = {"detect": msgspec.msgpack.encode(kept)}
        for part in (self._sources, self._state, self._names, self._book, self._ledger):
            pages |= part.changed()
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold. ConfigError where they are of another version."""
        try:
            kept = msgspec.msgpack.decode(pages["detect"], type=_Kept)
        except (KeyError, msgspec.DecodeError) as error:
            raise ConfigError(f"snapshot: no state of detect in it ({error}); delete it and replay") from None
        if kept.version != STATE_VERSION:
            raise ConfigError(
                f"snapshot: state version {kept.version}, this is {STATE_VERSION}; delete it and replay"
            )
        self._closed_to, self._swept, self._hours_ended_to = kept.closed_to, kept.swept, kept.hours_ended_to
        self._counters = np.array(kept.counters, np.int64)
        self._customers, self._source_ip = kept.customers, kept.source_ip
        for part in (self._sources, self._state, self._names, self._book, self._ledger):
            part.restore(pages)
        self._early.look_at_all()

    def _names_in(self, message: Sightings) -> None:
        new = self._names.add(message.names)
        if not self._source_ip:
            self._source_ip = any(text.startswith(("ip:", "net:")) for text in new)

    def _ready(self) -> tuple[I64, int]:
        """Open cells that may be closed, by place, and the last minute that may."""
        cells = self._state.open_cells
        minutes = self._state.cells.table.rows["minute"][cells]
        newest = int(minutes.max()) if len(cells) else self._closed_to
        until = self._sources.complete(newest)
        return cells[minutes <= until] if until > self._closed_to else cells[:0], until

    def _close_cells(self, ready: I64, closed: Closed) -> None:
        """Close cells int64[n], and tell what they give."""
        rows, scored = self._state.cells.table.rows, []
        for cells in _batches(rows, ready):
            self._end_hours(int(rows["minute"][cells[0]]), closed)
            scored += self._tell(self._close_batch(cells), closed)
        if self._scores:
            closed.scores = joined(scored)
        self._early.drop_closed()

    def _tell(self, judged: Judged, closed: Closed) -> list[ScoreRows]:
        """Add to `closed` what the rows of a batch give; their score rows, where asked for."""
        alerts, suspects = self._announcer.closed(judged)
        closed.alerts += alerts
        closed.links.suspects += suspects
        closed.minutes += len(np.unique(judged.minutes))
        closed.judged.append((judged.view.kinds, judged.verdict.score))
        return [score_rows(judged)] if self._scores else []

    def _close_batch(self, cells: Any) -> Judged:
        rows, view = self._state.cells.table.rows, View.empty(len(cells))
        entities, minutes = rows["entity"][cells].astype(np.int64), rows["minute"][cells].astype(np.int64)
        log = np.empty((3 * int(rows["count"][cells].sum()), LOG_COLUMNS), np.int64)
        self._state.reserve_close(len(cells))
        tables = self._state.tables
        logged = close_cells(
            tables, cells, view.kinds, view.windows, view.week, view.past, view.customers, log
        )
        recount(tables, entities)
        return self._judged(view, entities, minutes, log[:logged])

    def _judged(self, view: View, entities: I64, minutes: I64, log: I64, *, preview: bool = False) -> Judged:
        features = matrix(view)
        verdict = judge(view.kinds, features, self._rules, self._model)
        hashes = self._state.entities.table.rows["hash"][entities]
        return Judged(view, entities, minutes, hashes, self._names, features, verdict, log, preview)

    def _end_hours(self, minute: int, closed: Closed) -> None:
        """At each end of an hour up to `minute`, before which everything is closed, forget members that no
        result can show any more, and take a census."""
        hour = minute - minute % HOUR_MINUTES
        if self._hours_ended_to >= 0:
            for end in hour_ends(self._hours_ended_to, hour, MEMBER_MINUTES):
                met.sweep(self._state, end - 1)
                closed.links.census.append(census(self._state, self._names, end - 1))
        self._hours_ended_to = max(hour, self._hours_ended_to)

    def _forget(self) -> None:
        """Forget alerts whose quiet period is over and, once a day, names of nobody."""
        day = (self._closed_to // DAY_MINUTES) > (self._swept * SWEEP_MINUTES // DAY_MINUTES)
        self._swept = self._closed_to // SWEEP_MINUTES
        self._book.sweep(self._closed_to)
        if day:
            self._names.keep(met.known(self._state))


def _batches(rows: Any, ready: I64) -> Iterator[Any]:
    """Cells to close, by minute, cut at hours, and at minutes where they are many. rows: the cells' table."""
    order = ready[np.argsort(rows["minute"][ready], kind="stable")].astype(np.int32)
    minute, count = rows["minute"][order], np.cumsum(rows["count"][order])
    ends = np.append(np.flatnonzero(np.diff(minute)) + 1, len(order))
    start = taken = 0
    for place, end in enumerate(ends.tolist()):
        following = int(ends[place + 1]) if place + 1 < len(ends) else 0
        full = following - start > BATCH_CELLS or count[following - 1] - taken > BATCH_ROWS
        if not following or full or minute[end] // HOUR_MINUTES > minute[end - 1] // HOUR_MINUTES:
            yield order[start:end]
            start, taken = end, int(count[end - 1])
