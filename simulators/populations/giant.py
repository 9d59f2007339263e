"""One very large listed application: the main tool of most sellers, from a cloud's many addresses."""

from __future__ import annotations

from simulators.calls import EVERYTHING
from simulators.habits import AT_POLL, SHIP_CALLS
from simulators.populations._common import tool, unled
from simulators.world import World

SAYS = "a very large listed application, main tool of most sellers"
DEFAULTS = {"share": 0.6, "addresses": 24}


def fill(world: World, share: float, addresses: int) -> None:
    """`share` of all sellers join it."""
    sellers = unled(world, round(share * len(world.primary)))
    changes = {
        "read_when": AT_POLL,
        "ships": SHIP_CALLS,
        "poll_minutes": 24.0,
        "ship_share": 0.93,
        "page_pii": 0,
        "read": 0.97,
        "items": 0.1,
        "backfill_days": 20.0,
        "backfill_pii": EVERYTHING,
    }
    clouds = [world.machines.cloud() for _ in range(int(addresses))]
    developer = tool(
        world, "giant", "order_tool", sellers, addresses=clouds, kit=world.machines.kit(1.0), changes=changes
    )
    world.party("giant", "benign", "giant").developers.append(developer)
