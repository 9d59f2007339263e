"""Facts about keys -> the probability that another than the owner calls, and the evidence in words. Pure.

The owner of a key is the seller, or the application that the seller authorised, that used it from its home
before. A logistic model of seven signs. Of an origin it asks: is whoever calls from here not the owner? Of a
developer: is another among those who call? docs/keys.md says where the weights come from and how they hold.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from models.dtypes import F64
from models.keys.facts import KeyFacts

#: Orders that must be read before "nothing was done about them" says much.
FEW_ORDERS = 10.0
#: More company than this says no more.
COMPANY_MOST = 31.0
#: No made-up marketplace can vouch for more.
PROBABILITY_MOST = 0.99


@dataclass(frozen=True, slots=True)
class Weights:
    """Log-odds: `base` without any sign, the rest for a sign in full; none of the rest is below 0.

    elsewhere  used from another client on another network within a day
    undone     as elsewhere, and no orders are acted on here
    foreign    as elsewhere, and this place came after the established one
    dug        orders are read that nobody had touched, or that were long finished
    idle       orders are read and not acted on
    roaming    a client that only reads uses it from ever other networks
    company    other keys here are away from their homes too
    """

    base: float
    elsewhere: float
    undone: float
    foreign: float
    dug: float
    idle: float
    roaming: float
    company: float


#: By entity kind; made by `python -m poolwatch.evaluation.key_check --fit`.
WEIGHTS = (
    Weights(-5.11, elsewhere=2.45, undone=0.0, foreign=1.34, dug=1.13, idle=4.21, roaming=0.0, company=0.0),
    Weights(-6.57, elsewhere=0.0, undone=0.95, foreign=2.07, dug=1.07, idle=3.18, roaming=2.92, company=6.05),
)


def signs(facts: KeyFacts) -> F64:
    """float64[n, 7], 0..1, in the order of Weights after `base`; none falls as evidence grows.

    What is done with the orders says who calls only where there are two places to choose from: a key that
    is used from one place alone has no other owner, whatever is done with it.
    """
    doubt = facts.elsewhere | facts.roaming | (facts.company > 0)
    undone = FEW_ORDERS / (facts.needed + FEW_ORDERS)
    idle = np.maximum(facts.taken - facts.needed, 0.0) / (facts.taken + FEW_ORDERS)
    company = np.log1p(np.minimum(facts.company, COMPANY_MOST)) / np.log1p(COMPANY_MOST)
    columns = (
        facts.elsewhere,
        undone * facts.elsewhere,
        facts.foreign,
        facts.dug & doubt,
        idle * doubt,
        facts.roaming,
        company,
    )
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def probability(kind: int, facts: KeyFacts) -> F64:
    """float64[n], 0..PROBABILITY_MOST: another than the owner calls with each key. kind: of ENTITY_KINDS."""
    base, *weights = astuple(WEIGHTS[kind])
    odds = base + signs(facts) @ np.array(weights)
    found: F64 = np.minimum(1.0 / (1.0 + np.exp(-odds)), PROBABILITY_MOST)
    return found


def evidence(facts: KeyFacts, n: int) -> str:
    """What speaks for and against the owner of key n, in a sentence or two."""
    said = []
    if facts.foreign[n]:
        said.append("used from its home and, on the same day, from another place that came later")
    elif facts.elsewhere[n]:
        said.append("used from two places on the same day, neither later than the other by a day")
    elif not facts.roaming[n]:
        said.append("used from one place only")
    if facts.roaming[n]:
        said.append("a caller who only reads uses it from ever other networks, this one among them")
    if company := int(facts.company[n]):
        keys = "keys here are" if company > 1 else "key here is"
        said.append(f"{company:,} other {keys} used elsewhere too")
    if facts.dug[n]:
        said.append("orders are read that nobody had touched, or that were long finished")
    if taken := int(facts.taken[n]):
        orders = "orders" if taken > 1 else "order"
        said.append(f"{taken:,} {orders} read, {int(facts.needed[n]) or 'none'} acted on")
    return "; ".join(said)
