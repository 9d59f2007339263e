"""Detect: what it counts equals the naive count, and how it was told never shows."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models.alerts.alerts import alert_id_of
from models.detect.detect import Detect
from models.errors import ConfigError
from models.minutes import MINUTE_MS
from models.scoring.features import FEATURE, FEATURE_NAMES, FEATURES
from models.scoring.rules import RuleSet
from models.wire.sightings import ENTITY_KINDS
from tests.models import naive_windows
from tests.models.detect_tries import MODEL, RULE, bare, histories, outcome, plain, rules, tellings
from tests.models.sightings_maker import DAY_0, Touch, message

QUICK = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


@pytest.fixture(scope="module")
def low_rules(tmp_path_factory) -> RuleSet:
    made = rules(tmp_path_factory.mktemp("rules"))
    warm = make(made)  # compiles outside of what hypothesis watches
    warm.add(message([Touch(DAY_0, 1, s, s, customers=(s,)) for s in range(9)]))
    warm.preview()
    warm.finish()
    warm.restore({k: v for k, v in warm.changed().items() if v is not None})
    return made


def make(low_rules: RuleSet, sources: int = 1) -> Detect:
    return Detect(sources, low_rules, MODEL, scores=True)


@QUICK
@given(histories(size=40))
def test_counts_equal_the_naive_twin(low_rules, history) -> None:
    found = outcome(make(low_rules, len(history.sources)), low_rules, list(plain(history))).scores
    meant = {}
    for kind, letters in enumerate("do"):
        for entity in (0, 1):
            mine = [t for t in history.touches if (t.kind, t.entity) == (kind, entity)]
            for minute in {t.minute for t in mine}:
                key = ((minute + 1) * MINUTE_MS, ENTITY_KINDS[kind], f"{letters}{entity}")
                meant[key] = naive_windows.features(mine, minute)
    assert found.keys() == meant.keys()
    for key, values in meant.items():
        kind = ENTITY_KINDS.index(key[1])
        for name, value in values.items():
            if name in FEATURE and kind in FEATURES[FEATURE[name]].kinds:
                assert found[key][1 + FEATURE[name]] == pytest.approx(value), (key, name)


@QUICK
@given(histories(), st.data())
def test_how_it_was_told_never_shows(low_rules, history, data) -> None:
    sources = len(history.sources)
    meant = outcome(make(low_rules, sources), low_rules, list(plain(history)))
    way = data.draw(tellings(history))
    found = outcome(make(low_rules, sources), low_rules, way)
    assert found.scores == meant.scores
    assert bare(found.alerts) == bare(meant.alerts)
    assert found.suspects == meant.suspects
    assert found.census == meant.census


@QUICK
@given(histories())
def test_the_last_versions_alone_are_the_last_versions(low_rules, history) -> None:
    """With `last`, as a history is read, each close leaves out what a later version of it replaces."""
    sources, way = len(history.sources), list(plain(history))
    meant = outcome(make(low_rules, sources), low_rules, way)
    found = outcome(Detect(sources, low_rules, MODEL, scores=True, last=True), low_rules, way)
    assert found.alerts == meant.alerts
    assert len(found.told) <= len(meant.told)


@QUICK
@given(histories(), st.data())
def test_told_early_is_told_at_the_close(low_rules, history, data) -> None:
    """An early alert stands at the close with its rules, or is superseded by one that began before."""
    found = outcome(make(low_rules, len(history.sources)), low_rules, data.draw(tellings(history)))
    by_id = {}
    for alert in found.told:
        by_id.setdefault(alert.alert_id, []).append(alert)
    for versions in by_id.values():
        if not any(rule in ("few", "takes", "burst") for rule in versions[0].rules):
            continue
        if versions[0].version > 1:
            continue
        last = versions[-1]
        assert last.version >= 2
        assert not last.withdrawn
        if last.superseded_by is None:
            assert set(versions[0].rules) <= set(last.rules)
        else:
            assert found.alerts[last.superseded_by].time <= last.time


# minute          0     1     4     5     6
# seller a        x                       .
# seller b              x
# closes                      ^     ^     ^
# 5 min window    [-----------]              a, b -> 2
#                       [-----------]        b    -> 1
#                             [-----------]       -> 0, and the seller c of the close itself
def test_window_edges(low_rules) -> None:
    touches = [Touch(DAY_0, 1, 1, 1), Touch(DAY_0 + 1, 1, 2, 2)]
    touches += [Touch(DAY_0 + m, 1, 3, 3) for m in (4, 5, 6)]
    touches += [Touch(DAY_0 + m, 1, 3, 3) for m in (59, 60, 61, 1_439, 1_440, 1_441)]
    detect = make(low_rules)
    detect.add(message(touches))
    rows = detect.finish().scores
    sellers = rows.features[:, FEATURE["sellers_1h"]].tolist()
    assert rows.features[:, FEATURE["calls_5m"]].tolist()[2:5] == [3, 3, 3 - 1 + 1]
    assert sellers[5:8] == [3, 2, 1]
    assert rows.features[:, FEATURE["sellers_24h"]].tolist()[8:] == [3, 2, 1]


def test_the_least_watermark_holds_the_minute_open(low_rules) -> None:
    detect = make(low_rules, 2)
    detect.add(message([Touch(DAY_0, 1, 1, 1)], watermark_minute=DAY_0 + 9))
    assert detect.close().minutes == 0  # the other source was not heard yet
    detect.add(message([], source=1, watermark_minute=DAY_0))
    assert detect.close().minutes == 0
    detect.add(message([], source=1, watermark_minute=DAY_0 + 1))
    assert detect.close().minutes == 1


def test_idle_sources_hold_nothing_open(low_rules) -> None:
    detect = make(low_rules, 2)
    detect.add(message([Touch(DAY_0, 1, 1, 1)], watermark_minute=DAY_0))
    detect.add(message([], source=1, idle=True))
    assert detect.close().minutes == 0
    detect.add(message([], watermark_minute=DAY_0, idle=True))
    assert detect.close().minutes == 1


def test_a_row_after_its_close_counts_in_the_next_minute(low_rules) -> None:
    detect = make(low_rules)
    detect.add(message([Touch(DAY_0 + 3, 1, 1, 1)], idle=True))
    detect.close()
    detect.add(message([Touch(DAY_0 + 2, 1, 2, 2)], chunk=1))
    done = detect.finish()
    assert detect.late == 1
    assert done.scores.time.tolist() == [(DAY_0 + 5) * MINUTE_MS]
    assert done.scores.features[0, FEATURE["sellers_24h"]] == 2


def test_an_alert_tells_who_and_how_much(low_rules) -> None:
    detect = make(low_rules)
    sums = (("calls", 2), ("records", 50), ("pii_records", 20), ("pii_name", 20))
    detect.add(message([Touch(DAY_0, 1, s, s, other=4, sums=sums, customers=(s,)) for s in range(600)]))
    early = detect.preview()
    done = detect.finish().alerts
    assert [a.version for a in early + done] == [1, 2]
    assert early[0].alert_id == done[0].alert_id
    alert = done[0]
    assert (alert.sellers, len(alert.seller_ids), alert.developers, alert.origins) == (600, 500, 1, 1)
    assert (alert.developer_ids, alert.origin_ids) == (["d1"], ["o4"])
    assert (alert.records, alert.pii, alert.calls) == (30_000, {"name": 12_000}, 1_200)
    assert alert.customers.low <= 600 <= alert.customers.high
    assert alert.reasons
    assert alert.window_end - alert.window_start == 1_440 * MINUTE_MS or "week" in alert.rules
    assert (alert.evidence[0].first, alert.evidence[0].last) == (0, 599)
    assert early[0].seller_ids == alert.seller_ids


def test_of_a_bystander_actors_hear_once_an_hour_what_it_does_not_do() -> None:
    detect = Detect(1, RuleSet.load(), MODEL, scores=True)
    sums = (("calls", 1), ("pii_calls", 1), ("pii_records", 5), ("shadow_calls", 1))
    reads = [Touch(DAY_0 + at, 1, s, s, sums=sums) for at in (0, 1, 59, 60) for s in range(5)]
    works = [Touch(DAY_0, 2, s, s, sums=(*sums, ("deeds", 1))) for s in range(5)]
    detect.add(message([*reads, *works]))
    told = detect.finish()
    assert not told.alerts
    heard = told.links.suspects
    assert [(s.entity, s.minute - DAY_0) for s in heard] == [("developer:d1", 0), ("developer:d1", 60)]
    assert all(s.bystander for s in heard)
    assert [r.feature for r in heard[0].alert.reasons] == ["sellers_shadow_24h", "idle_share_7d"]


# minute       0         200
# source 0     over      .
# source 1     .         over, told early as version 1
# closes       x                    an alert of its own: 200 lies beyond its quiet period of 60
@pytest.mark.parametrize("step", ["preview", "crash"])
def test_an_early_alert_beyond_anothers_quiet_period_is_not_told_anew(low_rules, step) -> None:
    """It once was superseded at the first close, then told as version 1 again, then stood as version 2."""
    much = (("calls", 1), ("pii_records", 40))
    ahead = [Touch(DAY_0 + 200, 1, s, s, sums=much) for s in (11, 12)]
    way = [
        message([], watermark_minute=DAY_0),
        message(ahead[:1], source=1, watermark_minute=DAY_0 + 200),
        "preview",
        message([Touch(DAY_0, 1, 1, 1, sums=much)], watermark_minute=DAY_0 + 1),
        "close",
        step,
        message(ahead, source=1, watermark_minute=DAY_0 + 200),
        "preview",
    ]
    found = outcome(make(low_rules, 2), low_rules, way)
    ids = [alert_id_of("developer", "d1", DAY_0 + minute) for minute in (0, 200)]
    assert [(a.alert_id, a.version, a.superseded_by) for a in found.told] == [
        (ids[1], 1, None),
        (ids[0], 2, None),
        (ids[1], 2, None),
    ]


def test_an_early_alert_within_anothers_quiet_period_is_superseded_at_once(low_rules) -> None:
    much = (("calls", 1), ("pii_records", 40))
    detect = make(low_rules, 2)
    ahead = [Touch(DAY_0 + 60, 1, 11, 11, sums=much)]
    detect.add(message(ahead, source=1, watermark_minute=DAY_0 + 60))
    assert len(early := detect.preview()) == 1
    detect.add(message([Touch(DAY_0, 1, 1, 1, sums=much)], watermark_minute=DAY_0 + 1))
    ids = [alert_id_of("developer", "d1", DAY_0 + minute) for minute in (0, 60)]
    assert early[0].alert_id == ids[1]
    told = [(a.alert_id, a.version, a.superseded_by) for a in detect.close().alerts]
    assert told == [(ids[1], 2, ids[0]), (ids[0], 2, None)]


def test_a_quiet_period_begins_a_new_alert(low_rules) -> None:
    detect = make(low_rules)
    minutes = [0, 1, 2, 3, 7, 7 + 120, 7 + 120 + 121]
    detect.add(
        message(
            [
                Touch(DAY_0 + m, 1, s, s, sums=(("calls", 1), ("pii_records", 40)))
                for m in minutes
                for s in range(3)
            ]
        )
    )
    alerts = detect.finish().alerts
    last = {a.alert_id: a for a in alerts}
    assert [(a.count, a.version) for a in last.values()] == [(6, 7), (1, 2)]
    assert sum(a.version > 1 for a in alerts) < 7  # told at most every five minutes


def test_old_pairs_and_entities_are_forgotten(low_rules) -> None:
    detect = make(low_rules)
    for day in range(12):
        touches = [Touch(DAY_0 + day * 1_440, day, s, s, customers=(s,)) for s in range(50)]
        detect.add(message(touches, chunk=day, watermark_minute=DAY_0 + day * 1_440))
        detect.close()
    detect.finish()
    assert detect.entities < 12
    assert len(detect._state.pairs) <= 9 * 101
    assert len(detect._state.sketches) <= 2


def test_a_gap_of_years_costs_its_first_days_and_its_end(low_rules) -> None:
    years = 26 * 365 * 1_440
    touches = [Touch(DAY_0 + m, 1, m % 5, m % 5) for m in (0, 1, years, years + 1)]
    detect = make(low_rules)
    detect.add(message(touches, watermark_minute=DAY_0 + years + 1))
    told = detect.close().links.census
    assert len(told) < 24 * 10
    assert told[0].keys == 2
    assert (told[-1].minute, told[-1].keys) == (DAY_0 + years - 1, 0)
    assert detect.entities == 1


def test_changed_pages_are_those_that_changed(low_rules) -> None:
    detect = make(low_rules)
    detect.add(
        message([Touch(DAY_0, e, s, s) for e in range(100) for s in range(40)], watermark_minute=DAY_0 + 1)
    )
    detect.close()
    whole = sum(len(p) for p in detect.changed().values())
    detect.add(message([Touch(DAY_0 + 1, 1, 1, 1)], chunk=1, watermark_minute=DAY_0 + 2))
    detect.close()
    assert sum(len(p or b"") for p in detect.changed().values()) < whole / 3


def test_a_snapshot_of_other_partitions_or_another_version_is_refused(low_rules) -> None:
    detect = make(low_rules)
    pages = {k: v for k, v in detect.changed().items() if v is not None}
    with pytest.raises(ConfigError, match="1 source partitions, now there are 2"):
        make(low_rules, 2).restore(pages)
    with pytest.raises(ConfigError, match="no state of detect"):
        make(low_rules).restore({})
    kept = msgspec.msgpack.decode(pages["detect"])
    older = msgspec.msgpack.encode(kept | {"version": kept["version"] - 1})
    with pytest.raises(ConfigError, match="state version"):
        make(low_rules).restore(pages | {"detect": older})
    with pytest.raises(ConfigError, match="source partition 7"):
        detect.add(message([], source=7))


def test_features_without_their_field_are_off_by_name(low_rules) -> None:
    detect = make(low_rules)
    assert "customers_24h" in detect.off
    assert "pii_records_24h" in detect.off
    detect.add(message([Touch(DAY_0, 1, 1, 1, sums=(("pii_records", 1),), customers=(1,))]))
    assert "customers_24h" not in detect.off
    assert "pii_records_24h" not in detect.off
    assert "orders_taken_24h" in detect.off


def test_score_rows_have_the_contract_columns(low_rules) -> None:
    detect = make(low_rules)
    detect.add(message([Touch(DAY_0, 1, 1, 1)]))
    columns = detect.finish().scores.columns()
    assert tuple(columns) == ("time", "entity_kind", "entity_id", "score", *FEATURE_NAMES)
    assert columns["time"].dtype == np.int64
    assert columns["score"].dtype == np.float64


def test_what_comes_again_takes_no_more_room(low_rules) -> None:
    """The same members in message after message are one open row, and one customer one code."""
    detect = make(low_rules)
    for chunk in range(50):
        detect.add(message([Touch(DAY_0, 1, 1, 1, customers=(1,))], chunk=chunk))
    assert len(detect._state.rows) == len(detect._state.customers) == 1
    assert detect.finish().scores.features[0, FEATURE["calls_5m"]] == 50


@pytest.mark.parametrize(("hours", "week"), [(2, False), (30, True)])
def test_a_verdict_on_calls_of_the_day_before_is_told_by_the_week_that_has_them(tmp_path, hours, week):
    line = RULE.format(feature="orders_dug_24h", above=5, severity="high", early="false", hours=2)
    (tmp_path / "old.toml").write_text(line)
    detect, later = Detect(1, RuleSet.load(tmp_path), MODEL), DAY_0 + 60 * hours
    detect.add(message([Touch(DAY_0, 1, 1, 1), Touch(later, 1, 1, 1, sums=(("orders_old", 9),))]))
    (alert,) = detect.finish().alerts
    assert (alert.sellers, alert.keys, alert.calls) == (1, 1, 1)
    assert (alert.window_end - alert.window_start > 1440 * MINUTE_MS) == week
