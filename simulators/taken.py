"""Poolers' answered calls -> each order and customer that a party took, when first. State: what is taken."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from models.dtypes import I64
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
        self.known: dict[int, I64] = {}  # party -> its orders (seller << 32 | number), ascending
        self.when: dict[int, I64] = {}  # party -> when it took them first

    def note(self, calls: Rows) -> None:
        """Add answered calls of poolers, in time order."""
        calls = calls[(calls["status"] == 200) & (calls["count"] > 0)]
        for party in np.unique(calls["party"]).tolist():
            own = calls[calls["party"] == party]
            owner, place = expand(own["count"].astype(np.int64))
            order = self.links.at["seller"][own["link"][owner]].astype(np.int64) << 32
            new, first = np.unique(order | (own["first"][owner] + place), return_index=True)
            known = self.known.get(party, np.zeros(0, np.int64))
            where = np.searchsorted(known, new)
            fresh = (
                (where == len(known)) | (known[np.minimum(where, len(known) - 1)] != new)
                if len(known)
                else where == 0
            )
            when = self.when.get(party, np.zeros(0, np.int64))
            self.known[party] = np.insert(known, where[fresh], new[fresh])
            self.when[party] = np.insert(when, where[fresh], own["time"][owner[first[fresh]]])

    def table(self) -> pa.Table:
        """Table of SCHEMA, in time order."""
        if not self.known:
            return SCHEMA.empty_table()
        order = np.concatenate(list(self.known.values()))
        time = np.concatenate(list(self.when.values()))
        party = np.repeat(np.array(list(self.known)), [len(known) for known in self.known.values()])
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
