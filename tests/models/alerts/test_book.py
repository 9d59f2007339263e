"""Versions of an alert: how often they are told, whatever closes how many minutes at once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from models.alerts.alerts import SEVERITIES
from models.alerts.book import AGAIN_MINUTES, AlertBook, Crossing


@settings(max_examples=200, deadline=None)
@given(
    over=st.dictionaries(st.integers(0, 60), st.sampled_from([*SEVERITIES[:1] * 9, SEVERITIES[-1]])),
    closes=st.sets(st.integers(0, 60)),
)
def test_a_version_is_told_every_five_minutes_at_most_and_the_last_one_is(over, closes):
    book, sent, rank, filled = AlertBook("m", "r", ("rule",)), [], -1, []
    for minute in range(61):
        told = []
        if minute in over:
            crossing = Crossing("developer", "d", minute, 0.9, over[minute], ["rule"], 1_440, certain=False)
            told += book.crossed(crossing, lambda _, minute=minute: filled.append(minute))
        if minute in closes:
            told += book.due(minute)
        for alert in told:
            rose = SEVERITIES.index(alert.severity) > rank
            rank = SEVERITIES.index(alert.severity)
            assert rose or minute - sent[-1][0] >= AGAIN_MINUTES
            assert not sent or alert.version > sent[-1][1]
            sent.append((minute, alert.version))
    sent += [(61, alert.version) for alert in book.due(None)]
    assert [version for _, version in sent][-1:] == ([len(over)] if over else [])
    assert filled == filled_alone(over)


def filled_alone(over):
    """Minutes with which the alert is filled, by its crossings alone."""
    book, filled = AlertBook("m", "r", ("rule",)), []
    for minute in sorted(over):
        crossing = Crossing("developer", "d", minute, 0.9, over[minute], ["rule"], 1_440, certain=False)
        book.crossed(crossing, lambda _, minute=minute: filled.append(minute))
    return filled
