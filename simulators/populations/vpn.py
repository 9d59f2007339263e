"""Sellers behind VPNs: their own scripts leave through a few exits that strangers share."""

from __future__ import annotations

from models.minutes import HOUR_MS
from simulators.populations._common import any_of, private, script_habit
from simulators.world import World

SAYS = "sellers whose own scripts call through VPN exits"
DEFAULTS = {"count": 30, "exits": 6}


def fill(world: World, count: int, exits: int) -> None:
    """`count` sellers behind `exits` exits, another one every few hours."""
    party = world.party("vpn", "benign", "vpn")
    addresses = world.machines.neighbours(exits)
    kits = [world.machines.kit(0.0) for _ in range(3)]
    for seller in any_of(world, count):
        habit = script_habit(world)
        pool = world.machines.pool(addresses, kits[int(world.rng.integers(3))])
        party.machines += range(pool[0], sum(pool))
        private(world, "vpn", int(seller), habit, pool, stays_ms=int(world.rng.uniform(3, 40) * HOUR_MS))
