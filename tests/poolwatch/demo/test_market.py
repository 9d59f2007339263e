"""The demo's marketplace: who pools begins just after the live part does, whatever the seed."""

import pytest

from poolwatch.demo.market import HISTORY_MS, SOON_MS, DemoMarket
from poolwatch.demo.state import planted


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_poolers_begin_soon_after_the_live_part(seed):
    market = DemoMarket(seed)
    parties, _ = planted(market.labels())
    assert len(parties) == 2
    assert market.live_from_ms == market.from_ms + HISTORY_MS
    for party in parties:
        assert 0 <= party.start_ms - market.live_from_ms <= SOON_MS


@pytest.mark.slow
def test_history_and_live_part_follow_each_other_and_nothing_is_empty():
    market = DemoMarket(3, HISTORY_MS // 25)
    history = list(market.history())
    live = next(market.live())
    assert all(len(table) for table in history)
    assert history[-1]["time"][-1].as_py() < market.live_from_ms <= live["time"][0].as_py()
