"""A popular SDK: many small tools with one and the same user agent and TLS fingerprint."""

from __future__ import annotations

import numpy as np

from simulators.machines import KITS
from simulators.populations._common import primary_kind, tool, unled
from simulators.world import World

SAYS = "small tools built on one popular SDK: same user agent and TLS fingerprint everywhere"
DEFAULTS = {"count": 12, "least": 3, "most": 30}


def fill(world: World, count: int, least: int, most: int) -> None:
    """`count` tools of `least` to `most` sellers."""
    _, agent, tls = KITS[0]
    for _ in range(count):
        sellers = unled(world, int(np.exp(world.rng.uniform(np.log(least), np.log(most)))))
        tool(world, "popular_sdk", primary_kind(world), sellers, kit=(agent.format(v=14), tls))
