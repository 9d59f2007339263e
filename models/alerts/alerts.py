"""What is told of an entity that crossed a line: the alert, its id and its case. Pure data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

#: From what may wait to what may not.
SEVERITIES = ("low", "medium", "high", "critical")
#: Id under which the evidence of an entity's party stands in an alert's rules, and what it alone amounts to.
ACTOR, ACTOR_SEVERITY = "actor", "medium"
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
    """Probability that another than its owner calls with a key (models.keys), and what speaks for it."""

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

    @property
    def stands(self) -> bool:
        """Whether it still counts: no other alert stands for it, and it was not withdrawn."""
        return self.superseded_by is None and not self.withdrawn

    def json(self) -> bytes:
        """One line of JSON."""
        return msgspec.json.encode(self)


#: What `models.detect.fill.AlertFiller.fill` sets.
FILLED = (
    *("reasons", "customers", "calls", "records", "pii", "window_start", "window_end", "evidence"),
    *("unneeded", "key_owners", "keys_borrowed"),
    *("sellers", "keys", "developers", "origins", "seller_ids", "key_ids", "developer_ids", "origin_ids"),
)


def alert_id_of(kind: str, entity: str, minute: int) -> str:
    """20 hex digits, the same wherever and whenever the crossing is found."""
    return hashlib.blake2b(f"{kind}\0{entity}\0{minute}".encode(), digest_size=10).hexdigest()


def case_of(kind: str, entity: str) -> str:
    """The party that an alert belongs to until models.actors knows better: the entity itself."""
    return f"{kind}:{entity}"


def worst(severities: Iterable[str]) -> str:
    """The highest of some severities."""
    return max(severities, key=SEVERITIES.index)
