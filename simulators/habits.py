"""What a tool does with a seller's data: `HABIT`, and a table of the ordinary kinds of tool. Data and draws.

A kind says from which span each habit is drawn, per developer; each link then varies a little about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from simulators import calls

#: When the personal data of an order are read.
AT_POLL, AT_LABEL, AFTER_PARCEL = 0, 1, 2
#: How a parcel is reported: not at all; a call an order; a feed of many that names none.
NO_SHIP, SHIP_CALLS, SHIP_FEED = 0, 1, 2
#: How invoices go out: not through the API; a call an order; one weekly feed.
NO_INVOICE, INVOICE_CALLS, INVOICE_FEED = 0, 1, 2

#: One tool's habits for one seller. Chances 0..1, counts per day, minutes and hours as named.
HABIT = np.dtype(
    [
        ("poll_minutes", "f4"),  # 0 = never lists orders
        ("overlap_minutes", "f4"),  # asks again for so much of the past
        ("page_pii", "u1"),  # classes that come with the page (restricted-data token)
        ("items", "f4"),  # chance that it reads an order's items
        ("read", "f4"),  # chance that it reads an order's personal data
        ("read_when", "u1"),
        ("read_buyer", "f4"),  # share of those reads that ask for the buyer too
        ("reread", "f4"),  # chance that it reads once more before the parcel goes
        ("ships", "u1"),
        ("ship_share", "f4"),
        ("labels", "f4"),  # chance that it buys the label
        ("message", "f4"),
        ("solicit", "f4"),
        ("solicit_days", "f4"),
        ("invoices", "u1"),
        ("invoice", "f4"),
        ("report_hours", "f4"),  # 0 = no order reports
        ("report_days", "f4"),  # reach of a report
        ("report_pii", "u1"),
        ("stock", "f4"),
        ("catalog", "f4"),
        ("listing", "f4"),
        ("edit", "f4"),
        ("backfill_days", "f4"),  # history that it reads when a seller joins
        ("backfill_pii", "u1"),
        ("forbidden", "f4"),  # chance that a read lacks the role
        ("waits", "u1"),  # keeps to the plan by itself
    ]
)
Habits = npt.NDArray[np.void]
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of tool. spans: log-uniform, or uniform from 0; choices: value -> weight."""

    name: str
    says: str
    weight: float
    spans: dict[str, Span] = field(default_factory=dict)
    choices: dict[str, dict[int, float]] = field(default_factory=dict)
    primary: bool = False

    def draw(self, rng: np.random.Generator) -> Habits:
        """HABIT[1] of one developer of this kind."""
        habit = np.zeros(1, HABIT)
        for name, (low, high) in self.spans.items():
            if low > 0:
                habit[name] = np.exp(rng.uniform(np.log(low), np.log(high)))
            else:
                habit[name] = rng.uniform(low, high)
        for name, weights in self.choices.items():
            p = np.array(list(weights.values()))
            habit[name] = rng.choice(list(weights), p=p / p.sum())
        habit["waits"] = rng.random() < 0.6
        return habit


PAGE_PII = {0: 0.7, calls.EVERYTHING: 0.3}
_POLL = (8.0, 150.0)
_HISTORY = (0.2, 45.0)

KINDS = (
    Kind(
        "order_tool",
        "lists new orders, reads the address, confirms parcels, keeps stock",
        0.26,
        {
            "poll_minutes": _POLL,
            "overlap_minutes": (2, 400),
            "items": (0, 1),
            "read": (0.75, 1),
            "read_buyer": (0, 1),
            "reread": (0, 0.3),
            "ship_share": (0.8, 1),
            "message": (0, 0.04),
            "stock": (1, 14),
            "edit": (0.5, 8),
            "backfill_days": _HISTORY,
            "forbidden": (0, 0.004),
        },
        {
            "page_pii": PAGE_PII,
            "read_when": {AT_POLL: 0.6, AT_LABEL: 0.4},
            "ships": {SHIP_CALLS: 0.8, SHIP_FEED: 0.2},
            "backfill_pii": {0: 0.5, calls.EVERYTHING: 0.5},
        },
        primary=True,
    ),
    Kind(
        "label_printer",
        "reads the address when the label is printed, buys it, confirms",
        0.13,
        {
            "poll_minutes": (15, 240),
            "read": (0.9, 1),
            "read_buyer": (0, 0.3),
            "reread": (0, 0.15),
            "ship_share": (0.85, 1),
            "labels": (0, 1),
            "backfill_days": (0.2, 10),
        },
        {"read_when": {AT_LABEL: 1}, "ships": {SHIP_CALLS: 0.9, SHIP_FEED: 0.1}},
        primary=True,
    ),
    Kind(
        "nightly_export",
        "fetches a report of orders each night or few hours, ships by feed or call",
        0.07,
        {
            "report_hours": (4, 24),
            "report_days": (0.6, 30),
            "ship_share": (0.7, 1),
            "stock": (0.5, 4),
            "edit": (0.5, 4),
            "backfill_days": (3, 60),
        },
        {
            "report_pii": {calls.EVERYTHING: 1},
            "ships": {SHIP_CALLS: 0.45, SHIP_FEED: 0.55},
            "backfill_pii": {calls.EVERYTHING: 1},
        },
        primary=True,
    ),
    Kind(
        "silent_export",
        "reads orders and addresses into an ERP; parcels are confirmed outside the API",
        0.05,
        {
            "poll_minutes": (20, 360),
            "items": (0, 1),
            "read": (0.7, 1),
            "read_buyer": (0, 1),
            "stock": (0, 3),
            "edit": (0, 2),
            "backfill_days": _HISTORY,
        },
        {
            "page_pii": PAGE_PII,
            "ships": {NO_SHIP: 0.6, SHIP_FEED: 0.4},
            "backfill_pii": {0: 0.5, calls.EVERYTHING: 0.5},
        },
        primary=True,
    ),
    Kind(
        "invoicing",
        "reads address and buyer of each parcel sent, and invoices it",
        0.09,
        {"read": (0.9, 1), "read_buyer": (0.8, 1), "invoice": (0.85, 1), "backfill_days": (1, 35)},
        {
            "read_when": {AFTER_PARCEL: 1},
            "invoices": {INVOICE_CALLS: 0.6, INVOICE_FEED: 0.2, NO_INVOICE: 0.2},
        },
    ),
    Kind(
        "reviews",
        "asks buyers for reviews some days after the parcel",
        0.08,
        {
            "poll_minutes": (120, 700),
            "solicit": (0.3, 1),
            "solicit_days": (1, 5),
            "read": (0, 0.35),
            "read_buyer": (1, 1.001),
            "backfill_days": (1, 20),
        },
        {"read_when": {AFTER_PARCEL: 1}},
    ),
    Kind(
        "customer_service",
        "opens the orders that buyers write about, and answers",
        0.06,
        {"message": (0.03, 0.14), "poll_minutes": (60, 400)},
    ),
    Kind(
        "repricer",
        "watches listings and prices all day",
        0.09,
        {"catalog": (20, 160), "listing": (20, 110), "edit": (4, 40)},
    ),
    Kind(
        "inventory",
        "keeps stock equal everywhere, lists orders without personal data",
        0.06,
        {"poll_minutes": (20, 180), "stock": (12, 80), "edit": (4, 30)},
    ),
    Kind(
        "analytics",
        "lists orders and reports without personal data",
        0.07,
        {
            "poll_minutes": (40, 400),
            "overlap_minutes": (0, 4000),
            "items": (0, 0.5),
            "report_hours": (6, 48),
            "report_days": (1, 30),
            "listing": (0, 8),
            "backfill_days": (20, 400),
        },
        {"report_pii": {calls.PURCHASE: 1}},
    ),
    Kind(
        "accounting",
        "fetches reports weekly or monthly",
        0.04,
        {"report_hours": (100, 720), "report_days": (7, 31), "backfill_days": (10, 90)},
        {
            "report_pii": {
                calls.PURCHASE: 0.5,
                calls.pii("purchase", "tax"): 0.3,
                calls.EVERYTHING | calls.pii("tax"): 0.2,
            }
        },
    ),
)
KIND = {kind.name: kind for kind in KINDS}


def vary(habits: Habits, rng: np.random.Generator, sigma: float = 0.25) -> Habits:
    """The same habits, each link's a little its own: intervals and counts lognormal about the developer's."""
    out = habits.copy()
    for name in ("poll_minutes", "stock", "catalog", "listing", "edit", "message", "backfill_days"):
        out[name] *= np.exp(rng.normal(0, sigma, len(out))).astype(np.float32)
    for name in ("read", "ship_share", "invoice", "items"):
        out[name] = np.clip(out[name] * (1 - 0.1 * rng.random(len(out))), 0, 1)
    return out
