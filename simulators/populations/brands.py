"""Owners of several brands: one private application, or one a brand, on one server."""

from __future__ import annotations

from simulators.habits import KIND
from simulators.populations._common import place, primary_kind, private, tool, unled
from simulators.world import World

SAYS = "owners of several brands: one private application, or one a brand"
DEFAULTS = {"count": 5, "least": 4, "most": 10}


def fill(world: World, count: int, least: int, most: int) -> None:
    """`count` owners of `least` to `most` brands, each a seller."""
    for number in range(1, count + 1):
        party = world.party(f"brands-{number}", "benign", "brands")
        sellers = unled(world, int(world.rng.integers(least, most + 1)))
        kind = primary_kind(world)
        first, before = len(world.machines.ip), len(world.developer_ids)
        if world.rng.random() < 0.6:
            tool(world, "brands", kind, sellers)
        else:
            pool = world.machines.pool(place(world)[:1], world.machines.kit(0.4))
            for seller in sellers:
                private(world, "brands", int(seller), KIND[kind].draw(world.rng), pool, known=False)
        party.developers += range(before, len(world.developer_ids))
        party.machines += range(first, len(world.machines.ip))
