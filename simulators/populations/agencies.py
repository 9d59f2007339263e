"""Agencies that work on their clients' private applications: many sellers, one place, real work."""

from __future__ import annotations

from simulators.habits import KIND
from simulators.populations._common import place, primary_kind, private, unled
from simulators.world import World

SAYS = "agencies working on clients' private applications from their own office"
DEFAULTS = {"count": 4, "least": 8, "most": 26}


def fill(world: World, count: int, least: int, most: int) -> None:
    """`count` agencies of `least` to `most` clients."""
    for number in range(1, count + 1):
        party = world.party(f"agency-{number}", "benign", "agencies")
        pool = world.machines.pool(place(world)[:3], world.machines.kit(0.4))
        party.machines += range(pool[0], sum(pool))
        kinds = [primary_kind(world) for _ in range(2)]
        for seller in unled(world, int(world.rng.integers(least, most + 1))):
            habit = KIND[str(world.rng.choice(kinds))].draw(world.rng)
            private(world, "agencies", int(seller), habit, pool, known=False)
            party.developers.append(len(world.developer_ids) - 1)
