"""Whose hand is on a key: more evidence never lowers the probability, and how events came never shows."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detect.detect import Detect
from models.keys.facts import KeyFacts
from models.keys.owner import PROBABILITY_MOST, evidence, probability
from models.wire.sightings import DEVELOPER, ENTITY_KINDS, ORIGIN
from tests.models import naive_keys, sightings_maker
from tests.models.detect.test_detect import QUICK
from tests.models.detect_tries import MODEL, bare, histories, outcome, plain, rules, tellings
from tests.models.sightings_maker import DAY_0, Touch, message

SIGNS = ("elsewhere", "foreign", "dug", "roaming")


def key(
    elsewhere: bool = False,
    foreign: bool = False,
    dug: bool = False,
    taken: float = 0,
    needed: float = 0,
    company: float = 0,
    roaming: bool = False,
) -> KeyFacts:
    """Facts about one key; what is foreign is elsewhere too."""
    signs = (np.array([sign]) for sign in (elsewhere or foreign, foreign, dug, roaming))
    return KeyFacts(np.zeros(1, np.uint64), *signs, *(np.array([float(n)]) for n in (taken, needed, company)))


COUNT = st.integers(0, 10_000)
KEYS = st.builds(key, st.booleans(), st.booleans(), st.booleans(), COUNT, COUNT, COUNT, st.booleans())
KINDS = st.sampled_from([DEVELOPER, ORIGIN])


def likely(kind: int, facts: KeyFacts) -> float:
    return float(probability(kind, facts)[0])


@given(KINDS, KEYS, st.sampled_from(SIGNS), st.integers(0, 1_000))
def test_more_evidence_never_lowers_it(kind, facts, sign, more) -> None:
    before = likely(kind, facts)
    assert 0 < before <= PROBABILITY_MOST
    changes = {sign: np.array([True])} | ({"elsewhere": np.array([True])} if sign == "foreign" else {})
    assert likely(kind, replace(facts, **changes)) >= before - 1e-12
    assert likely(kind, replace(facts, taken=facts.taken + more)) >= before - 1e-12
    assert likely(kind, replace(facts, company=facts.company + more)) >= before - 1e-12
    assert likely(kind, replace(facts, needed=facts.needed + more)) <= before + 1e-12


def test_the_case_and_its_look_alikes() -> None:
    # kind, facts                                                              who
    stolen = key(foreign=True, dug=True, taken=300, company=91)  #             one of 92 keys in one place
    assert likely(ORIGIN, stolen) > 0.98
    assert likely(ORIGIN, key(elsewhere=True, taken=300, company=40)) > 0.5  # stolen before the log began
    alone = key(foreign=True, dug=True, taken=300)  #                          a key behind a home address
    assert 0.5 < likely(ORIGIN, alone) < 0.95
    assert likely(ORIGIN, key(elsewhere=True, taken=300, needed=290)) < 0.1  # its owner, at home
    assert likely(ORIGIN, key(foreign=True, taken=300, needed=290)) < 0.5  #   its owner, moving house
    pooled = key(dug=True, taken=20_000)  #                                    an application's own key
    assert likely(DEVELOPER, pooled) < 0.02
    assert likely(ORIGIN, pooled) < 0.02


def test_evidence_in_words() -> None:
    told = evidence(key(foreign=True, dug=True, taken=1_300, company=41), 0)
    assert told.startswith("used from its home and, on the same day, from another place that came later")
    assert "41 other keys here are used elsewhere too" in told
    assert told.endswith("1,300 orders read, none acted on")
    assert evidence(key(taken=1, needed=1), 0) == "used from one place only; 1 order read, 1 acted on"
    assert evidence(key(roaming=True), 0).startswith(
        "a caller who only reads uses it from ever other networks"
    )


def place(letter: str, number: int) -> tuple[int, str]:
    """As sightings_maker.name; an origin's text tells address and client."""
    value, text = plain_name(letter, number)
    return value, f"ip:10.0.0.{number}|tls:t{number}" if letter == "o" else text


plain_name = sightings_maker.name


@pytest.fixture(scope="module")
def low_rules(tmp_path_factory):
    return rules(tmp_path_factory.mktemp("rules"))


@QUICK
@given(histories(size=40))
def test_facts_equal_the_naive_twin(low_rules, history) -> None:
    with patch.object(sightings_maker, "name", place):
        detect = Detect(len(history.sources), low_rules, MODEL)
        for told in plain(history):
            detect.add(told)
        detect.finish()
    now = max(t.minute for t in history.touches)
    rows = [row for rows in detect.key_rows() for row in rows]
    found = {}
    for row in rows:
        names = ("elsewhere", "foreign", "dug", "roaming", "orders_read", "orders_acted_on", "company")
        found[row["entity_kind"], row["entity_id"], row["key_id"]] = tuple(row[name] for name in names)
    meant = {}
    for kind, entity in {(t.kind, t.entity) for t in history.touches}:
        mine = [t for t in history.touches if (t.kind, t.entity) == (kind, entity)]
        name = place("do"[kind], entity)[1]
        for number, facts in naive_keys.facts(mine, now).items():
            meant[ENTITY_KINDS[kind], name, f"k{number}"] = facts
    assert found == meant


@pytest.mark.slow
@settings(QUICK, max_examples=30)
@given(histories(), st.data())
def test_how_it_was_told_never_shows_in_the_owners(low_rules, history, data) -> None:
    sources = len(history.sources)
    with patch.object(sightings_maker, "name", place):
        meant = outcome(Detect(sources, low_rules, MODEL, scores=True), low_rules, list(plain(history)))
        way = data.draw(tellings(history))
        found = outcome(Detect(sources, low_rules, MODEL, scores=True), low_rules, way)
    assert bare(found.alerts) == bare(meant.alerts)
    for alert in meant.alerts.values():
        assert len(alert.key_owners) == alert.keys


def test_many_keys_are_cut_and_counted(low_rules) -> None:
    sums = (("calls", 1), ("elsewhere", 1), ("foreign", 1), ("orders_taken", 30), ("pii_calls", 1))
    with patch.object(sightings_maker, "name", place):
        touches = [Touch(DAY_0, 1, s, s, other=s, kind=1, sums=sums) for s in range(92)]
        touches += [Touch(DAY_0, 1, s, s, other=s, kind=1) for s in range(92, 100)]
        detect = Detect(1, low_rules, MODEL)
        detect.add(message(touches))
    (alert,) = detect.finish().alerts
    assert (alert.keys, len(alert.key_owners)) == (100, 50)
    told = [k.probability for k in alert.key_owners]
    assert told == sorted(told, reverse=True)
    assert alert.keys_borrowed >= 92
    assert (alert.unneeded.orders, alert.unneeded.of) == (92 * 30, 92 * 30)


def test_nothing_is_said_where_places_are_not_told(low_rules) -> None:
    detect = Detect(1, low_rules, MODEL)
    detect.add(message([Touch(DAY_0, 1, s, s) for s in range(9)]))
    (alert,) = detect.finish().alerts
    assert (alert.key_owners, alert.keys_borrowed, alert.unneeded) == ([], 0, None)
    assert not [row for rows in detect.key_rows() for row in rows]
