"""Detect's ledger: cuts, order of sources, repeats and crashes never show in the days that it gives."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detect.detect import Detect
from models.ledger.ledger import LedgerDay
from models.ledger.loop import DAY_MOST, ENTRY_MOST
from models.scoring.rules import RuleSet
from models.wire.sightings import CLASS_SHIFT, Sightings
from tests.models import naive_ledger
from tests.models.detect_tries import MODEL, History, histories, tellings
from tests.models.ledger.test_ledger import QUICK, day_bytes, plain
from tests.models.sightings_maker import DAY_0, Touch, message, name

RULES = RuleSet.load()


def meant(history: History) -> dict[tuple[int, ...], tuple[int, list[int]]]:
    entries: dict[tuple[int, ...], set[int]] = defaultdict(set)
    for touch in history.touches:
        letter = "do"[touch.kind]
        ids = (name(letter, touch.entity), name("s", touch.seller), name("k", touch.key))
        for customer in touch.customers:
            value = name("c", customer)[0]
            which = (touch.minute // 1_440, touch.kind, *(i for i, _ in ids), value >> CLASS_SHIFT)
            if value >> CLASS_SHIFT:
                entries[which].add(value >> 26 & 0xFFFFFFFF)
    return naive_ledger.held(entries, ENTRY_MOST, DAY_MOST)


def days_of(sources: int, way: list[Sightings | str], kills: set[int]) -> list[LedgerDay]:
    """Days that were given, each told again with the same bytes only.

    "crash": pages are kept, and the state made anew from them; kills: places in `way` at which what came
    since the last pages is lost, and done again.
    """
    detect, days = Detect(sources, RULES, MODEL, ledger=True), {}
    pages: dict[str, bytes] = {}
    since: list[Sightings | str] = []

    def take(step: Sightings | str) -> None:
        if isinstance(step, Sightings):
            detect.add(step)
        for day in detect.close().ledger if step == "close" else ():
            assert day_bytes(days.setdefault(day.day, day)) == day_bytes(day)

    for place, step in enumerate(way):
        if step == "crash":
            pages = {k: v for k, v in (pages | detect.changed()).items() if v is not None}
            since = []
        else:
            take(step)
            since.append(step)
        if step == "crash" or (place in kills and pages):
            detect = Detect(sources, RULES, MODEL, ledger=True)
            detect.restore(pages)
            for again in since:
                take(again)
    for day in detect.finish().ledger:
        assert day_bytes(days.setdefault(day.day, day)) == day_bytes(day)
    return [days[number] for number in sorted(days)]


@pytest.mark.slow
@QUICK
@given(histories(), st.data())
def test_how_it_was_told_never_shows(history, data) -> None:
    sources = len(history.sources)
    ways = [data.draw(tellings(history)) for _ in range(2)]
    kills = data.draw(st.sets(st.integers(0, len(ways[0])), max_size=8))
    days = days_of(sources, ways[0], kills)
    assert plain(days) == meant(history)
    again = days_of(sources, ways[1], set())
    assert list(map(day_bytes, days)) == list(map(day_bytes, again))


def test_a_day_is_given_once_it_is_over_with_its_names() -> None:
    """The last minute's close gives it; `finish` gives the open one too, which stays open."""
    detect = Detect(1, RULES, MODEL, ledger=True)
    touches = [Touch(DAY_0 + 1_439, 1, 2, 3, customers=(4,)), Touch(DAY_0 + 1_440, 1, 2, 3, customers=(5,))]
    assert all(name("c", c)[0] >> CLASS_SHIFT for c in (4, 5))
    detect.add(message(touches, watermark_minute=DAY_0 + 1_439))
    assert detect.close().ledger == []
    detect.add(message([], watermark_minute=DAY_0 + 1_440))
    (day,) = detect.close().ledger
    assert day.day == DAY_0 // 1_440
    assert [day.names[int(ids[0])] for ids in (day.entities, day.sellers, day.keys)] == ["d1", "s2", "k3"]
    (open_day,) = detect.finish().ledger
    assert open_day.day == DAY_0 // 1_440 + 1
    assert detect.held_bytes["ledger"] > 0
    assert [d.day for d in detect.finish().ledger] == [open_day.day]


def test_without_a_ledger_nothing_is_kept() -> None:
    detect = Detect(1, RULES, MODEL)
    detect.add(message([Touch(DAY_0, 1, 2, 3, customers=(4,))]))
    assert detect.finish().ledger == []
    assert not any(page.startswith("ledger") for page in detect.changed())
