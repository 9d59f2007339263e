"""Crossings of a line -> alerts: ids, versions, quiet periods, counts. Pure: touches its own book only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import msgspec

from models.pages import Pages
from models.rules import SEVERITIES

MINUTE_MS = 60_000
#: Unless severity rises, an open alert is told again no sooner than this after it was last told.
AGAIN_MINUTES = 5
#: Actors hear of an open alert once in each of these.
LINK_MINUTES = 60
#: Ids listed of sellers, keys and developers; the counts show a cut.
LISTED = 500
#: Keys listed with the probability that another than their owner uses them.
KEY_OWNERS_LISTED = 50


class Reason(msgspec.Struct, frozen=True):
    """Why, in one sentence. `contribution`: part of the row's whole evidence, 0..1; a row's sum to 1.

    typical  what all but the rarest entities of the kind stay at or below
    """

    feature: str
    window: str
    value: float
    typical: float
    contribution: float
    text: str


class Customers(msgspec.Struct, frozen=True):
    """Distinct customers exposed, with bounds of about 95%."""

    estimate: int
    low: int
    high: int


class Evidence(msgspec.Struct, frozen=True):
    """Where the events stand: offsets of a source partition, first and last of about a day."""

    partition: int
    first: int
    last: int


class KeyOwner(msgspec.Struct, frozen=True):
    """Probability that another than its owner calls with a key (models.owner), and what speaks for it."""

    key: str
    probability: float
    evidence: str


class Unneeded(msgspec.Struct, frozen=True):
    """Orders whose personal data the entity read in the alert's window, and how many it did not act on."""

    orders: int
    of: int


class Alert(msgspec.Struct):
    """What is told of an entity that crossed a line; a later version replaces an earlier one.

    Fields as in the contract; beside them: `origins`, `origin_ids`, `calls`, `unneeded` (None where events
    name no orders), `key_owners` (the likeliest of its keys; none where events do not tell address and
    client), `keys_borrowed` (of all its keys, those that more likely than not another uses), `withdrawn`
    (told early, and not so at the close after all) and `superseded_by`: id of
    the alert that stands for one which was told early and turned out to have begun before;
    `links`: why it belongs to the case of another entity, one sentence each.
    """

    alert_id: str
    time: int
    version: int
    entity_kind: str
    entity_id: str
    severity: str
    score: float
    case: str
    rules: list[str]
    first_seen: int
    last_seen: int
    count: int
    model: str
    rule_set: str
    reasons: list[Reason] = []
    sellers: int = 0
    keys: int = 0
    developers: int = 0
    origins: int = 0
    seller_ids: list[str] = []
    key_ids: list[str] = []
    developer_ids: list[str] = []
    origin_ids: list[str] = []
    customers: Customers | None = None
    calls: int = 0
    records: int = 0
    pii: dict[str, int] = {}
    unneeded: Unneeded | None = None
    key_owners: list[KeyOwner] = []
    keys_borrowed: int = 0
    window_start: int = 0
    window_end: int = 0
    evidence: list[Evidence] = []
    superseded_by: str | None = None
    withdrawn: bool = False
    links: list[str] = []

    def json(self) -> bytes:
        """One line of JSON."""
        return msgspec.json.encode(self)


class Crossing(msgspec.Struct):
    """An entity over a line at the close of a minute.

    quiet_minutes  dedup period: the longest of its rules
    certain        a threshold that may fire early is among the rules
    """

    kind: str
    id: str
    minute: int
    score: float
    severity: str
    rules: list[str]
    quiet_minutes: int
    certain: bool


class _Open(msgspec.Struct):
    alert: Alert
    first_version: int
    minute: int  # last over the line
    told: int  # minute in which it was last told whole
    quiet_minutes: int
    waiting: bool = False
    linked: int = -1  # minute in which it was last told to actors


class _Kept(msgspec.Struct):
    entry: _Open | None
    early: Alert | None


def alert_id_of(kind: str, entity: str, minute: int) -> str:
    """20 hex digits, the same wherever and whenever the crossing is found."""
    return hashlib.blake2b(f"{kind}\0{entity}\0{minute}".encode(), digest_size=10).hexdigest()


def case_of(kind: str, entity: str) -> str:
    """The party that an alert belongs to until models.actors knows better: the entity itself."""
    return f"{kind}:{entity}"


def worst(severities: Iterable[str]) -> str:
    """The highest of some severities."""
    return max(severities, key=SEVERITIES.index)


Fill = Callable[[Alert], None]


class AlertBook:
    """Open alerts of one sightings partition."""

    def __init__(self, model: str, rule_set: str, rule_order: tuple[str, ...]) -> None:
        self._model, self._rule_set = model, rule_set
        self._order = {rule: place for place, rule in enumerate(rule_order)}
        self._open: dict[tuple[str, str], _Open] = {}
        self._early: dict[tuple[str, str], Alert] = {}
        self._dirty: set[tuple[str, str]] = set()

    def __len__(self) -> int:
        return len(self._open)

    def early(self, crossing: Crossing, fill: Fill) -> Alert | None:
        """Version 1, before the minute closes; None where an alert is open or was told early already."""
        key = (crossing.kind, crossing.id)
        entry = self._open.get(key)
        if key in self._early or (entry and crossing.minute - entry.minute <= entry.quiet_minutes):
            return None
        alert = self._new(crossing, 1)
        fill(alert)
        self._early[key] = alert
        self._dirty.add(key)
        return msgspec.structs.replace(alert)

    def crossed(self, crossing: Crossing, fill: Fill) -> list[Alert]:
        """What to tell of an entity that is over a line at the close of a minute; minutes come in order."""
        key = (crossing.kind, crossing.id)
        self._dirty.add(key)
        entry = self._open.get(key)
        if entry is None or crossing.minute - entry.minute > entry.quiet_minutes:
            # Told early or not, the close gives version 2 where it might have been.
            first_version = 2 if crossing.certain else 1
            last_of_old = [entry.alert] if entry and entry.waiting else []
            alert = self._new(crossing, first_version)
            entry = _Open(alert, first_version, crossing.minute, crossing.minute, crossing.quiet_minutes)
            self._open[key] = entry
            fill(alert)
            return [*last_of_old, *self._supersede(key, entry), msgspec.structs.replace(alert)]
        alert = entry.alert
        rose = SEVERITIES.index(crossing.severity) > SEVERITIES.index(alert.severity)
        alert.count += 1
        alert.version = entry.first_version + alert.count - 1
        alert.last_seen = (crossing.minute + 1) * MINUTE_MS
        alert.severity = worst((alert.severity, crossing.severity))
        alert.score = max(alert.score, crossing.score)
        alert.rules = self._sorted({*alert.rules, *crossing.rules})
        entry.minute = crossing.minute
        entry.quiet_minutes = max(entry.quiet_minutes, crossing.quiet_minutes)
        entry.waiting = True
        out = self._supersede(key, entry)
        if rose or crossing.minute - entry.told >= AGAIN_MINUTES:
            entry.told, entry.waiting = crossing.minute, False
            fill(alert)
            out.append(msgspec.structs.replace(alert))
        return out

    def unlinked(self, crossing: Crossing) -> str | None:
        """Id of the alert that has just crossed, where actors have not heard of it in this hour."""
        entry = self._open[crossing.kind, crossing.id]
        if entry.linked >= 0 and entry.linked // LINK_MINUTES == crossing.minute // LINK_MINUTES:
            return None
        entry.linked = crossing.minute
        return entry.alert.alert_id

    def due(self, minute: int | None) -> list[Alert]:
        """Alerts whose count rose since they were told, AGAIN_MINUTES ago or (None) at any time."""
        out = []
        for key, entry in self._open.items():
            if entry.waiting and (minute is None or minute - entry.told >= AGAIN_MINUTES):
                entry.waiting = False
                self._dirty.add(key)
                out.append(msgspec.structs.replace(entry.alert))
        return sorted(out, key=lambda a: a.alert_id)

    def withdraw(self, minute: int) -> list[Alert]:
        """Last version of alerts told early for a minute up to `minute`, now closed, that did not cross."""
        over = [k for k, alert in self._early.items() if alert.time <= (minute + 1) * MINUTE_MS]
        self._dirty.update(over)
        gone = [msgspec.structs.replace(self._early.pop(key), version=2, withdrawn=True) for key in over]
        return sorted(gone, key=lambda a: a.alert_id)

    def sweep(self, minute: int) -> None:
        """Forget alerts whose quiet period is over. Never changes a result."""
        over = [k for k, o in self._open.items() if minute - o.minute > o.quiet_minutes and not o.waiting]
        for key in over:
            del self._open[key]
        self._dirty.update(over)

    def changed(self) -> Pages:
        """Pages that changed since the last call: one for each entity."""
        pages: Pages = {}
        for key in sorted(self._dirty):
            kept = _Kept(self._open.get(key), self._early.get(key))
            gone = kept.entry is None and kept.early is None
            pages[f"alerts/{key[0]}/{key[1]}"] = None if gone else msgspec.msgpack.encode(kept)
        self._dirty.clear()
        return pages

    def restore(self, pages: dict[str, bytes]) -> None:
        """Become what `pages` hold."""
        self._open, self._early, self._dirty = {}, {}, set()
        for name, content in pages.items():
            if not name.startswith("alerts/"):
                continue
            _, kind, entity = name.split("/", 2)
            kept = msgspec.msgpack.decode(content, type=_Kept)
            if kept.entry:
                self._open[kind, entity] = kept.entry
            if kept.early:
                self._early[kind, entity] = kept.early

    def _new(self, crossing: Crossing, version: int) -> Alert:
        time = (crossing.minute + 1) * MINUTE_MS
        return Alert(
            alert_id=alert_id_of(crossing.kind, crossing.id, crossing.minute),
            time=time,
            version=version,
            entity_kind=crossing.kind,
            entity_id=crossing.id,
            severity=crossing.severity,
            score=crossing.score,
            case=case_of(crossing.kind, crossing.id),
            rules=self._sorted(crossing.rules),
            first_seen=time,
            last_seen=time,
            count=1,
            model=self._model,
            rule_set=self._rule_set,
        )

    def _sorted(self, rules: Iterable[str]) -> list[str]:
        return sorted(rules, key=lambda rule: (self._order.get(rule, len(self._order)), rule))

    def _supersede(self, key: tuple[str, str], entry: _Open) -> list[Alert]:
        """Last version of an alert told early, once it is sure that `entry` stands for it.

        Its minute may yet prove to lie beyond the quiet period, and then begins an alert after all, under
        the id told early: until that is known, nothing is said of it.
        """
        early = self._early.get(key)
        if early is None or early.time // MINUTE_MS - 1 - entry.minute > entry.quiet_minutes:
            return []
        del self._early[key]
        if early.alert_id == entry.alert.alert_id:
            return []
        return [msgspec.structs.replace(early, version=2, superseded_by=entry.alert.alert_id)]
