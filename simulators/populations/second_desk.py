"""Sellers who use their script's key from a second place too: it moved, a laptop, a bookkeeper's export."""

from __future__ import annotations

import numpy as np

from models.dtypes import I64
from models.minutes import DAY_MS, HOUR_MS
from simulators.calls import EVERYTHING, OP, PAGE_ORDERS, Rows, rows
from simulators.populations._common import Planned, any_of, private, script_habit
from simulators.world import World

SAYS = "sellers who use their own key from a second place: a new server, a laptop, a bookkeeper's export"
DEFAULTS = {"count": 40, "books": 0.35}


def fill(world: World, count: int, books: float) -> None:
    """`count` sellers; a share `books` exports orders from the second place, and does nothing about them."""
    sellers, links, desks = any_of(world, count), [], []
    for number, seller in enumerate(sellers, 1):
        party = world.party(f"second-desk-{number}", "benign", "second_desk")
        home, desk = world.machines.server(), world.machines.home()
        first, many = world.machines.pool([home] * 3, world.machines.kit(0.12))
        desks.append(world.machines.add(desk, *world.machines.kit(0.12)))
        party.machines.append(desks[-1])
        habit = script_habit(world)
        exports = world.rng.random() < books
        pool = first, many + (0 if exports else 1)
        stays = int(np.exp(world.rng.uniform(np.log(1), np.log(60))) * HOUR_MS)
        links.append(private(world, "second_desk", int(seller), habit, pool, stays_ms=stays))
        if not exports:
            desks[-1] = -1
    chosen = np.flatnonzero(np.array(desks) >= 0)
    world.programs.append(
        Planned(_exports(world, np.array(links)[chosen], sellers[chosen], np.array(desks)[chosen]))
    )


def _exports(world: World, links: I64, sellers: I64, machines: I64) -> Rows:
    """Every day or week, at one desk a seller, the orders of the last days by the page."""
    days = np.exp(world.rng.uniform(np.log(0.4), np.log(7), len(links)))
    visits = np.maximum(((world.end_ms - world.start_ms) / (days * DAY_MS)).astype(int), 1)
    owner = np.repeat(np.arange(len(links)), visits)
    turn = np.arange(len(owner)) - np.repeat(np.cumsum(visits) - visits, visits)
    at = world.start_ms + ((turn + world.rng.random(len(owner))) * (days * DAY_MS)[owner]).astype(np.int64)
    time = np.minimum(at, world.end_ms - 1)
    newest = world.orders.before(sellers[owner], time)
    since = world.orders.before(sellers[owner], time - (days[owner] * 1.2 * DAY_MS).astype(np.int64))
    count = np.minimum(newest - since, PAGE_ORDERS)
    some = count > 0
    return rows(
        time[some],
        links[owner][some],
        OP["getOrders"],
        first=(newest - count)[some],
        count=count[some],
        pii=EVERYTHING,
        origin=machines[owner][some],
    )
