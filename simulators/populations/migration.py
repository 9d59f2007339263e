"""A migration: a batch of sellers changes its main tool within hours; the new one reads their history."""

from __future__ import annotations

from models.minutes import HOUR_MS
from simulators.calls import EVERYTHING
from simulators.populations._common import leaving, tool, unled
from simulators.world import FOREVER, World

SAYS = "order tools that take over a batch of sellers and back-fill months of orders"
DEFAULTS = {"count": 3, "least": 15, "most": 70}


def fill(world: World, count: int, least: int, most: int) -> None:
    """`count` tools that take over `least` to `most` sellers each, some time in the span."""
    for _ in range(count):
        sellers = unled(world, int(world.rng.integers(least, most + 1)))
        begins = world.start_ms + (world.end_ms - world.start_ms) * world.rng.uniform(0.05, 0.7)
        moves = (begins + world.rng.random(len(sellers)) * world.rng.uniform(2, 20) * HOUR_MS).astype("int64")
        leaving(world, sellers, moves)
        changes = {"backfill_days": world.rng.uniform(60, 365), "backfill_pii": EVERYTHING}
        tool(world, "migration", "order_tool", sellers, changes=changes, since=moves, until=FOREVER)
