"""Labels -> who acts behind which entity. Pure.

Origins are compared part by part, because gateways and labelers derive them at different depth.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from models.errors import ConfigError

AGGREGATOR, BENIGN, VICTIM = "aggregator", "benign", "victim"
_FIELDS = ("entity_kind", "entity_id", "label", "party", "scenario", "start", "end")

#: (kind, id)
Entity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Label:
    """What an entity truly is, from `start_ms` until `end_ms`. `party` is the one who acts."""

    entity_kind: str
    entity_id: str
    label: str
    party: str
    scenario: str
    start_ms: int
    end_ms: int
    population: str

    @property
    def entity(self) -> Entity:
        return self.entity_kind, self.entity_id


def parse_label(record: Mapping[str, object], where: str) -> Label:
    """One line of a labels file. `where` names file and line in the ConfigError of a bad one."""
    missing = [name for name in _FIELDS if name not in record]
    if missing:
        raise ConfigError(f"{where}: a label needs {', '.join(missing)}")
    if record["label"] not in (AGGREGATOR, BENIGN, VICTIM):
        raise ConfigError(f"{where}: label must be aggregator, benign or victim, not {record['label']!r}")
    try:
        start, end = int(str(record["start"])), int(str(record["end"]))
    except ValueError:
        raise ConfigError(f"{where}: start and end must be whole milliseconds") from None
    kind, entity, label, party, scenario = (str(record[name]) for name in _FIELDS[:5])
    population = str(record.get("population") or scenario)
    return Label(kind, entity, label, party, scenario, start, max(start, end), population)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of an origin id; None where it does not carry one."""

    network: tuple[int, int, int] | None  # IP version, prefix length, address >> (bits - prefix)
    tls: str | None
    ua: str | None

    def agrees(self, other: Parts) -> bool:
        """No part that both carry differs, and they share an address or a fingerprint.

        A user agent alone is the caller's word, and proves nothing.
        """
        if self.network and other.network and not _overlap(self.network, other.network):
            return False
        if self.tls and other.tls and self.tls != other.tls:
            return False
        if self.ua and other.ua and self.ua != other.ua:
            return False
        return bool((self.network and other.network) or (self.tls and other.tls))


def parts_of(origin_id: str) -> Parts:
    """Split `ip:..|tls:..|ua:..`. An unreadable address counts as none."""
    found: dict[str, str] = {}
    for part in origin_id.split("|"):
        name, _, value = part.partition(":")
        if value:
            found.setdefault(name, value)
    address = found.get("ip") or found.get("net")
    return Parts(_network(address) if address else None, found.get("tls"), found.get("ua"))


def _network(text: str) -> tuple[int, int, int] | None:
    try:
        net = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return net.version, net.prefixlen, int(net.network_address) >> (net.max_prefixlen - net.prefixlen)


def _cut(network: tuple[int, int, int], prefix: int) -> tuple[int, int, int]:
    version, length, bits = network
    return version, prefix, bits >> (length - prefix)


def _overlap(a: tuple[int, int, int], b: tuple[int, int, int]) -> bool:
    if a[0] != b[0]:
        return False
    prefix = min(a[1], b[1])
    return _cut(a, prefix) == _cut(b, prefix)


class OriginIndex:
    """Finds the labels whose origin agrees with an id. Memory: a few entries per label and prefix length."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self._labels = [(label, parts_of(label.entity_id)) for label in labels]
        self._lengths = {p.network[:2] for _, p in self._labels if p.network}
        self._by_cut: dict[int, dict[tuple[int, int, int], list[int]]] = {}
        self._by_tls: defaultdict[str, list[int]] = defaultdict(list)
        self._no_network: defaultdict[str, list[int]] = defaultdict(list)
        self._benign_tls: set[str] = set()
        for place, (label, parts) in enumerate(self._labels):
            if parts.tls:
                self._by_tls[parts.tls].append(place)
                if not parts.network:
                    self._no_network[parts.tls].append(place)
                if label.label == BENIGN:
                    self._benign_tls.add(parts.tls)

    def find(self, origin_id: str) -> list[Label]:
        """Labels that agree with this id, part by part.

        A fingerprint alone decides only where no benign origin carries it: a popular client is nobody's.
        """
        parts = parts_of(origin_id)
        places = self._near(parts.network) if parts.network else []
        if parts.tls and parts.tls not in self._benign_tls:
            places = places + (self._no_network if parts.network else self._by_tls).get(parts.tls, [])
        return [self._labels[i][0] for i in dict.fromkeys(places) if self._labels[i][1].agrees(parts)]

    def _near(self, network: tuple[int, int, int]) -> list[int]:
        found: list[int] = []
        for version, length in self._lengths:  # labels as wide as the id or wider
            if version == network[0] and length <= network[1]:
                found += self._cuts(length).get(_cut(network, length), [])
        return found + self._cuts(network[1]).get(network, [])

    def _cuts(self, prefix: int) -> dict[tuple[int, int, int], list[int]]:
        """Labels at least as narrow as this prefix, by the network of this prefix that holds them."""
        if prefix not in self._by_cut:
            table: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
            for place, (_, parts) in enumerate(self._labels):
                if parts.network and parts.network[1] >= prefix:
                    table[_cut(parts.network, prefix)].append(place)
            self._by_cut[prefix] = table
        return self._by_cut[prefix]


@dataclass(slots=True)
class Party:
    """One who pools keys, from the first of its labels' starts to the last of their ends."""

    name: str
    scenario: str
    start_ms: int
    end_ms: int
    labels: list[Label] = field(default_factory=list)


class Truth:
    """All labels of a span, asked by entity. An entity with two kinds of label counts as the worse."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self.labels = list(labels)
        self._exact: defaultdict[Entity, list[Label]] = defaultdict(list)
        self.parties: dict[str, Party] = {}
        for label in self.labels:
            self._exact[label.entity].append(label)
            if label.label == AGGREGATOR:
                party = self.parties.setdefault(
                    label.party, Party(label.party, label.scenario, label.start_ms, label.end_ms)
                )
                party.start_ms = min(party.start_ms, label.start_ms)
                party.end_ms = max(party.end_ms, label.end_ms)
                party.labels.append(label)
        self._origins = OriginIndex(x for x in self.labels if x.entity_kind == "origin")
        self._known: dict[Entity, list[Label]] = {}

    def standing(self, kind: str, entity_id: str) -> list[Label]:
        """The labels that decide about this entity, of one kind: aggregator before victim before benign.

        An exact label outranks those that agree in parts. Empty: nobody labelled it.
        """
        entity = (kind, entity_id)
        if entity not in self._known:
            found = self._exact.get(entity) or (self._origins.find(entity_id) if kind == "origin" else [])
            for role in (AGGREGATOR, VICTIM, BENIGN):
                chosen = [x for x in found if x.label == role]
                if chosen:
                    break
            self._known[entity] = chosen if found else []
        return self._known[entity]

    def with_labels(self, more: Iterable[Label]) -> Truth:
        """The same truth and more of it."""
        return Truth([*self.labels, *more])
