"""Links: what detect tells of a suspect is what it did, and the census counts what is there."""

from __future__ import annotations

import numpy as np
import pytest

from models.detect.detect import Detect
from models.wire.links import ACTIVE_MINUTES, client_of
from tests.models.detect_tries import MODEL, rules
from tests.models.sightings_maker import DAY_0, Touch, message
from tests.models.suspects import hashes

HOUR_0 = DAY_0 + 600


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Links of a developer that meets a seller a minute, a day and an hour long, refused in each tenth."""
    touches = [
        Touch(HOUR_0 + m, 1, m % 7, 10 + m % 7, sums=(("calls", 1), ("throttled", int(m % 10 == 0))))
        for m in range(0, 1_500, 2)
    ]
    detect = Detect(1, rules(tmp_path_factory.mktemp("rules")), MODEL)
    for until in range(0, len(touches), 50):
        detect.add(message(touches[until : until + 50], chunk=until // 50))
    return detect.finish().links


def test_a_suspect_is_told_as_its_alert_opens_and_once_an_hour(told):
    hours = [s.minute // 60 for s in told.suspects if s.over]
    assert hours == sorted(set(hours))
    assert len(hours) >= 24
    assert len({s.alert_id for s in told.suspects if s.over}) == 1


def test_one_that_is_over_no_line_is_told_with_what_might_be_told_of_it(told):
    before = [s for s in told.suspects if not s.over]
    assert before
    assert max(s.minute for s in before) < min(s.minute for s in told.suspects if s.over)
    assert all(0 < s.evidence < 1 for s in told.suspects)
    for one in before:
        assert one.alert.rules == ["actor"]
        assert one.alert.keys == one.key_count
        assert one.alert.reasons


def test_its_keys_and_minutes_are_those_of_its_last_day(told):
    last = told.suspects[-1]
    assert last.key_count == 7
    active = np.arange(HOUR_0, HOUR_0 + 1_500, 2)
    active = active[(active <= last.minute) & (active > last.minute - ACTIVE_MINUTES)]
    assert last.minutes(last.active).tolist() == active.tolist()
    refused = [m for m in active.tolist() if (m - HOUR_0) % 10 == 0]
    assert last.minutes(last.throttled).tolist() == refused


def test_the_census_counts_keys_of_developers(told):
    assert [c.minute % 60 for c in told.census] == [59] * len(told.census)
    assert told.census[0].keys == 7


def test_a_client_is_the_fingerprint_alone():
    assert client_of("ip:192.0.2.1|tls:t1") == client_of("net:2001:db8::/64|tls:t1") == hashes(["tls:t1"])[0]
    assert client_of("ip:192.0.2.1|ua:t1") == client_of("ip:192.0.2.1") == 0


def test_the_census_forgets_what_a_silent_place_did_a_day_ago(tmp_path):
    """However much is closed at once: a home key of 25 hours ago is gone, a foreign one of this day not."""
    touches = [
        Touch(HOUR_0 + 1, 1, 1, 11, kind=1),
        Touch(HOUR_0 + 600, 1, 2, 12, kind=1, sums=(("calls", 1), ("foreign", 1))),
        *(Touch(HOUR_0 + 60 * h, 2, 3, 13) for h in range(1, 27)),
    ]
    touches.sort(key=lambda t: t.minute)
    counted = []
    for cuts in ([len(touches)], range(1, len(touches) + 1)):
        detect, told, begun = Detect(1, rules(tmp_path), MODEL), {}, 0
        for chunk, cut in enumerate(cuts):
            until = touches[cut].minute if cut < len(touches) else touches[-1].minute
            detect.add(message(touches[begun:cut], chunk=chunk, watermark_minute=until))
            told |= {c.minute: c.origins for c in detect.close().links.census}
            begun = cut
        told |= {c.minute: c.origins for c in detect.finish().links.census}
        counted.append(told)
    assert counted[0] == counted[1]
    assert counted[0][HOUR_0 + 60 * 24 - 1] == 1
    assert counted[0][HOUR_0 + 60 * 25 - 1] == 0
