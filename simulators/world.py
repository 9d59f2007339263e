"""The marketplace's registers: developers, links (who may act for which seller), parties. State.

Populations and poolers write into a `World`; the engines read its frozen `Links`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from models.dtypes import I64, Bools
from models.minutes import DAY_MS
from simulators import chance
from simulators.habits import HABIT, Habits
from simulators.machines import Machines
from simulators.orders import Orders

FOREVER = 1 << 60
#: Share of the links that comes in a day, and share that goes.
MOVES_DAILY = 0.004
_LINK = np.dtype(
    [
        ("developer", "i4"),
        ("seller", "i4"),
        ("since", "i8"),
        ("until", "i8"),
        ("machine", "i4"),
        ("machines", "i4"),
        ("stays_ms", "i8"),
    ]
)
Columns = dict[str, npt.NDArray[Any]]


def _columns(table: npt.NDArray[np.void]) -> Columns:
    return {name: np.ascontiguousarray(table[name]) for name in table.dtype.names or ()}


@dataclass(slots=True)
class Party:
    """Who acts: a pooler, or a named population's member. Origins are numbers of machines."""

    name: str
    label: str
    scenario: str
    start_ms: int
    developers: list[int] = field(default_factory=list)
    machines: list[int] = field(default_factory=list)
    victims: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Links:
    """All (developer, seller) links as columns: `at` (who, for whom, since, until, from where); habits."""

    at: Columns
    habit: Columns

    def __len__(self) -> int:
        return len(self.at["seller"])


@dataclass
class World:
    """What populations write into; `freeze` gives the links."""

    seed: int
    start_ms: int
    end_ms: int
    orders: Orders
    rng: np.random.Generator
    machines: Machines
    developer_ids: list[str] = field(default_factory=list)
    populations: list[str] = field(default_factory=list)
    parties: list[Party] = field(default_factory=list)
    primary: Bools = field(default_factory=lambda: np.zeros(0, bool))
    own_keys: dict[int, int] = field(default_factory=dict)  # seller -> link of its own private application
    pooled: set[int] = field(default_factory=set)
    programs: list[Any] = field(default_factory=list)
    _parts: list[tuple[npt.NDArray[np.void], Habits]] = field(default_factory=list)
    links: int = 0
    console: int = -1

    def developer(self, population: str) -> int:
        """A new registered developer; its number."""
        number = len(self.developer_ids)
        tail = int(chance.mix(self.seed + 11, number)) & 0xFFFFFFFF
        self.developer_ids.append(f"dev-{tail:08x}")
        self.populations.append(population)
        return number

    def staff_console(self) -> int:
        """The platform's internal application, whose staff keys open any seller."""
        if self.console < 0:
            self.console = self.developer("staff")
        return self.console

    def party(self, name: str, label: str, scenario: str, start_ms: int | None = None) -> Party:
        """A new party, from `start_ms` (default: the start of the span)."""
        self.parties.append(Party(name, label, scenario, self.start_ms if start_ms is None else start_ms))
        return self.parties[-1]

    def link(
        self,
        developer: npt.ArrayLike,
        sellers: npt.ArrayLike,
        habits: Habits,
        machine: tuple[npt.ArrayLike, npt.ArrayLike],
        *,
        since: npt.ArrayLike = 0,
        until: npt.ArrayLike = FOREVER,
        stays_ms: npt.ArrayLike = 0,
    ) -> I64:
        """Numbers of new links; machine = (first, how many), each for `stays_ms`."""
        who = np.atleast_1d(np.asarray(sellers))
        at = np.zeros(len(who), _LINK)
        at["developer"], at["seller"] = developer, who
        at["since"], at["until"] = since, until
        at["machine"], at["machines"] = machine
        at["stays_ms"] = stays_ms
        self._parts.append((at, np.broadcast_to(habits, len(who)).copy()))
        self.links += len(who)
        return np.arange(self.links - len(who), self.links)

    def freeze(self) -> Links:
        """All links so far."""
        none = (np.zeros(0, _LINK), np.zeros(0, HABIT))
        return Links(*(_columns(np.concatenate(part)) for part in zip(none, *self._parts, strict=True)))

    def joined(self, count: int) -> tuple[Any, Any]:
        """(since, until) of `count` links: most are old, few come or go within the span."""
        days = (self.end_ms - self.start_ms) / DAY_MS
        old = self.start_ms - (self.rng.random(count) * 340 * DAY_MS).astype(np.int64)
        inside = self.start_ms + (self.rng.random(count) * (self.end_ms - self.start_ms)).astype(np.int64)
        since = np.where(self.rng.random(count) < MOVES_DAILY * days, inside, old)
        leaves = self.rng.random(count) < MOVES_DAILY * days
        until = np.where(leaves & (since < self.start_ms), inside, FOREVER)
        return since, until
