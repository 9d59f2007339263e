"""Answered calls -> counts to look at: per hour, group, operation, developer. State: those counts."""

from __future__ import annotations

import numpy as np

from models.dtypes import I64
from simulators.calls import IDENTIFYING, OPERATIONS, Rows
from simulators.world import Links, World


class Census:
    """Groups are populations, then pooler scenarios (for a pooler's calls, whatever key they carry)."""

    def __init__(self, world: World, links: Links) -> None:
        self.links = links
        populations = [p for p in dict.fromkeys(world.populations) if not p.startswith("pooler:")]
        pooled = list(dict.fromkeys(p.scenario for p in world.parties if p.label == "aggregator"))
        self.groups = populations + pooled
        self.poolers = len(pooled)
        self.of_developer = np.array(
            [self.groups.index(p.removeprefix("pooler:")) for p in world.populations]
        )
        of_party = [self.groups.index(p.scenario) if p.scenario in pooled else 0 for p in world.parties]
        self.of_party = np.array([*of_party, 0], np.int64)
        self.events: list[I64] = []  # an hour each: [groups]
        self.operations = np.zeros((len(OPERATIONS), 2), np.int64)  # all, of poolers
        self.status: dict[int, int] = {}
        self.records = np.zeros(len(world.developer_ids), np.int64)  # identifying, by developer
        self.used = np.zeros(len(links), bool)
        self.by_party = np.zeros((len(world.parties) + 1, 2), np.int64)  # calls, identifying records
        self._links: dict[int, set[int]] = {}

    def count(self, calls: Rows) -> None:
        """Add an hour's calls."""
        developer, party = self.links.at["developer"][calls["link"]], calls["party"].astype(np.int64)
        group = np.where(party >= 0, self.of_party[party], self.of_developer[developer])
        self.events.append(np.bincount(group, minlength=len(self.groups)))
        self.operations[:, 0] += np.bincount(calls["op"], minlength=len(OPERATIONS))
        self.operations[:, 1] += np.bincount(calls["op"][party >= 0], minlength=len(OPERATIONS))
        for status, times in zip(*np.unique(calls["status"], return_counts=True), strict=True):
            self.status[int(status)] = self.status.get(int(status), 0) + int(times)
        identifying = np.where(calls["pii"] & np.uint8(IDENTIFYING), calls["records"], 0)
        own = party < 0
        links = calls["link"]
        app = own | (self.of_developer[developer] >= len(self.groups) - self.poolers)
        self.records += np.bincount(developer[app], identifying[app], len(self.records)).astype(np.int64)
        self.used[links[app]] = True
        self.by_party[:, 0] += np.bincount(party[~own], minlength=len(self.by_party))
        self.by_party[:, 1] += np.bincount(party[~own], identifying[~own], len(self.by_party)).astype(
            np.int64
        )
        for number in np.unique(party[~own]):
            self._links.setdefault(int(number), set()).update(np.unique(links[party == number]).tolist())

    def sellers_of_party(self, party: int) -> int:
        """Distinct keys that the party has used."""
        return len(self._links.get(party, ()))

    def sellers_of_developer(self) -> I64:
        """int64[developers]: sellers each was used for, by its own people."""
        return np.bincount(self.links.at["developer"][self.used], minlength=len(self.records))
