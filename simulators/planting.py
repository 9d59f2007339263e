"""A manner and a world -> a party at work: its sellers, keys, applications, machines, and when it starts."""

from __future__ import annotations

import numpy as np

from models.dtypes import I64
from models.errors import ConfigError
from models.minutes import DAY_MS, HOUR_MS
from simulators import chance
from simulators.habits import HABIT
from simulators.machines import STAFF_KIT, inside
from simulators.pooling import Manner, Pooler, between
from simulators.scenario import Scenario
from simulators.world import Party, World


def plant(world: World, name: str, manner: Manner, number: int, scenario: Scenario) -> Party:
    """Set party `name`-`number` to work in `world`, when `scenario` says."""
    rng = chance.rng(world.seed, "pooler", name, number)
    span = world.end_ms - world.start_ms
    early = rng.random() < (manner.early if scenario.early is None else scenario.early)
    start = world.start_ms if early else world.start_ms + int(span * rng.uniform(*scenario.begin))
    party = world.party(f"{name}-{number}", "aggregator", name, start)
    pooler = Pooler(
        manner, rng, world.orders, len(world.parties) - 1, chance.stream(world.seed, name, number)
    )
    wanted = min(round(between(rng, manner.sellers)), max(4, len(world.primary) // 8))
    sellers = _victims(world, manner, rng, wanted)
    joined = _joined(manner, rng, start, world.start_ms, len(sellers), early)
    pools, stays = _machines(world, manner, rng, party, len(sellers))
    links = _links(world, manner, rng, party, sellers, joined, pools)
    left = rng.uniform(0, 0.6) if early else 1.0
    pooler.take(links, sellers, np.maximum(joined, world.start_ms), pools, stays, left)
    world.programs.append(pooler)
    return party


def _victims(world: World, manner: Manner, rng: np.random.Generator, wanted: int) -> I64:
    """Sellers, the larger the likelier; each pooled once. Mode "own": those with keys of their own."""
    able = np.arange(len(world.primary))
    if manner.mode == "own":
        able = np.array(sorted(world.own_keys), np.int64)
        if not len(able):
            raise ConfigError(f"{manner.says}: needs own_scripts in [populations]")
    fresh = np.setdiff1d(able, np.array(sorted(world.pooled), np.int64))
    able = fresh if len(fresh) >= min(wanted, 4) else able  # a small marketplace's sellers are pooled twice
    weight = world.orders.sellers.orders_per_day[able] ** 0.4
    chosen = rng.choice(able, min(wanted, len(able)), replace=False, p=weight / weight.sum())
    world.pooled.update(int(seller) for seller in chosen)
    return np.asarray(chosen, np.int64)


def _joined(manner: Manner, rng: np.random.Generator, start: int, begin: int, count: int, early: bool) -> I64:
    """When it gets each key: nearly at once, or a few a day; some before the span, if it was at work."""
    if manner.keys_per_day:
        days = (np.arange(count) + rng.random(count) - (count // 4 if early else 0)) / manner.keys_per_day
        return np.asarray(start + np.maximum(days, -200) * DAY_MS, np.int64)
    if early:
        return np.asarray(begin - rng.random(count) * 60 * DAY_MS, np.int64)
    return np.asarray(start + np.sort(rng.random(count)) * rng.uniform(0.05, 3) * HOUR_MS, np.int64)


def _machines(
    world: World, manner: Manner, rng: np.random.Generator, party: Party, keys: int
) -> tuple[tuple[I64, I64], int]:
    """((first machine of each key, how many), ms that a key stays with one; 0 = another with each call)."""
    own = world.machines
    count = max(1, round(between(rng, manner.addresses)))
    first = len(own.ip)
    kit = own.kit(0.4)
    stays = int(rng.uniform(6, 48) * HOUR_MS)
    if manner.machines == "homes":  # each key by addresses of its own, a session at a time
        kits = [own.kit(0.15) for _ in range(3)]
        for key in range(keys):
            own.pool([own.home() for _ in range(count)], kits[key % len(kits)])
        pools = np.arange(keys) * count + first, np.full(keys, count)
        stays = int(rng.uniform(10, 90) * 60_000)
    else:
        addresses = own.neighbours(count) if rng.random() < 0.5 else [own.server() for _ in range(count)]
        if manner.machines == "rotating":
            kit = own.kit(0.7)
            addresses = [own.server() if rng.random() < 0.5 else own.cloud() for _ in range(count)]
            stays = int(rng.uniform(0, 40) * 60_000)
        if manner.machines == "staff":
            addresses, kit = [inside(own.rng) for _ in addresses], STAFF_KIT
        agents = [own.kit(0.2)[0] for _ in range(12)] if manner.forged else [kit[0]]
        for address in addresses:
            for agent in agents:
                own.add(address, agent, kit[1])
        pools = np.full(keys, first), np.full(keys, len(addresses) * len(agents))
        stays = int(rng.uniform(1, 20) * 60_000) if manner.forged else stays
    party.machines += range(first, len(own.ip))
    return pools, stays


def _links(
    world: World,
    manner: Manner,
    rng: np.random.Generator,
    party: Party,
    sellers: I64,
    joined: I64,
    pools: tuple[I64, I64],
) -> I64:
    """The link whose key opens each seller: the seller's own, a staff key, or an application's."""
    quiet = np.zeros(1, HABIT)
    if manner.mode == "own":
        links = np.array([world.own_keys[int(seller)] for seller in sellers])
        own = world.freeze().at["developer"][links]
        party.victims += [int(d) for d in own]
        return links
    if manner.mode == "staff":
        console = world.staff_console()
        party.victims.append(console)
        return world.link(console, sellers, quiet, pools)
    count = max(1, round(between(rng, manner.applications)))
    applications = [world.developer(f"pooler:{party.scenario}") for _ in range(count)]
    party.developers += applications
    turns = np.arange(len(sellers)) * count // max(len(sellers), 1)
    return world.link(np.array(applications)[turns], sellers, quiet, pools, since=joined - 60_000)
