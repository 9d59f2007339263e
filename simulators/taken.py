"""Poolers' answered calls -> each order and customer that a party took, when first. State: what is taken."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simulators.calls import Rows, expand
from simulators.render import Render, texts
from simulators.world import Links, World

SCHEMA = pa.schema(
    [
        ("time", pa.int64()),
        ("party", pa.string()),
        ("seller_id", pa.string()),
        ("order", pa.string()),
        ("customer", pa.string()),
    ]
)


class Taken:
    """Side file in the making: one row for each (party, order), when its personal data was first read."""

    def __init__(self, world: World, links: Links, render: Render) -> None:
        self.world, self.links, self.render = world, links, render
        self.known: dict[int, npt.NDArray[np.int64]] = {}
        self.parts: list[tuple[npt.NDArray[np.int64], ...]] = []

    def note(self, calls: Rows) -> None:
        """Add answered calls of poolers, in time order."""
        calls = calls[(calls["status"] == 200) & (calls["count"] > 0)]
        for party in np.unique(calls["party"]):
            own = calls[calls["party"] == party]
            owner, place = expand(own["count"].astype(np.int64))
            order = self.links.at["seller"][own["link"][owner]].astype(np.int64) << 32 | (
                own["first"][owner] + place
            )
            new, first = np.unique(order, return_index=True)
            known = self.known.get(int(party), np.zeros(0, np.int64))
            fresh = ~np.isin(new, known, assume_unique=True)
            self.known[int(party)] = np.sort(np.concatenate([known, new[fresh]]))
            self.parts.append((own["time"][owner[first[fresh]]], np.full(fresh.sum(), party), new[fresh]))

    def table(self) -> pa.Table:
        """Table of SCHEMA, in time order."""
        if not self.parts:
            return SCHEMA.empty_table()
        time, party, order = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        turn = np.lexsort((order, party, time))
        time, party, order = time[turn], party[turn], order[turn]
        seller, number = order >> 32, order & 0xFFFFFFFF
        names = pa.array([p.name for p in self.world.parties])
        orders = self.world.orders
        columns = [
            pa.array(time.astype(np.int64)),
            names.take(pa.array(party.astype(np.int32))),
            self.render.seller.take(pa.array(seller)),
            texts(orders.order_id(seller, number)),
            texts(orders.customer_id(seller, number)),
        ]
        return pa.table(columns, schema=SCHEMA)
