"""Sightings -> alerts and score rows; state of one sightings partition. Pure: touches its own state only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from models import members as met
from models.alert_book import AlertBook
from models.alert_fill import AlertFiller
from models.alerts import Alert
from models.announce import Announcer
from models.closed import Closed, ScoreRows, joined
from models.columns import I64, View
from models.customers import enter_customers
from models.enter import COUNTERS, LATE, enter
from models.errors import ConfigError
from models.features import FEATURES, matrix
from models.judge import judge
from models.judged import NO_LOG, Judged
from models.key_owners import KeyOwners
from models.ledger import Ledger
from models.meetings import LOG_COLUMNS, PAIR_DAYS
from models.minutes import DAY_MINUTES, HOUR_MINUTES, MINUTE_MS, hour_ends
from models.model import Model
from models.names import Names
from models.pages import Pages
from models.pool import HIGH
from models.preview import bounds, recount
from models.rules import RuleSet
from models.sightings import Sightings
from models.sources import Sources
from models.state import State
from models.suspects import census
from models.windows import close_cells

#: Cells and rows closed and judged at once: bounds memory, never shows in a result.
BATCH_CELLS, BATCH_ROWS = 8_192, 200_000
SWEEP_MINUTES = 60
#: So long after an hour, in whole UTC days, nobody is kept who was met in it.
MEMBER_MINUTES = (PAIR_DAYS + 1) * DAY_MINUTES
#: Optional event fields, and the counter that tells whether they ever came.
FIELDS = {"records": "records", "bytes": "bytes", "pii": "pii", "orders": "orders"}
STATE_VERSION = 4


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
        self._counters = np.zeros(len(COUNTERS), np.int64)
        self._customers = self._source_ip = False
        self._closed_to, self._swept = -1, -1
        self._hours_ended_to = -1  # first minute after the newest hour that was ended
        self._unseen: list[Any] = []

    def add(self, message: Sightings) -> None:
        """Take a message of a source partition. Telling one again, or an older one, changes nothing."""
        self._names_in(message)
        totals = self._sources.observe(message)
        if totals is None:
            return
        n = len(message.rows)
        self._state.reserve(n, len(message.customers))
        rows = np.ascontiguousarray(message.rows).view(np.uint64).reshape(n, -1)
        cells, unseen = np.empty(n, np.int32), np.empty(n, np.int32)
        tables = self._state.tables
        added = enter(
            tables, totals.table, rows, message.source, self._closed_to, cells, unseen, self._counters
        )
        if added:
            self._unseen.append(unseen[:added])
        if len(message.customers):
            self._customers = True
            places = np.ascontiguousarray(message.customers["row"])
            hashes = np.ascontiguousarray(message.customers["customer"])
            enter_customers(tables.customers, tables.cells.rows, cells, places, hashes)
            self._ledger.add(tables.cells.rows, cells, rows, places, hashes)

    def preview(self) -> list[Alert]:
        """Alerts of thresholds that are certain to be crossed when the open minutes close. Cheap."""
        cells = self._take_unseen()
        if not len(cells) or not self._rules.early.any():
            return []
        self._state.reserve_preview()
        view = View.empty(len(cells))
        entities, minutes = np.empty(len(cells), np.int64), np.empty(len(cells), np.int64)
        filled = bounds(self._state.tables, cells, view.kinds, entities, minutes, view.windows)
        view = view.part(np.arange(filled))
        fired = self._early(view)
        over = np.flatnonzero(fired.any(axis=1))
        if not len(over):
            return []
        judged = self._judged(view.part(over), entities[over], minutes[over], NO_LOG, preview=True)
        return self._announcer.early(judged, fired[over])

    def close(self) -> Closed:
        """Apply and judge each minute that the sources' watermark completes, oldest first."""
        closed = Closed()
        rows = self._state.cells.table.rows[: self._state.cells.table.meta[HIGH]]
        used = np.flatnonzero(rows["entity"] >= 0)
        minutes = rows["minute"][used]
        newest = int(minutes.max()) if len(used) else self._closed_to
        until = self._sources.complete(newest)
        ready = used[minutes <= until] if until > self._closed_to else used[:0]
        if len(ready):
            scored = []
            for part in self._batches(ready, rows):
                self._end_hours(int(rows["minute"][part[0]]), closed)
                scored.append(self._close_batch(part, closed))
            if self._scores:
                closed.scores = joined(scored)
            self._unseen = [cells for cells in (self._take_unseen(),) if len(cells)]
        self._closed_to = max(self._closed_to, until)
        if self._closed_to >= 0:
            self._end_hours(self._closed_to + 1, closed)
        closed.links.until, closed.links.idle = self._closed_to, self._sources.all_idle
        closed.alerts += self._book.withdraw(self._closed_to)
        closed.alerts += self._book.due(None if self._sources.all_idle else self._closed_to)
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
        came = {need: bool(self._counters[COUNTERS.index(count)]) for need, count in FIELDS.items()}
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
        rows = self._state.cells.table.rows[: self._state.cells.table.meta[HIGH]]
        open_cells = np.flatnonzero(rows["entity"] >= 0).astype(np.int32)
        rows["told"][open_cells] = 1
        self._unseen = [open_cells]

    def _names_in(self, message: Sightings) -> None:
        new = self._names.add(message.names)
        if not self._source_ip:
            self._source_ip = any(text.startswith(("ip:", "net:")) for text in new)

    def _take_unseen(self) -> Any:
        """Open cells that preview has not seen since they last grew."""
        cells = np.unique(np.concatenate(self._unseen)) if self._unseen else np.empty(0, np.int32)
        self._unseen = []
        rows = self._state.cells.table.rows
        return cells[(rows["entity"][cells] >= 0) & (rows["told"][cells] == 1)]

    def _early(self, view: View) -> Any:
        """bool[n, rules]: early thresholds crossed, from their own features alone."""
        bound = np.zeros((len(view), len(FEATURES)))
        for column in {c for rule in self._rules.rules if rule.early for c in rule.columns}:
            bound[:, column] = FEATURES[column].of(view)
        return self._rules.fired(view.kinds, bound) & self._rules.early

    def _batches(self, ready: Any, rows: Any) -> Iterator[Any]:
        """Cells to close, by minute, cut at hours, and at minutes where they are many."""
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

    def _close_batch(self, cells: Any, closed: Closed) -> ScoreRows | None:
        n = len(cells)
        rows = self._state.cells.table.rows
        entities, minutes = rows["entity"][cells].astype(np.int64), rows["minute"][cells].astype(np.int64)
        log = np.empty((3 * int(rows["count"][cells].sum()), LOG_COLUMNS), np.int64)
        self._state.reserve_close(n)
        view = View.empty(n)
        tables = self._state.tables
        logged = close_cells(
            tables, cells, view.kinds, view.windows, view.week, view.past, view.customers, log
        )
        recount(tables, entities)
        judged = self._judged(view, entities, minutes, log[:logged])
        alerts, suspects = self._announcer.closed(judged)
        closed.alerts += alerts
        closed.links.suspects += suspects
        closed.minutes += len(np.unique(minutes))
        closed.judged.append((view.kinds, judged.verdict.score))
        return self._score_rows(judged) if self._scores else None

    def _judged(self, view: View, entities: I64, minutes: I64, log: I64, *, preview: bool = False) -> Judged:
        features = matrix(view)
        verdict = judge(view.kinds, features, self._rules, self._model)
        hashes = self._state.entities.table.rows["hash"][entities]
        return Judged(view, entities, minutes, hashes, self._names, features, verdict, log, preview)

    def _score_rows(self, judged: Judged) -> ScoreRows:
        order = np.array(judged.ordered(np.arange(len(judged.view))))
        return ScoreRows(
            (judged.minutes[order] + 1) * MINUTE_MS,
            [judged.kind(n) for n in order],
            [judged.id(n) for n in order],
            judged.verdict.score[order],
            judged.matrix[order],
        )

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
