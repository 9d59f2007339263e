"""Evidence of a party: what is seen from two sides counts once; who is judged together."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.actors.together import judged_together, together
from models.scoring.judge import score_over
from tests.models.suspects import suspect

MEMBERS = st.lists(
    st.tuples(st.floats(0, 0.99), st.sets(st.integers(0, 9), min_size=1)), min_size=1, max_size=6
)


def members(told):
    return [suspect(f"developer:{n}", keys, evidence=e) for n, (e, keys) in enumerate(told)]


def test_evidence_of_other_keys_adds_up_and_of_the_same_keys_counts_once():
    assert together(members([(0.5, {1}), (0.5, {2}), (0.2, {3})])) == pytest.approx(1 - 0.5 * 0.5 * 0.8)
    assert together(members([(0.5, {1, 2}), (0.4, {1, 2})])) == pytest.approx(0.5)
    assert together(members([(0.5, {1, 2}), (0.4, {2, 3})])) == pytest.approx(1 - 0.5 * 0.6**0.5)


@given(MEMBERS, st.randoms())
def test_a_party_is_no_less_than_its_strongest_member_and_no_more_than_all(told, random):
    party = members(told)
    found = together(party)
    assert max(e for e, _ in told) <= found + 1e-12
    assert found <= 1 - np.prod([1 - e for e, _ in told]) + 1e-12
    random.shuffle(party)
    assert together(party) == found


def test_who_is_judged_together():
    def told(party, over=()):
        members, score = judged_together(party, set(over))
        return [m.id for m in members], score

    app, twin = (suspect(f"developer:{n}", range(9 * n, 9 * n + 9), evidence=0.3) for n in range(2))
    shop = suspect("developer:shop", [5], evidence=0.9)
    places = [suspect(f"origin:ip:{n}", range(9 * n, 9 * n + 9), evidence=0.4) for n in range(4)]
    home = suspect("origin:ip:home", [5], evidence=0.9)
    assert told([app, twin, *places], [app.entity]) == (["0", "1"], pytest.approx(score_over(0.51, 0)))
    assert told([app, twin])[0] == ["0", "1"]  # .51 together
    hinted = msgspec.structs.replace(twin, hints=2.0)
    assert told([app, hinted])[1] == pytest.approx(score_over(0.51, 2.0))  # what is seen of one holds for all
    assert told([app, shop], [shop.entity]) == ([], 0.0)  # a victim proves nothing
    assert told([app, *places], [places[0].entity]) == ([], 0.0)  # the same calls from the other side
    still = [msgspec.structs.replace(one, evidence=0.0) for one in (app, twin)]
    machine = suspect("origin:ip:machine", range(18), evidence=0.6)
    assert told([*still, machine], [machine.entity]) == (["0", "1"], pytest.approx(score_over(0.6, 0)))
    of_one = suspect("origin:ip:machine", range(9), evidence=0.6)
    assert told([*still, of_one], [of_one.entity]) == ([], 0.0)  # nothing is known of the other
    thief = suspect("origin:ip:machine", range(18), evidence=0.6, foreign=1.0)
    assert told([*still, thief], [thief.entity]) == ([], 0.0)  # at a thief's they are robbed
    assert told(places[:3])[0] == []
    assert told(places)[0] == [p.id for p in places]  # .87 together
    assert told([places[0], home], [home.entity]) == ([], 0.0)
