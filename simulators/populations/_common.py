"""What populations share: choosing sellers, machines and habits. Pure draws from the world's generator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.dtypes import F64, I64
from simulators.calls import Rows
from simulators.habits import KIND, KINDS, Habits, vary
from simulators.world import World


def unled(world: World, count: int, *, weight: F64 | None = None) -> I64:
    """Up to `count` sellers that no tool ships for yet; they are then taken as having one."""
    free = np.flatnonzero(~world.primary)
    count = min(count, len(free))
    p = None if weight is None else weight[free] / weight[free].sum()
    chosen = np.sort(world.rng.choice(free, count, replace=False, p=p)) if count else np.zeros(0, np.int64)
    world.primary[chosen] = True
    return chosen


def any_of(world: World, count: int) -> I64:
    """`count` sellers, those without a main tool first; the rest has this beside its own."""
    led = unled(world, count)
    others = np.setdiff1d(np.arange(len(world.primary)), led)
    more = world.rng.choice(others, min(count - len(led), len(others)), replace=False)
    return np.concatenate([led, np.sort(more)])


def place(world: World) -> list[str]:
    """Addresses of an ordinary tool: one server, a few, or a cloud's egress."""
    draw = world.rng.random()
    if draw < 0.45:
        return [world.machines.server()]
    if draw < 0.7:
        return world.machines.neighbours(int(world.rng.integers(2, 5)))
    return [world.machines.cloud() for _ in range(int(world.rng.integers(1, 7)))]


def primary_kind(world: World) -> str:
    """A kind of tool that can be a seller's main one."""
    main = [kind for kind in KINDS if kind.primary]
    p = np.array([kind.weight for kind in main])
    return main[int(world.rng.choice(len(main), p=p / p.sum()))].name


def script_habit(world: World, rarer: float = 4.0) -> Habits:
    """Habits of a seller's own script: a main tool's, but it looks up to `rarer` times less often."""
    habit = KIND[primary_kind(world)].draw(world.rng)
    habit["poll_minutes"] *= world.rng.uniform(1, rarer)
    return habit


def tool(
    world: World,
    population: str,
    kind: str,
    sellers: I64,
    *,
    addresses: list[str] | None = None,
    kit: tuple[str, str] | None = None,
    changes: dict[str, float] | None = None,
    since: npt.ArrayLike | None = None,
    until: npt.ArrayLike | None = None,
) -> int:
    """One application of `kind` with links to `sellers`; its developer number."""
    developer = world.developer(population)
    habit = KIND[kind].draw(world.rng)
    for name, value in (changes or {}).items():
        habit[name] = value
    pool = world.machines.pool(addresses or place(world), kit or world.machines.kit())
    joined, left = world.joined(len(sellers))
    world.link(
        developer,
        sellers,
        vary(np.repeat(habit, len(sellers)), world.rng),
        pool,
        since=joined if since is None else since,
        until=left if until is None else until,
    )
    return developer


def leaving(world: World, sellers: I64, moves: npt.ArrayLike) -> None:
    """Ordinary tools that these sellers use until they move elsewhere at `moves`."""
    tool(world, "ordinary", primary_kind(world), sellers, since=0, until=moves)


def private(
    world: World,
    population: str,
    seller: int,
    habit: Habits,
    pool: tuple[int, int],
    *,
    stays_ms: int = 0,
    known: bool = True,
) -> int:
    """A seller's own private application; its link number. known: the seller holds the key itself."""
    developer = world.developer(population)
    (link,) = world.link(developer, [seller], vary(habit, world.rng), pool, stays_ms=stays_ms)
    if known:
        world.own_keys.setdefault(int(seller), int(link))
    return int(link)


class Planned:
    """A program whose calls are all known beforehand."""

    def __init__(self, made: Rows) -> None:
        self._made = made[np.argsort(made["time"], kind="stable")]

    def calls(self, a: int, b: int) -> Rows:
        """Rows whose time is in [a, b)."""
        low, high = np.searchsorted(self._made["time"], [a, b])
        return self._made[low:high]
