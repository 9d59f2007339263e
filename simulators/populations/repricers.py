"""Repricers and stock tools with many sellers: they call all day, and read no personal data."""

from __future__ import annotations

import numpy as np

from simulators.populations._common import tool
from simulators.world import World

SAYS = "repricers and inventory tools that call all day but read no personal data"
DEFAULTS = {"count": 8, "least": 8, "most": 90}


def fill(world: World, count: int, least: int, most: int) -> None:
    """`count` tools of `least` to `most` sellers."""
    for number in range(count):
        size = min(int(np.exp(world.rng.uniform(np.log(least), np.log(most)))), len(world.primary))
        sellers = np.sort(world.rng.choice(len(world.primary), size, replace=False))
        tool(world, "repricers", "repricer" if number % 2 else "inventory", sellers)
