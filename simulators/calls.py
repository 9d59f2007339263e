"""The API that is imitated: operations, usage plans, answer sizes; and `ROW`, a call without its texts. Data.

Source of rates and bursts: the platform's public usage plans (requests per second / burst).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.dtypes import I64
from models.events import PII_BITS


def pii(*names: str) -> int:
    """Bit mask of personal-data classes."""
    return sum(PII_BITS[name] for name in names)


CONTACT = pii("name", "address", "phone")
BUYER = pii("name", "email")
PURCHASE = pii("purchase")
EVERYTHING = CONTACT | BUYER | PURCHASE
IDENTIFYING = CONTACT | BUYER | pii("tax")


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: usage plan, size of an answer in bytes, and whether the gateway logs its orders."""

    name: str
    rate: float
    burst: int
    bytes: int = 400
    bytes_each: int = 0
    listed: bool = True


OPERATIONS = (
    Operation("getOrders", 0.0167, 20, 350, 900),
    Operation("searchOrders", 0.0056, 20, 350, 900),
    Operation("getOrder", 0.5, 30, 900),
    Operation("getOrderItems", 0.5, 30, 1100),
    Operation("getOrderAddress", 0.5, 30, 480),
    Operation("getOrderBuyerInfo", 0.5, 30, 330),
    Operation("confirmShipment", 2, 10, 60),
    Operation("updateShipmentStatus", 5, 15, 60),
    Operation("createShipment", 2, 2, 5200),
    Operation("createRestrictedDataToken", 1, 10, 700, 0, False),
    Operation("createReport", 0.0167, 15, 90, 0, False),
    Operation("getReport", 2, 15, 420, 0, False),
    Operation("getReports", 0.0222, 10, 2100, 0, False),
    Operation("getReportDocument", 0.0167, 15, 500, 210),
    Operation("createFeed", 0.0083, 15, 90, 0, False),
    Operation("getMessagingActionsForOrder", 1, 5, 800),
    Operation("createConfirmOrderDetails", 1, 5, 60),
    Operation("getSolicitationActionsForOrder", 1, 5, 500),
    Operation("createProductReviewAndSellerFeedbackSolicitation", 1, 5, 60),
    Operation("submitInvoice", 1, 5, 60),
    Operation("createSubscription", 1, 5, 300, 0, False),
    Operation("getInventorySummaries", 2, 2, 300, 260, False),
    Operation("searchCatalogItems", 2, 2, 500, 2200, False),
    Operation("getListingsItem", 5, 10, 1900, 0, False),
    Operation("patchListingsItem", 5, 10, 220, 0, False),
    Operation("putListingsItem", 5, 10, 220, 0, False),
    Operation("getMarketplaceParticipations", 0.016, 15, 640, 0, False),
)
OP = {operation.name: i for i, operation in enumerate(OPERATIONS)}
RATE_PER_MS = np.array([o.rate / 1000 for o in OPERATIONS])
BURST = np.array([float(o.burst) for o in OPERATIONS])
PAGE_ORDERS = 100
#: The gateway lists at most so many orders of one answer; `records` has the full number.
LISTED_MOST = 1_000

WAITS, ONCE, FORBIDDEN, TAKES, FAILS = 1, 2, 4, 8, 16

#: A call: orders are the seller's numbers [first, first + count); origin -1 = the link's own machine;
#: flags: WAITS for a token of itself, ONCE = not tried again after 429, FORBIDDEN = 403, TAKES = a pooler's,
#: FAILS = 500.
ROW = np.dtype(
    [
        ("time", "i8"),
        ("link", "i4"),
        ("origin", "i4"),
        ("first", "i4"),
        ("count", "i4"),
        ("records", "i4"),
        ("party", "i2"),
        ("op", "i2"),
        ("status", "i2"),
        ("pii", "u1"),
        ("flags", "u1"),
        ("tries", "u1"),
    ]
)
Rows = npt.NDArray[np.void]


def rows(
    time: npt.ArrayLike,
    link: npt.ArrayLike,
    op: npt.ArrayLike,
    *,
    first: npt.ArrayLike = 0,
    count: npt.ArrayLike = 0,
    records: npt.ArrayLike = -1,
    pii: npt.ArrayLike = 0,
    flags: npt.ArrayLike = 0,
    origin: npt.ArrayLike = -1,
    party: int = -1,
) -> Rows:
    """ROW[n] from columns or scalars; records -1 = as many as `count`."""
    at = np.atleast_1d(np.asarray(time))
    out = np.zeros(len(at), ROW)
    out["time"], out["link"], out["op"], out["status"] = at, link, op, 200
    out["first"], out["count"], out["pii"], out["flags"] = first, count, pii, flags
    out["records"] = np.where(np.asarray(records) < 0, count, records)
    out["origin"], out["party"] = origin, party
    return out


def expand(counts: I64) -> tuple[I64, I64]:
    """(owner, place) of each item, where owner i has counts[i] items: ([0,0,2], [0,1,0]) for [2,0,1]."""
    owner = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - starts[owner]
