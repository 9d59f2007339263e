"""Offices and clouds whose tenants leave through one address: strangers with scripts of their own."""

from __future__ import annotations

from simulators.populations._common import any_of, private, script_habit
from simulators.world import World

SAYS = "offices and clouds that share one NAT address"
DEFAULTS = {"offices": 3, "clouds": 2, "least": 6, "most": 18}


def fill(world: World, offices: int, clouds: int, least: int, most: int) -> None:
    """Each place has `least` to `most` sellers' own applications; in a cloud they also share the runtime."""
    for number in range(offices + clouds):
        cloud = number >= offices
        name = f"{'cloud' if cloud else 'office'}-{number + 1}"
        party = world.party(name, "benign", "shared_nat")
        address = world.machines.cloud() if cloud else world.machines.home()
        kit = world.machines.kit(0.0)
        for seller in any_of(world, int(world.rng.integers(least, most + 1))):
            habit = script_habit(world, rarer=3)
            pool = world.machines.pool([address], kit if cloud else world.machines.kit(0.15))
            private(world, "shared_nat", int(seller), habit, pool)
            party.machines += range(pool[0], sum(pool))
