"""Rows and registers -> Arrow tables of usage events (contract columns). Pure."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from models.dtypes import I64, U64
from models.events import PII_BITS
from simulators import chance
from simulators.calls import FAILS, FORBIDDEN, LISTED_MOST, OP, OPERATIONS, Rows, expand
from simulators.sellers import MARKETPLACES
from simulators.world import Links, World

IDS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("time", pa.int64()),
        ("developer_id", pa.string()),
        ("seller_id", pa.string()),
        ("key_id", pa.string()),
        ("operation", pa.string()),
        ("status", pa.int16()),
        ("records", pa.int64()),
        ("bytes", pa.int64()),
        ("pii", IDS),
        ("customers", IDS),
        ("orders", IDS),
        ("source_ip", pa.string()),
        ("user_agent", pa.string()),
        ("tls_fingerprint", pa.string()),
        ("marketplace", pa.string()),
    ]
)
_HEX = np.frombuffer("".join(f"{i:02x}" for i in range(256)).encode(), np.uint16)
_LISTED = np.array([o.listed for o in OPERATIONS])
_BYTES = np.array([o.bytes for o in OPERATIONS])
_EACH = np.array([o.bytes_each for o in OPERATIONS])
_OF_BUYERS = (
    *("getOrders", "searchOrders", "getOrder", "getOrderItems", "getOrderAddress", "getOrderBuyerInfo"),
    *("getReportDocument", "createShipment"),
)
_NAMES_BUYER = np.isin(np.arange(len(OPERATIONS)), [OP[name] for name in _OF_BUYERS])


def texts(ids: U64) -> pa.Array:
    """string[n] of 16 hex digits."""
    data = _HEX[ids.astype(">u8").view(np.uint8)]
    offsets = np.arange(len(ids) + 1, dtype=np.int32) * 16
    return pa.StringArray.from_buffers(len(ids), pa.py_buffer(offsets), pa.py_buffer(data))


def lists(values: pa.Array, counts: I64) -> pa.Array:
    """list<string>[n]; row i has counts[i] of the values."""
    offsets = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def seller_ids(seed: int, count: int) -> list[str]:
    """Pseudonyms of the sellers."""
    return [f"A{int(x):012X}" for x in chance.mix(seed + 21, np.arange(count)) >> np.uint64(16)]


class Render:
    """Texts of one world; `table(rows)` writes rows out."""

    def __init__(self, world: World, links: Links) -> None:
        self.seed, self.orders, self.links = world.seed, world.orders, links
        self.made = 0
        self.developer = pa.array(world.developer_ids)
        self.sellers = seller_ids(world.seed, len(world.orders.sellers))
        self.seller = pa.array(self.sellers)
        self.key = texts(chance.mix(world.seed + 22, links.at["developer"], links.at["seller"]))
        self.operation = pa.array([o.name for o in OPERATIONS])
        self.ip, self.agent, self.tls = (
            pa.array(t, pa.string()) for t in (world.machines.ip, world.machines.agent, world.machines.tls)
        )
        self.market = pa.array([name for name, _, _ in MARKETPLACES])
        self.classes = [[name for name, bit in PII_BITS.items() if mask & bit] for mask in range(64)]
        self.pii = pa.array(self.classes, IDS)

    def settle(self, calls: Rows) -> Rows:
        """Answered calls in time order, with their machine and final status; what failed returns nothing."""
        calls = calls[np.argsort(calls["time"], kind="stable")]
        at, link = self.links.at, calls["link"]
        stays = at["stays_ms"][link]
        turn = np.where(stays > 0, calls["time"] // np.maximum(stays, 1), np.arange(len(calls)))
        draw = chance.mix(self.seed + 23, at["developer"][link], turn)
        own = at["machine"][link] + (draw % at["machines"].astype(np.uint64)[link]).astype(np.int64)
        calls["origin"] = np.where(calls["origin"] < 0, own, calls["origin"])
        fine = calls["status"] == 200
        calls["status"][fine & (calls["flags"] & FORBIDDEN > 0)] = 403
        broken = chance.uniform(self.seed + 24, calls["link"], calls["time"], calls["first"]) < 0.0012
        calls["status"][fine & (broken | (calls["flags"] & FAILS > 0))] = 500
        failed = calls["status"] != 200
        for name in ("count", "records", "pii"):
            calls[name][failed] = 0
        return calls

    def table(self, calls: Rows) -> pa.Table:
        """Table of SCHEMA; `calls` as `settle` leaves them, in the order of the stream."""
        link, op = calls["link"], calls["op"]
        by = self.links.at["seller"][link]
        number = np.arange(self.made, self.made + len(calls))
        self.made += len(calls)
        listed = np.where(_LISTED[op], np.minimum(calls["count"], LISTED_MOST), 0).astype(np.int64)
        owner, place = expand(listed)
        seller, order = by[owner], calls["first"][owner] + place
        orders = lists(texts(self.orders.order_id(seller, order)), listed)
        known = np.where(_NAMES_BUYER[op], listed, 0)
        people = _NAMES_BUYER[op][owner]
        customers = lists(texts(self.orders.customer_id(seller[people], order[people])), known)
        noise = (chance.mix(self.seed + 25, number) & np.uint64(63)).astype(np.int64)
        size = (
            np.where(calls["status"] == 200, _BYTES[op] + _EACH[op] * calls["records"].astype(np.int64), 160)
            + noise
        )
        return pa.table(
            [
                texts(chance.mix(self.seed + 26, number)),
                pa.array(calls["time"].astype(np.int64)),
                self.developer.take(pa.array(self.links.at["developer"][link])),
                self.seller.take(pa.array(by)),
                self.key.take(pa.array(link.astype(np.int32))),
                self.operation.take(pa.array(op.astype(np.int32))),
                pa.array(calls["status"].astype(np.int16)),
                pa.array(calls["records"].astype(np.int64)),
                pa.array(size),
                self.pii.take(pa.array(calls["pii"].astype(np.int32))),
                customers,
                orders,
                *(
                    text.take(pa.array(calls["origin"].astype(np.int32)))
                    for text in (self.ip, self.agent, self.tls)
                ),
                self.market.take(pa.array(self.orders.sellers.marketplace[by].astype(np.int32))),
            ],
            schema=SCHEMA,
        )
