"""Usage plans: whatever is wished for, what is answered never outruns a bucket."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.calls import BURST, ONCE, OP, RATE_PER_MS, WAITS, rows
from simulators.plans import TRIES_MOST, Buckets
from tests.simulators.naive_buckets import exceeded

HOUR = 3_600_000
OPS = ("getOrders", "getOrderAddress", "confirmShipment", "createShipment")

wishes = st.lists(
    st.tuples(
        st.integers(0, 3 * HOUR - 1),
        st.integers(0, 1),
        st.sampled_from(OPS),
        st.sampled_from([0, WAITS, ONCE]),
        st.integers(1, 60),
    ),
    min_size=1,
    max_size=25,
)


def wished(drawn):
    """ROW[n]: each draw is a burst of calls, 100 ms apart."""
    parts = [
        rows(time + np.arange(many) * 100, link, OP[op], count=1, flags=flags)
        for time, link, op, flags, many in drawn
    ]
    made = np.concatenate(parts)
    return made[made["time"] < 3 * HOUR]


def played(made, hours=60):
    """(answered, refused) with what is carried over, over so many hours."""
    buckets, done, carried = Buckets(2), [], made[:0]
    for a in range(0, hours * HOUR, HOUR):
        now = made[(made["time"] >= a) & (made["time"] < a + HOUR)]
        waiting = carried[carried["time"] < a + HOUR]
        later = carried[carried["time"] >= a + HOUR]
        answered, carried = buckets.answer(np.concatenate([now, waiting]), a + HOUR)
        assert ((answered["time"] >= a) & (answered["time"] < a + HOUR)).all()
        carried = np.concatenate([carried, later])
        done.append(answered)
    answers = np.concatenate(done)
    return answers[answers["status"] == 200], answers[answers["status"] == 429]


@settings(max_examples=60, deadline=None)
@given(wishes)
def test_no_bucket_is_ever_outrun(drawn):
    answered, _ = played(wished(drawn))
    for link in (0, 1):
        for op in OPS:
            own = (answered["link"] == link) & (answered["op"] == OP[op])
            times = np.sort(answered["time"][own])
            assert exceeded(times, RATE_PER_MS[OP[op]], BURST[OP[op]]) is None


@settings(max_examples=40, deadline=None)
@given(wishes)
def test_who_waits_is_never_refused_and_refused_calls_return_nothing(drawn):
    answered, refused = played(wished(drawn))
    assert not (refused["flags"] & WAITS).any()
    assert not refused["count"].any()
    assert not refused["pii"].any()
    assert (answered["count"] == 1).all()


def test_a_burst_is_answered_then_refused_then_answered_at_the_rate():
    # getOrders: burst 20, then one in 59.9 s
    made = rows(np.arange(30) * 100, 0, OP["getOrders"])
    answered, refused = played(made)
    assert len(answered) == 30
    assert len(refused) == 10
    waits = np.diff(np.sort(answered["time"]))[20:]
    assert (np.abs(waits - 1 / RATE_PER_MS[OP["getOrders"]]) < 2).all()


def test_once_is_not_tried_again_and_an_endless_line_is_given_up():
    once, refused = played(rows(np.arange(30), 0, OP["getOrders"], flags=ONCE))
    assert (len(once), len(refused)) == (20, 10)
    endless, _ = played(rows(np.arange(2_000), 0, OP["getOrders"]), hours=40)
    assert 20 + 60 * (TRIES_MOST - 1) < len(endless) < 20 + 61 * (TRIES_MOST + 1)
