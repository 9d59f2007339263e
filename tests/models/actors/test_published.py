"""Alerts in their cases: whatever is let go of, no version goes back."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.actors import published
from models.actors.published import PublishedAlerts
from models.minutes import DAY_MINUTES
from tests.models.suspects import HOUR_0, alert, suspect

NAMES = [f"developer:{n}" for n in range(5)]
WEEK = 7 * DAY_MINUTES


def step(book, minute, versions, case):
    """The entities of `versions` are over a line, in their cases; what is told of them."""
    suspects = {name: suspect(name, [1], minute, since=HOUR_0) for name in versions}
    told = [one for name, version in versions.items() for one in book.publish(alert(suspects[name], version))]
    for name, one in suspects.items():
        book.open(one.alert_id, name, minute)
    told += book.move(case, lambda _: {})
    book.forget(minute - WEEK)
    return told


@pytest.mark.parametrize("alerts", [2, 2_000])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 60, WEEK - 1, WEEK, WEEK + 1, 40 * DAY_MINUTES]),
            st.sets(st.sampled_from(NAMES)),
            st.fixed_dictionaries({name: st.sampled_from(NAMES[:2]) for name in NAMES}),
        )
    ),
    st.booleans(),
)
def test_no_version_of_an_open_alert_is_lower_than_one_told(monkeypatch, alerts, steps, crash):
    monkeypatch.setattr(published, "ALERTS", alerts)
    book, minute, pages, versions, last = PublishedAlerts(), HOUR_0, {}, {}, {}
    for passed, names, case in steps:
        minute += passed
        versions |= {name: versions.get(name, 0) + 1 for name in names}
        over = {name: versions[name] for name in sorted(names)}
        for one in step(book, minute, over, {name: case[name] for name in over}):
            assert one.version > last.get(one.alert_id, 0)
            last[one.alert_id] = one.version
        pages |= book.changed()
        if crash:
            book = PublishedAlerts()
            book.restore({name: page for name, page in pages.items() if page is not None})
    assert sum(len(page or b"") > 160 for page in pages.values()) <= alerts


def test_what_is_kept_of_cases_is_bounded_in_number_and_time(monkeypatch):
    monkeypatch.setattr(published, "ALERTS", 3)
    monkeypatch.setattr(published, "CASES", 20)
    book, pages = PublishedAlerts(), {}
    for n in range(50):
        step(book, HOUR_0 + n, {f"developer:{n}": 1}, {f"developer:{n}": "developer:0"})
        pages |= book.changed()
    assert sum(page is not None for page in pages.values()) == 20
    book.forget(HOUR_0 + 400 * DAY_MINUTES)
    assert set((pages | book.changed()).values()) == {None}
