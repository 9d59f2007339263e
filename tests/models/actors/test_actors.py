"""Actors: cases do not depend on how they were told, fade, and stay bounded."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.actors import actors, published, suspects
from models.actors.actors import Actors
from models.actors.lifts import Lifts
from models.errors import ConfigError
from models.scoring.judge import score_over
from models.wire.links import Links, Message, decode, encode
from tests.models.suspects import HOUR_0, alert, census, suspect

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
#: Entities by party: an application with two machines; rotating machines; strangers.
KEYS = {
    "developer:app": range(0, 30),
    "developer:twin": range(400, 410),
    "developer:third": range(410, 425),
    "origin:ip:6": range(400, 425),
    "origin:ip:1": range(0, 20),
    "origin:ip:2": range(10, 30),
    "origin:ip:3": range(100, 112),
    "origin:ip:4": range(104, 116),
    "developer:alone": range(200, 230),
    "origin:ip:5": range(300, 309),
}
PARTITIONS = 3


@st.composite
def histories(draw):
    """Per partition: closes (until, suspects), minutes rising; each entity in the partition of its place."""
    ways = [[] for _ in range(PARTITIONS)]
    since = {}
    for hour in range(draw(st.integers(1, 6))):
        for partition, way in enumerate(ways):
            mine = [name for place, name in enumerate(KEYS) if place % PARTITIONS == partition]
            for name in sorted(draw(st.sets(st.sampled_from(mine)))):
                minute = HOUR_0 + 60 * hour + draw(st.integers(0, 59))
                evidence = draw(st.sampled_from([0.05, 0.3, 0.9]))
                if over := name in since or draw(st.booleans()):
                    since.setdefault(name, minute)
                begun = since.get(name)
                way.append(suspect(name, KEYS[name], minute, since=begun, evidence=evidence, over=over))
    return ways, HOUR_0 + 360


def closes(way, end, cuts):
    """A partition's suspects told in closes that end at `cuts`; an alert version with each."""
    out, last, versions = [], HOUR_0 - 61, {}
    for until in sorted({*cuts, end}):
        links = Links(until, False, [s for s in way if last < s.minute <= until])
        hours = range((last - 59) // 60 * 60 + 119, until + 1, 60)
        links.census = [census(minute, 1_500) for minute in hours]
        alerts = []
        for told in (s for s in links.suspects if s.over):
            versions[told.alert_id] = versions.get(told.alert_id, 0) + 1
            alerts.append(alert(told, versions[told.alert_id]))
        out.append((links, alerts))
        last = until
    return out


def ends(told):
    """Last version of each alert."""
    last = {}
    for one in told:
        if one.alert_id not in last or last[one.alert_id].version <= one.version:
            last[one.alert_id] = one
    return last


def restored(state, pages, apart=()):
    for name, page in state.changed().items():
        pages.pop(name, None)
        if page is not None:
            pages[name] = page
    again = Actors(PARTITIONS, apart)
    again.restore(dict(pages))
    return again


@QUICK
@given(histories(), st.data())
def test_how_it_was_told_never_shows(history, data):
    ways, end = history
    meant = []
    state = Actors(PARTITIONS)
    for partition, way in enumerate(ways):
        for links, alerts in closes(way, end, []):
            meant += state.add(partition, links, alerts)
    cuts = st.sets(st.integers(HOUR_0 - 60, end), max_size=6)
    waiting = [closes(way, end, data.draw(cuts)) for way in ways]
    found, done, pages = [], [], {}
    state = Actors(PARTITIONS)
    while any(waiting):
        partition = data.draw(st.sampled_from([p for p in range(PARTITIONS) if waiting[p]]))
        done.append((partition, *waiting[partition].pop(0)))
        found += state.add(*done[-1])
        what = data.draw(st.sampled_from(["again", "crash", "nothing", "nothing"]))
        if what == "again":
            again = state.add(*data.draw(st.sampled_from(done)))
            assert not again
        elif what == "crash":
            state = restored(state, pages)
    assert ends(found) == ends(meant)


def run(state, steps):
    """Last version of each alert after steps (partition, links, alerts)."""
    told = []
    for step in steps:
        told += state.add(*step)
    return {one.entity_id: one for one in ends(told).values()}


def hour(number, *names, keys=KEYS, since=HOUR_0):
    """All partitions close an hour in which these are over a line."""
    minute = HOUR_0 + 60 * number
    suspects = [suspect(name, keys[name], minute, since=since) for name in names]
    links = Links(minute + 59, False, suspects, [census(minute + 59, 1_500)])
    rest = [
        (p, Links(minute + 59, False, [], [census(minute + 59, 1_500)]), []) for p in range(1, PARTITIONS)
    ]
    return [(0, links, [alert(s, number + 1) for s in suspects]), *rest]


def test_alerts_of_one_party_share_a_case_and_say_why():
    told = run(Actors(PARTITIONS), hour(0, *KEYS))
    cases = {f"{one.entity_kind}:{name}": one.case for name, one in told.items()}
    first, rotating = cases["developer:app"], cases["origin:ip:3"]
    assert cases == {
        "developer:app": first,
        "developer:third": "developer:third",
        "developer:twin": "developer:third",
        "origin:ip:6": "developer:third",
        "origin:ip:1": first,
        "origin:ip:2": first,
        "origin:ip:3": rotating,
        "origin:ip:4": rotating,
        "developer:alone": "developer:alone",
        "origin:ip:5": "origin:ip:5",
    }
    assert first == "developer:app"  # of those suspected first, the first by name
    assert "8 of the 12 keys used from one are used from the other too" in told["ip:4"].links[0]
    assert told["ip:4"].version == 2  # told again, as its case changed
    assert told["alone"].links == []
    assert told["alone"].version == 1


def test_an_alert_is_told_at_once_whatever_the_others_do():
    state = Actors(PARTITIONS)
    (first, *_) = hour(0, "developer:app")
    (told,) = state.add(*first)
    assert (told.version, told.case) == (1, "developer:app")


def test_a_wrong_merge_is_undone_as_its_evidence_fades():
    state = Actors(PARTITIONS)
    names = ("origin:ip:3", "origin:ip:4")
    assert run(state, hour(0, *names))["ip:4"].case == "origin:ip:3"
    apart = {**KEYS, "origin:ip:4": range(500, 512)}  # what it shared was a chance of that day
    fading = actors.LINK_MINUTES // 60
    for number in range(1, fading):
        told = run(state, hour(number, *names, keys=apart))
    assert told["ip:4"].case == "origin:ip:3"
    for number in range(fading, fading + 2):
        told = run(state, hour(number, *names, keys=apart))
    assert told["ip:4"].case == "origin:ip:4"
    assert told["ip:4"].links == []


def test_those_known_to_be_apart_never_share_a_case():
    state = Actors(PARTITIONS, [("origin:ip:4", "origin:ip:3")])
    assert run(state, hour(0, "origin:ip:3", "origin:ip:4"))["ip:4"].case == "origin:ip:4"


PAIRS = st.tuples(st.sampled_from(sorted(KEYS)), st.sampled_from(sorted(KEYS))).filter(lambda p: p[0] != p[1])


@QUICK
@given(st.lists(PAIRS, max_size=4))
def test_a_restart_that_is_told_who_is_apart_parts_them(apart):
    # hour       0          1
    # told       everybody  nobody
    # known             apart
    state = Actors(PARTITIONS)
    before = run(state, hour(0, *KEYS))
    after = before | run(restored(state, {}, apart), hour(1))
    meant = run(Actors(PARTITIONS, apart), hour(0, *KEYS))
    assert {name: one.case for name, one in after.items()} == {name: one.case for name, one in meant.items()}
    cases = {f"{one.entity_kind}:{name}": one.case for name, one in after.items()}
    assert all(cases[a] != cases[b] for a, b in apart)
    for name, one in after.items():
        assert one is before[name] or one.version > before[name].version
        assert one.case == before[name].case or one is not before[name]
        for sentence in one.links:  # nobody is told to be linked with one that is not in the case
            assert cases[sentence.split(": ")[0].removeprefix("with ")] == one.case


def test_who_stays_in_a_case_tells_no_link_with_one_that_left():
    # third ── ip:6 ── twin; the case is third's
    state = Actors(PARTITIONS)
    before = run(state, hour(0, "developer:third", "developer:twin", "origin:ip:6"))["ip:6"]
    assert [link.split(": ")[0] for link in before.links] == ["with developer:third", "with developer:twin"]
    after = run(restored(state, {}, [("developer:twin", "developer:third")]), hour(1))["ip:6"]
    assert (after.case, after.version) == ("developer:third", before.version + 1)
    assert after.links == before.links[:1]


def test_a_case_is_forgotten_after_a_week_of_silence():
    state = Actors(PARTITIONS)
    run(state, hour(0, *KEYS))
    for number in range(1, actors.SUSPECT_MINUTES // 60 + 2):
        run(state, hour(number))
    assert len(state) == 0
    pages = [page for name, page in state.changed().items() if page is not None and name != "actors"]
    assert all(len(page) < 160 for page in pages)  # of those that moved, the case and how often
    run(state, hour(0, "developer:app"))  # late: it counts in the next minute
    for number in (24 * 30, 24 * 400):
        run(state, hour(number))
    state = restored(state, {})
    assert not [name for name, page in state.changed().items() if name.startswith("held/")]


def test_a_gap_of_years_is_judged_in_its_first_days_and_at_its_end(monkeypatch):
    judged = []
    state = Actors(PARTITIONS)
    run(state, hour(0, *KEYS))
    judge = state._judge
    monkeypatch.setattr(
        state, "_judge", lambda minute, timed: judged.append(minute) or judge(minute, timed=timed)
    )
    run(state, hour(24 * 365 * 26))
    assert len(judged) < 24 * 8
    assert len(state) == 0


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(suspects, "SUSPECTS", 20)
    monkeypatch.setattr(published, "ALERTS", 30)
    state, pages = Actors(PARTITIONS), {}
    for number in range(12):
        names = {f"developer:{number}-{n}": [f"{number}{n}{k}" for k in range(3)] for n in range(10)}
        run(state, hour(number, *names, keys=names, since=HOUR_0 + number))
        pages |= state.changed()
    assert len(state) == 20
    crowd = [suspect(f"developer:by{n}", [n], HOUR_0 + 760, evidence=0.0, over=False) for n in range(50)]
    (partition, links, _), *rest = hour(12)
    run(state, [(partition, Links(links.until, False, crowd, links.census), []), *rest])
    run(state, hour(13))
    assert len(state) == 20
    assert all(s.over for s in state._suspects.all())  # bystanders are the first to go
    pages |= state.changed()
    kept = [name.split("/")[0] for name, page in pages.items() if page is not None]
    assert kept.count("held") <= 30
    assert kept.count("suspect") == 20
    assert {*kept} == {"actors", "links", "held", "suspect"}
    run(state, hour(14)[1:])  # nobody is told of again, and not every partition has closed the hour
    assert {*state.changed()} == {"actors"}


def test_a_partition_that_is_idle_holds_nothing_back():
    state = Actors(2)
    steps = [step for step in hour(0, "origin:ip:3", "origin:ip:4") if step[0] == 0]
    assert run(state, steps)["ip:4"].case == "origin:ip:4"
    (told,) = state.add(1, Links(-1, True), [])
    assert (told.entity_id, told.case) == ("ip:4", "origin:ip:3")


def below(number, *names, evidence=0.3):
    """As `hour`: these are suspected, and over no line."""
    minute = HOUR_0 + 60 * number
    suspects = [suspect(name, KEYS[name], minute, evidence=evidence, over=False) for name in names]
    (_, links, _), *rest = hour(number)
    return [(0, Links(links.until, False, suspects, links.census), []), *rest]


def joined(*steps):
    """What partition 0 tells of one hour in several ways, as one; the rest as they are."""
    first, *rest = steps[0]
    suspects = [s for way in steps for s in way[0][1].suspects]
    alerts = [a for way in steps for a in way[0][2]]
    return [(0, Links(first[1].until, False, suspects, first[1].census), alerts), *rest]


def test_a_developer_is_judged_by_what_its_party_does():
    lifts = Lifts()
    state = Actors(PARTITIONS, lifts=lifts)
    steps = joined(hour(0, "developer:twin"), below(0, "developer:third", "origin:ip:6", "developer:alone"))
    told = run(state, steps)
    assert sorted(told) == ["third", "twin"]  # the origin tells nothing new; a stranger is left alone
    third = told["third"]
    assert (third.rules, third.case, third.version) == (["actor"], "developer:twin", 1)
    assert third.score == pytest.approx(score_over(1 - 0.1 * 0.7, 0))
    assert "such developers'" in third.links[0]
    assert third.model == "m"
    told = run(state, joined(hour(1, "developer:twin"), below(1, "developer:third")))
    assert (told["third"].count, told["third"].version) == (2, 2)


def test_who_is_known_to_be_apart_is_not_judged_by_the_other():
    state = Actors(PARTITIONS, [("developer:third", "developer:twin")])
    told = run(state, joined(hour(0, "developer:twin"), below(0, "developer:third", "origin:ip:6")))
    assert sorted(told) == ["twin"]


def test_a_machine_over_a_line_tells_of_accounts_that_only_read():
    still = below(0, "developer:twin", "developer:third", "developer:alone", evidence=0.0)
    assert not run(Actors(PARTITIONS), still)
    told = run(Actors(PARTITIONS), joined(hour(0, "origin:ip:6"), still))
    assert sorted(told) == ["ip:6", "third", "twin"]
    assert {one.case for one in told.values()} == {"origin:ip:6"}
    assert told["twin"].score == pytest.approx(score_over(0.9, 0))


def test_what_spoke_against_one_that_only_reads_now_stands_for_its_week():
    state = Actors(PARTITIONS)
    run(state, below(0, "developer:twin", "developer:third", "origin:ip:6", evidence=0.4))
    told = run(state, below(1, "developer:twin", "developer:third", evidence=0.0))
    assert all(one.score >= score_over(0.5, 0) for one in told.values())


def test_several_that_are_over_no_line_may_be_over_it_together():
    both = ("developer:twin", "developer:third", "origin:ip:6")
    assert not run(Actors(PARTITIONS), below(0, *both, evidence=0.2))
    told = run(Actors(PARTITIONS), below(0, *both, evidence=0.4))
    assert sorted(told) == ["third", "twin"]


def test_an_alert_of_its_own_stands_for_the_one_that_its_party_raised():
    state = Actors(PARTITIONS)
    first = run(state, joined(hour(0, "developer:twin"), below(0, "developer:third", "origin:ip:6")))["third"]
    told = []
    for step in hour(1, "developer:third", "developer:twin", since=HOUR_0 + 60):
        told += state.add(*step)
    last = ends(told)
    own = next(one for one in last.values() if one.entity_id == "third" and one.alert_id != first.alert_id)
    assert last[first.alert_id].superseded_by == own.alert_id
    assert last[first.alert_id].version > first.version
    assert own.case == "developer:twin"


def test_a_raised_alert_that_was_held_back_is_told_by_the_end_of_the_hour_and_forgotten_in_time():
    steps = joined(hour(0, "developer:twin"), below(0, "developer:third", "origin:ip:6"))
    evidence = steps[0][1].suspects
    evidence.append(suspect("developer:third", KEYS["developer:third"], HOUR_0 + 2, evidence=0.3, over=False))
    evidence.append(suspect("developer:alone", KEYS["developer:alone"], HOUR_0 + 2))  # all are judged anew
    state = Actors(PARTITIONS)
    third = run(state, steps)["third"]
    assert (third.count, third.last_seen) == (2, (HOUR_0 + 3) * 60_000)
    pages = state.changed()
    run(state, hour(24 * 9, "developer:alone"))
    assert pages["alerts/developer/third"]
    assert state.changed()["alerts/developer/third"] is None


def test_withdrawn_alerts_pass():
    state = Actors(1)
    told = alert(suspect("developer:app", [1]), 2)
    told.withdrawn = True
    assert state.add(0, Links(), [told]) == [told]
    assert state.changed().keys() == {"actors"}


def test_a_message_is_cut_so_that_the_minute_comes_with_the_last(monkeypatch):
    monkeypatch.setattr("models.wire.links.MESSAGE_BYTES", 2_000)
    links = Links(HOUR_0, True, [suspect(f"developer:{n}", range(50)) for n in range(9)], [census(HOUR_0, 5)])
    told = Message(2, links, [alert(s) for s in links.suspects], 17)
    parts = [decode(part) for part in encode(told)]
    assert len(parts) > 3
    assert all(len(part) < 3_000 for part in encode(told))
    assert [p.links.until for p in parts] == [-1] * (len(parts) - 1) + [HOUR_0]
    assert [p.links.idle for p in parts] == [False] * (len(parts) - 1) + [True]
    assert [a for p in parts for a in p.alerts] == told.alerts
    assert [s for p in parts for s in p.links.suspects] == links.suspects
    assert {(p.partition, p.heard_ms) for p in parts} == {(2, 17)}


def test_a_partition_or_a_state_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="partition 3"):
        Actors(3).add(3, Links(), [])
    pages = {name: page for name, page in Actors(2).changed().items() if page is not None}
    with pytest.raises(ConfigError, match="2 partitions; this is 4, 3"):
        Actors(3).restore(pages)
    with pytest.raises(ConfigError, match="no state of actors"):
        Actors(3).restore({})
