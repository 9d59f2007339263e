"""Small runs, made once."""

from functools import cache

import pyarrow as pa

from simulators import scenario
from simulators.marketplace import Marketplace


@cache
def run(name, seed=1, hours=12, sellers=300, developers=100):
    """(market, table of all its events) of a shipped scenario, small."""
    market = Marketplace(scenario.load(name), seed, hours, sellers, developers)
    return market, pa.concat_tables(list(market))
