"""Orders by formula: numbers, times and counts agree, however far back one looks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.minutes import DAY_MS, HOUR_MS
from simulators import sellers
from simulators.marketplace import START_MS

END_MS = START_MS + 5 * DAY_MS
ORDERS = sellers.draw(3, 40, START_MS, END_MS, sale=0.3)
spot = st.tuples(st.integers(0, 39), st.integers(START_MS - 50 * DAY_MS, END_MS - 1))


@settings(max_examples=200, deadline=None)
@given(spot)
def test_an_order_lies_before_exactly_the_times_after_it(at):
    seller, time = np.array([at[0]]), np.array([at[1]])
    count = ORDERS.before(seller, time)
    if count[0] > 0:
        assert ORDERS.placed_ms(seller, count - 1)[0] <= time[0]
    assert ORDERS.placed_ms(seller, count)[0] >= time[0] - 1


@settings(max_examples=100, deadline=None)
@given(spot, st.integers(0, 3 * DAY_MS))
def test_counts_never_fall(at, later):
    seller = np.array([at[0]])
    assert ORDERS.before(seller, np.array([at[1]])) <= ORDERS.before(seller, np.array([at[1] + later]))


def test_parcels_go_in_business_hours_two_to_ninety_six_hours_after_the_order():
    seller = np.arange(40).repeat(50)
    number = ORDERS.before(seller, np.full(2_000, START_MS)) + np.tile(np.arange(50), 40)
    placed = ORDERS.placed_ms(seller, number)
    sent = ORDERS.shipped_ms(seller, number, placed)
    assert ORDERS.works(seller, sent).all()
    hours = (sent - placed) / HOUR_MS
    assert hours.min() >= 1
    assert hours.max() < 130  # a weekend and a night on top of two days
    assert 4 < np.median(hours) < 48


def test_sellers_are_unequal_and_their_customers_come_back_and_are_shared():
    rate = np.sort(sellers.draw(1, 5_000, START_MS, END_MS).sellers.orders_per_day)
    assert rate[-500:].sum() > 0.4 * rate.sum()
    assert np.median(rate) == pytest.approx(18, rel=0.15)
    big = int(np.argmax(ORDERS.sellers.orders_per_day))
    seen = ORDERS.customer_id(np.full(20_000, big), np.arange(20_000))
    assert len(np.unique(seen)) < 20_000
    same = ORDERS.sellers.category
    pair = next((i, j) for i in range(40) for j in range(i) if same[i] == same[j])
    a, b = (set(ORDERS.customer_id(np.full(200_000, s), np.arange(200_000)).tolist()) for s in pair)
    assert a & b


def test_orders_follow_the_customers_day_and_a_sale_day_stands_out():
    sale = np.flatnonzero(ORDERS.sellers.profile % 2 == 1)
    days = START_MS + np.arange(6) * DAY_MS
    for seller in sale:
        daily = np.diff(ORDERS.expected(np.full(6, seller), days))
        assert daily.max() > 2.5 * np.median(daily)
    calm = np.flatnonzero(ORDERS.sellers.profile % 2 == 0)[:1]
    hours = START_MS + np.arange(24 * 4 + 1) * HOUR_MS
    hourly = np.diff(ORDERS.expected(np.repeat(calm, len(hours)), hours))
    assert hourly.max() > 3 * hourly.min()
