"""The platform's own support: staff who open a few sellers' orders a day through the internal console."""

from __future__ import annotations

import numpy as np

from models.dtypes import I64
from models.minutes import DAY_MS, HOUR_MS
from simulators.calls import BUYER, CONTACT, OP, PURCHASE, Rows, rows
from simulators.habits import HABIT
from simulators.machines import STAFF_KIT, inside
from simulators.populations._common import Planned
from simulators.world import World

SAYS = "the platform's support staff: a few sellers a day each, on request"
DEFAULTS = {"count": 40, "cases": 9}


def fill(world: World, count: int, cases: int) -> None:
    """`count` people with about `cases` sellers' requests in a shift."""
    party = world.party("support", "benign", "support_staff")
    rng, days = world.rng, (world.end_ms - world.start_ms) / DAY_MS
    first, _ = world.machines.pool([inside(rng) for _ in range(count)], STAFF_KIT)
    party.machines += range(first, first + count)
    busy = np.exp(rng.normal(0, 0.5, count)) * cases * days
    staff = np.repeat(np.arange(count), rng.poisson(busy))
    sellers = rng.integers(0, len(world.primary), len(staff))
    begins = rng.integers(0, 24, count) * HOUR_MS
    day = rng.integers(0, max(round(days), 1), len(staff)) * DAY_MS
    time = world.start_ms + day + begins[staff] + (rng.random(len(staff)) * 8.5 * HOUR_MS).astype(np.int64)
    known, place = np.unique(sellers, return_inverse=True)
    links = world.link(world.staff_console(), known, np.zeros(1, HABIT), (first, count))[place]
    world.programs.append(Planned(_desk(world, links, sellers, time, first + staff)))


def _desk(world: World, links: I64, sellers: I64, time: I64, machine: I64) -> Rows:
    """All cases: the order asked about, its buyer, now and then a second order."""
    newest = world.orders.before(sellers, time)
    order = np.maximum(newest - 1 - world.rng.geometric(0.03, len(time)), 0)
    read = {"first": order, "count": 1, "origin": machine}
    second = world.rng.random(len(time)) < 0.3
    again = {"first": order[second] // 2, "count": 1, "origin": machine[second]}
    return np.concatenate(
        [
            rows(time, links, OP["getOrder"], pii=PURCHASE, **read),
            rows(time + 9_000, links, OP["getOrderAddress"], pii=CONTACT, **read),
            rows(time + 31_000, links, OP["getOrderBuyerInfo"], pii=BUYER, **read),
            rows(time[second] + 200_000, links[second], OP["getOrderAddress"], pii=CONTACT, **again),
        ]
    )
