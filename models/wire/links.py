"""What detect tells actors, and its messages: suspects; how common keys and clients are. Pure data."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from models.alerts.alerts import Alert
from models.hashing import hash_text
from models.minutes import DAY_MINUTES, HOUR_MINUTES
from models.origin import network_of

#: With so few keys an entity may be a seller's own.
OWN_KEYS = 2
#: From this evidence on an entity over no line is compared with others: may one party stand behind them?
SUSPECT_EVIDENCE = 0.05
#: Keys of a suspect that are told: the lowest hashes, which are a fair sample of all.
SAMPLE = 1_024
#: Minutes of activity that are told. Minutes of one hour are closed together, so that the oldest
#: of a day's cells may be gone already.
ACTIVE_MINUTES = DAY_MINUTES - HOUR_MINUTES
#: Clients told by a partition each hour: the most common.
CLIENTS = 20_000
#: Encoded size at which a message is cut; brokers refuse a megabyte.
MESSAGE_BYTES = 400_000

_TWO_64 = 2.0**64


class Suspect(msgspec.Struct, array_like=True, frozen=True):
    """An entity that something speaks against, or a bystander, at the close of `minute`.

    Told when its alert opens, and once in each hour in which more is seen of it.

    evidence   0..1, as judge joined it; hints in nats, as judge has them
    alert_id   of its open alert, or of `alert`
    foreign    part of its keys whose home is another place
    alert      what to tell of it should its party's evidence lift it over the line; None where it is over one
    keys       uint64[<= SAMPLE], sorted: that it used in 24 hours (in a week, where in none), of `key_count`
    active     bits of the ACTIVE_MINUTES that end with `minute`: calls were made
    throttled  the same: calls were answered 429
    """

    kind: str
    id: str
    alert_id: str
    minute: int
    key_count: int
    keys: bytes
    active: bytes
    throttled: bytes
    evidence: float = 0.0
    foreign: float = 0.0
    alert: Alert | None = None
    hints: float = 0.0

    @property
    def over(self) -> bool:
        """An alert of its own is open."""
        return self.alert is None

    @property
    def bystander(self) -> bool:
        """Nothing speaks against it but that it only reads: it is judged by its company."""
        return self.alert is not None and self.evidence < SUSPECT_EVIDENCE

    @property
    def entity(self) -> str:
        return f"{self.kind}:{self.id}"

    @property
    def at_home(self) -> bool:
        """Most of its keys have no other home."""
        return self.foreign < 0.5

    @property
    def own(self) -> bool:
        """It may be a seller's own application, or the place of one, whose key somebody else may be using."""
        return self.key_count <= OWN_KEYS and (self.kind == "developer" or self.at_home)

    @property
    def key_hashes(self) -> Any:
        """uint64[n], sorted."""
        return np.frombuffer(self.keys, np.uint64)

    @property
    def sampled(self) -> float:
        """Part of the hash space that the sample covers; 1 = all keys are told."""
        hashes = self.key_hashes
        return 1.0 if len(hashes) == self.key_count else float(hashes[-1]) / _TWO_64

    @property
    def client(self) -> int:
        """Hash of the TLS fingerprint; 0 = none."""
        return client_of(self.id) if self.kind == "origin" else 0

    @property
    def network(self) -> str:
        """Of the address; empty = none."""
        return network_of(self.id) if self.kind == "origin" else ""

    def minutes(self, bits: bytes) -> Any:
        """Minutes int64[n], ascending, whose bit is set in `active` or `throttled`."""
        is_set = np.unpackbits(np.frombuffer(bits, np.uint8))[:ACTIVE_MINUTES]
        return np.flatnonzero(is_set) + (self.minute - ACTIVE_MINUTES + 1)


class Census(msgspec.Struct, array_like=True, frozen=True):
    """How common keys and clients are in one partition at the close of `minute`, the last of an hour.

    keys     in use in seven UTC days
    origins  active in 24 hours and at home: of some key, the established place
    clients  uint64[n], sorted: hashes of the TLS fingerprints of those; counts int64[n]: origins of each
    """

    minute: int
    keys: int
    origins: int
    clients: bytes
    counts: bytes

    def count(self, client: int) -> int:
        """Origins of a client in this partition."""
        clients = np.frombuffer(self.clients, np.uint64)
        place = int(np.searchsorted(clients, np.uint64(client)))
        found = place < len(clients) and clients[place] == client
        return int(np.frombuffer(self.counts, np.int64)[place]) if found else 0


class Links(msgspec.Struct, array_like=True):
    """What one close of one partition tells.

    until  last minute that it has closed
    idle   it has closed all that it knows: it holds nothing back
    """

    until: int = -1
    idle: bool = False
    suspects: list[Suspect] = []
    census: list[Census] = []


class Message(msgspec.Struct, array_like=True):
    """A partition's links, and the alerts of the same close. heard_ms: when their cause came."""

    partition: int
    links: Links
    alerts: list[Alert]
    heard_ms: int = 0


def encode(message: Message) -> list[bytes]:
    """Bytes, cut at MESSAGE_BYTES: `until` comes with the last, so that the minute is told when all is."""
    parts: list[bytes] = []
    open_, size = Message(message.partition, Links(), [], message.heard_ms), 0
    items: list[Alert | Suspect | Census] = [*message.alerts, *message.links.suspects, *message.links.census]
    for item in items:
        item_size = len(msgspec.msgpack.encode(item))
        if size and size + item_size > MESSAGE_BYTES:
            parts.append(msgspec.msgpack.encode(open_))
            open_, size = Message(message.partition, Links(), [], message.heard_ms), 0
        size += item_size
        _put(open_, item)
    open_.links.until, open_.links.idle = message.links.until, message.links.idle
    return [*parts, msgspec.msgpack.encode(open_)]


def _put(message: Message, item: Alert | Suspect | Census) -> None:
    if isinstance(item, Alert):
        message.alerts.append(item)
    elif isinstance(item, Suspect):
        message.links.suspects.append(item)
    else:
        message.links.census.append(item)


_decoder = msgspec.msgpack.Decoder(Message)


def decode(message: bytes) -> Message:
    """What `encode` made, a part. msgspec.DecodeError where it is none."""
    return _decoder.decode(message)


def client_of(origin: str) -> int:
    """Hash of an origin's TLS fingerprint; 0 = it has none."""
    last = origin.rpartition("|")[2]
    return _hash(last) if last.startswith("tls:") else 0


_hash = lru_cache(maxsize=CLIENTS)(hash_text)
