"""Scenario and seed -> usage events as time-ordered Arrow tables, labels, and what poolers really took. Pure.

Memory is bounded by the calls of one hour and those decided on but not yet due (parcels, messages, invoices).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from models.errors import ConfigError
from models.minutes import DAY_MS, HOUR_MS
from models.origin import origin
from simulators import chance, poolers, populations, sellers
from simulators.calls import ROW, TAKES, Rows
from simulators.census import Census
from simulators.machines import Machines
from simulators.plans import Buckets
from simulators.planting import plant
from simulators.render import Render
from simulators.scenario import Scenario
from simulators.taken import Taken
from simulators.tools import Tools
from simulators.world import World

#: Monday, 2026-03-02, midnight UTC.
START_MS = 1_772_409_600_000
#: Orders' lives begin so long before the span, so that its first hours are as busy as the rest.
WARM_UP_MS, STRIDE_MS = 6 * DAY_MS, 3 * HOUR_MS


class Marketplace:
    """One run. Iterating gives the tables; `labels()`, `taken` and `census` are complete when it is done."""

    def __init__(
        self, scenario: Scenario, seed: int, hours: float | None = None, sellers: int | None = None,
        developers: int | None = None, start_ms: int = START_MS,
    ) -> None:  # fmt: skip
        self.scenario, self.seed = scenario, seed
        self.start_ms = start_ms
        self.end_ms = start_ms + round((scenario.hours if hours is None else hours) * HOUR_MS)
        if self.end_ms <= start_ms:
            raise ConfigError("hours must be above 0")
        self.world = build(
            scenario,
            seed,
            sellers or scenario.sellers,
            developers or scenario.developers,
            start_ms,
            self.end_ms,
        )
        self.links = self.world.freeze()
        self.render = Render(self.world, self.links)
        self.census = Census(self.world, self.links)
        self.taken = Taken(self.world, self.links, self.render)
        self.seen = np.zeros(len(self.world.machines.ip), bool)

    def slices(self) -> Iterator[Rows]:
        """Answered calls, an hour (or what is left of it) at a time, in time order."""
        tools = Tools(self.seed, self.world.orders, self.links)
        buckets = Buckets(len(self.links))
        agenda: dict[int, list[Rows]] = defaultdict(list)
        for a in range(self.start_ms - WARM_UP_MS, self.start_ms, STRIDE_MS):
            self._enter(agenda, tools.lives(a, a + STRIDE_MS), tools)
        for a in range(self.start_ms, self.end_ms, HOUR_MS):
            b = min(a + HOUR_MS, self.end_ms)
            self._enter(
                agenda, np.concatenate([tools.calls(a, b), *(p.calls(a, b) for p in self.world.programs)])
            )
            wished = np.concatenate([np.zeros(0, ROW), *agenda.pop(self._hour(a), [])])
            answered, carried = buckets.answer(wished[wished["time"] < b], b)
            self._enter(agenda, carried)
            settled = self.render.settle(answered)
            self.seen[settled["origin"]] = True
            self.census.count(settled)
            self.taken.note(settled[settled["flags"] & TAKES > 0])
            yield settled

    def _hour(self, time: int) -> int:
        return (time - self.start_ms) // HOUR_MS

    def _enter(self, agenda: dict[int, list[Rows]], made: Rows, tools: Tools | None = None) -> None:
        """Put calls where they fall due; what is before or after the span is dropped."""
        if tools is not None:
            made = tools.allowed(made)
        made = made[(made["time"] >= self.start_ms) & (made["time"] < self.end_ms)]
        hour = ((made["time"] - self.start_ms) // HOUR_MS).astype(np.int16)  # sorted by radix
        order = np.argsort(hour, kind="stable")
        hours, first = np.unique(hour[order], return_index=True)
        for h, part in zip(hours, np.split(made[order], first[1:]), strict=True) if len(hours) else ():
            agenda[int(h)].append(part.copy())  # a view would keep all of `made` alive

    def __iter__(self) -> Iterator[pa.Table]:
        for settled in self.slices():
            yield self.render.table(settled)

    def labels(self) -> list[dict[str, Any]]:
        """Labels (contract) of every developer, and of each origin that was used."""
        told: dict[tuple[str, str], dict[str, Any]] = {}
        for party in self.world.parties:
            span = {
                "party": party.name,
                "scenario": party.scenario,
                "start": party.start_ms,
                "end": self.end_ms,
            }
            for developer in party.developers:
                told["developer", self.world.developer_ids[developer]] = {"label": party.label, **span}
            for developer in party.victims:
                told.setdefault(
                    ("developer", self.world.developer_ids[developer]), {"label": "victim", **span}
                )
            for machine in party.machines:
                if self.seen[machine]:
                    told.setdefault(("origin", self.origin(machine)), {"label": party.label, **span})
        for number, (name, population) in enumerate(
            zip(self.world.developer_ids, self.world.populations, strict=True)
        ):
            told.setdefault(("developer", name), self._benign(number, population))
        for machine, number in self._own_machines():
            population = self.world.populations[number].removeprefix("pooler:")
            told.setdefault(("origin", self.origin(machine)), self._benign(number, population))
        return [{"entity_kind": kind, "entity_id": name, **rest} for (kind, name), rest in told.items()]

    def _benign(self, developer: int, population: str) -> dict[str, Any]:
        name = self.world.developer_ids[developer]
        span = {"scenario": population, "start": self.start_ms, "end": self.end_ms}
        return {"label": "benign", "party": name, **span}

    def _own_machines(self) -> list[tuple[int, int]]:
        """(machine, developer) of the machines that developers call from themselves, those that were seen."""
        at = self.links.at
        pools = np.unique(np.stack([at["machine"], at["machines"], at["developer"]], axis=1), axis=0)
        pairs = [(m, d) for first, many, d in pools.tolist() for m in range(first, first + many)]
        return [(m, d) for m, d in pairs if self.seen[m]]

    def origin(self, machine: int) -> str:
        """Origin id (contract) of a machine."""
        own = self.world.machines
        return origin(own.ip[machine], own.agent[machine], own.tls[machine])[0]


def build(scenario: Scenario, seed: int, count: int, developers: int, start_ms: int, end_ms: int) -> World:
    """The scenario's world: look-alikes first, then poolers, everybody else last."""
    if count < 1 or developers < 1:
        raise ConfigError("sellers and developers must be 1 or more")
    orders = sellers.draw(seed, count, start_ms, end_ms, sale=scenario.sale, median=scenario.median_orders)
    world = World(
        seed, start_ms, end_ms, orders, chance.rng(seed, "world"), Machines(chance.rng(seed, "machines"))
    )
    world.primary = np.zeros(count, bool)
    known, manners = populations.registry(), poolers.registry()
    # The giant chooses before all others, ordinary tools take what is left.
    last = [name for name in scenario.populations if name == "ordinary"]
    for name in sorted(set(scenario.populations) - {"ordinary"}, key=lambda n: (n != "giant", n)):
        known[name].fill(world, **sized(name, scenario.populations[name], count, scenario.sellers))
    for name, parties in scenario.poolers.items():
        for number in range(1, parties + 1):
            plant(world, name, manners[name], number, scenario)
    for name in last:
        known[name].fill(world, **scenario.populations[name], developers=developers)
    return world


def sized(name: str, parameters: dict[str, Any], count: int, usual: int) -> dict[str, Any]:
    """A population's parameters in a marketplace of another size: as many more or fewer of them.

    Sellers' own scripts do not thin out with the rest: poolers need their keys.
    """
    if "count" not in parameters or count == usual:
        return parameters
    many = max(1, round(parameters["count"] * count / usual))
    if name == "own_scripts" and count < usual:
        many = min(parameters["count"], max(many, round(0.3 * count)))
    return {**parameters, "count": many}
