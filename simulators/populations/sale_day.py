"""Tools whose sellers hold a sale: for a day all volumes are five to twenty times as large."""

from __future__ import annotations

import numpy as np

from simulators.populations._common import primary_kind, tool
from simulators.world import World

SAYS = "order tools whose sellers have a sale day: all volumes x5 to x20"
DEFAULTS = {"count": 4, "least": 8, "most": 60}


def fill(world: World, count: int, least: int, most: int) -> None:
    """`count` tools of `least` to `most` sellers on sale (the scenario's `sale` says how many there are)."""
    for _ in range(count):
        free = np.flatnonzero(~world.primary & (world.orders.sellers.profile % 2 == 1))
        size = min(int(world.rng.integers(least, most + 1)), len(free))
        sellers = np.sort(world.rng.choice(free, size, replace=False)) if size else free
        world.primary[sellers] = True
        tool(world, "sale_day", primary_kind(world), sellers)
