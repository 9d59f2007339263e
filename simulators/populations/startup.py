"""Fast-growing start-ups: sellers join each day, are read some weeks back, and are then served."""

from __future__ import annotations

import numpy as np

from models.minutes import DAY_MS
from simulators.calls import EVERYTHING
from simulators.populations._common import leaving, tool, unled
from simulators.world import FOREVER, World

SAYS = "start-ups that gain sellers each day"
DEFAULTS = {"count": 3, "old": 15, "daily": 9}


def fill(world: World, count: int, old: int, daily: int) -> None:
    """`count` tools with some `old` sellers at first and some `daily` more each day."""
    days = (world.end_ms - world.start_ms) / DAY_MS
    for _ in range(count):
        veterans = unled(world, int(world.rng.uniform(0.5, 1.5) * old))
        joiners = unled(world, max(1, int(world.rng.uniform(0.4, 2.0) * daily * days)))
        when = world.start_ms + (world.rng.random(len(joiners)) * (world.end_ms - world.start_ms)).astype(
            "int64"
        )
        leaving(world, joiners, when)
        changes = {
            "backfill_days": world.rng.uniform(3, 60),
            "backfill_pii": int(world.rng.choice([0, EVERYTHING])),
        }
        kind = str(world.rng.choice(["order_tool", "label_printer"]))
        since = np.concatenate([np.zeros(len(veterans), np.int64), when])
        tool(
            world,
            "startup",
            kind,
            np.concatenate([veterans, joiners]),
            changes=changes,
            since=since,
            until=FOREVER,
        )
