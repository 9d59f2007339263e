"""Everybody else: public tools of every kind, until each seller has a main tool and developers are enough."""

from __future__ import annotations

import numpy as np

from simulators.habits import KINDS
from simulators.populations._common import primary_kind, tool, unled
from simulators.world import World

SAYS = "public tools: orders, labels, invoices, reviews, service, prices, stock, analysis, accounts"
DEFAULTS = {"extra": 1.1, "smallest": 12, "without": 0.07}


def fill(world: World, extra: float, smallest: int, without: float, developers: int = 300) -> None:
    """So many tools that there are `developers` in all; a seller uses `extra` of them beside its main one.

    A share `without` of the sellers that nobody serves yet has no main tool: the platform sends its parcels.
    """
    unled(world, round(without * int((~world.primary).sum())))
    count = max(developers - len(world.developer_ids), int(smallest))
    kinds = [primary_kind(world) for _ in range(max(count // 3, 2))]
    others = [kind for kind in KINDS if not kind.primary]
    p = np.array([kind.weight for kind in others])
    kinds += [others[i].name for i in world.rng.choice(len(others), count - len(kinds), p=p / p.sum())]
    # Tools are as unequal as sellers: a few have thousands of customers, most a dozen.
    size = np.exp(world.rng.normal(0, 1.3, count))
    lead = np.array([KIND_PRIMARY[kind] for kind in kinds])
    homeless = int((~world.primary).sum())
    shares = np.where(
        lead, size / size[lead].sum() * homeless, size / size[~lead].sum() * extra * len(world.primary)
    )
    for kind, share, leads in zip(kinds, shares, lead, strict=True):
        want = max(round(share), 1)
        sellers = (
            unled(world, want)
            if leads
            else np.sort(world.rng.choice(len(world.primary), min(want, len(world.primary)), replace=False))
        )
        tool(world, "ordinary", kind, sellers)
    left = unled(world, len(world.primary))
    if len(left):
        tool(world, "ordinary", "label_printer", left)


KIND_PRIMARY = {kind.name: kind.primary for kind in KINDS}
