"""Sellers who look up orders on the road: beside the script that works for them, a telephone only reads."""

from __future__ import annotations

import numpy as np

from models.dtypes import F64, I64
from models.minutes import DAY_MS, HOUR_MS
from simulators.calls import CONTACT, OP, Rows, expand, rows
from simulators.populations._common import Planned, any_of, private, script_habit
from simulators.world import World

SAYS = "sellers who look up orders on a telephone: at home, at work, and through their carrier's addresses"
DEFAULTS = {"count": 30, "road": 0.4, "bought": 0.2}


def fill(world: World, count: int, road: float, bought: float) -> None:
    """`count` sellers with a script at a server, and a telephone: a share `road` of its visits on the road.
    A share `bought` of the telephones is bought within the span."""
    sellers, links, places = any_of(world, count), [], []
    for number, seller in enumerate(sellers, 1):
        party = world.party(f"telephones-{number}", "benign", "telephones")
        habit = script_habit(world)
        script = world.machines.pool([world.machines.server()], world.machines.kit(0.12))
        links.append(private(world, "telephones", int(seller), habit, script))
        places.append(_telephone(world))
        party.machines += range(script[0], sum(script))
        party.machines += range(places[-1][0], sum(places[-1]))
    late = (world.rng.random(len(sellers)) < bought) * world.rng.uniform(0, 0.8, len(sellers))
    looks = _looks(world, np.array(links), sellers, np.array(places).reshape(-1, 2), late, road)
    world.programs.append(Planned(looks))


def _telephone(world: World) -> tuple[int, int]:
    """(first, how many) of its places: home, work, then the carrier's addresses."""
    carrier = [world.machines.home() for _ in range(int(world.rng.integers(2, 12)))]
    return world.machines.pool(
        [world.machines.home(), world.machines.home(), *carrier], world.machines.kit(0.12)
    )


def _looks(world: World, links: I64, sellers: I64, places: I64, late: F64, road: float) -> Rows:
    """2 to 12 visits a day in waking hours, one to three orders of the last ten days each.

    late  part of the span before the first
    """
    rng, days = world.rng, (world.end_ms - world.start_ms) / DAY_MS
    owner, _ = expand(rng.poisson(rng.uniform(2, 12, len(links)) * days))
    time = world.start_ms + (rng.random(len(owner)) * days * DAY_MS).astype(np.int64)
    hour = (time + world.orders.sellers.offset_ms[sellers[owner]]) % DAY_MS / HOUR_MS
    there = (hour >= 7) & (hour < 23) & (time >= world.start_ms + late[owner] * days * DAY_MS)
    owner, time = owner[there], time[there]
    first, many = places[owner].T
    settled = world.orders.works(sellers[owner], time).astype(np.int64)
    place = first + np.where(rng.random(len(owner)) < road, rng.integers(2, many), settled)
    visit, turn = expand(rng.integers(1, 4, len(owner)))
    at = time[visit] + turn * 20_000
    age = np.exp(rng.uniform(np.log(0.1), np.log(10), len(visit))) * DAY_MS
    order = world.orders.before(sellers[owner[visit]], at - age.astype(np.int64)) - 1
    known = (order >= 0) & (at < world.end_ms)
    visit, at, order = visit[known], at[known], order[known]
    return rows(
        at,
        links[owner[visit]],
        OP["getOrderAddress"],
        first=order,
        count=1,
        pii=CONTACT,
        origin=place[visit],
    )
