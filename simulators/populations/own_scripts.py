"""Sellers with a private application of their own: a script at home, in the office or on a small server."""

from __future__ import annotations

import numpy as np

from models.minutes import DAY_MS
from simulators.habits import KIND
from simulators.populations._common import primary_kind, private, unled
from simulators.world import World

SAYS = "sellers' own private applications, at home, in an office, on a server"
DEFAULTS = {"count": 60, "main": 0.55}


def fill(world: World, count: int, main: float) -> None:
    """`count` sellers; a share `main` of them ships with it, the rest has it beside other tools."""
    busy = world.orders.sellers.orders_per_day**0.5
    leads = unled(world, round(count * main), weight=busy)
    beside = world.rng.choice(len(world.primary), count - len(leads), replace=False)
    for seller in np.concatenate([leads, np.setdiff1d(beside, leads)]):
        kind = (
            primary_kind(world)
            if seller in leads
            else str(world.rng.choice(["analytics", "inventory", "silent_export"]))
        )
        habit = KIND[kind].draw(world.rng)
        habit["poll_minutes"] *= world.rng.uniform(1, 4)
        home = world.rng.random() < 0.5
        address = world.machines.home() if home else world.machines.server()
        second = [world.machines.home()] if home and world.rng.random() < 0.4 else []
        pool = world.machines.pool([address, *second], world.machines.kit(0.12))
        if world.rng.random() < 0.12:  # a laptop beside the server
            world.machines.add(world.machines.home(), *world.machines.kit(0.1))
            pool = pool[0], pool[1] + 1
        private(
            world, "own_scripts", int(seller), habit, pool, stays_ms=int(world.rng.uniform(0.4, 4) * DAY_MS)
        )
