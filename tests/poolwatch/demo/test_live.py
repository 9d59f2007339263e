"""What the demo and the feed show in a terminal, and in a pipe."""

import io

import pytest
from rich.console import Console

from poolwatch import words
from poolwatch.demo import live
from poolwatch.demo.state import DemoState, planted
from tests.streams.sample import START_MS, alert

LABELS = [
    {
        "entity_kind": "developer",
        "entity_id": "dev-0002",
        "label": "aggregator",
        "party": "amz",
        "start": START_MS,
    },
    {
        "entity_kind": "origin",
        "entity_id": "net:203.0.9.0/24|tls:x",
        "label": "aggregator",
        "party": "amz2",
        "start": START_MS,
    },
    {
        "entity_kind": "developer",
        "entity_id": "dev-0044",
        "label": "victim",
        "party": "amz2",
        "start": START_MS,
    },
    {
        "entity_kind": "developer",
        "entity_id": "dev-0050",
        "label": "benign",
        "party": "agency",
        "start": START_MS,
    },
]


@pytest.fixture
def state():
    parties, victims = planted(LABELS)
    made = DemoState(
        where={"page": "http://localhost:8321"}, phase="running", planted=parties, victims=victims
    )
    made.events, made.watermark_ms = 1_234_567, START_MS
    made.begun_s, made.ended_s = 100.0, 131.0
    made.rate(40_000.0)
    return made


def shown(what, terminal=True, width=110, height=40):
    console = Console(
        file=io.StringIO(),
        force_terminal=terminal,
        width=width,
        height=height,
        color_system=None,
        highlight=False,
    )
    console.print(what)
    return console.file.getvalue()


def test_an_alert_on_a_planted_party_finds_it(state):
    assert state.take(alert(2))
    assert not state.take(alert(2))
    assert not state.take(alert(2, 2))
    assert [party.found is not None for party in state.planted] == [True, False]
    assert state.planted[0].delay_ms == 14 * 60_000
    state.take(alert(9, entity_kind="origin", entity_id="net:203.0.9.0/24|tls:x"))
    assert all(party.found is not None for party in state.planted)


def test_a_victim_is_no_false_alarm_but_a_bystander_is(state):
    state.take(alert(44))
    assert state.others() == []
    state.take(alert(50))
    assert [one["entity_id"] for one in state.others()] == ["dev-0050"]


def test_the_screen_says_what_runs_what_was_raised_and_what_is_missing(state):
    state.take(alert(2))
    text = shown(live.Screen(state))
    for part in (
        "http://localhost:8321",
        "1,234,567",
        "40,000",
        "dev-0002",
        "92 sellers",
        "found amz",
        "not found yet: amz2",
    ):
        assert part in text


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 30), (110, 24), (110, 60), (60, 10)])
@pytest.mark.parametrize("alerts", [0, 1, 2, 3, 40])
def test_the_screen_fits_and_shows_the_planted_before_all_else(state, alerts, width, height):
    state.where = {"alert page": "http://127.0.0.1:45457", "broker": "kafka://127.0.0.1:39127"}
    state.where["redis"] = "redis://127.0.0.1:36363/0"
    for n in range(2, 2 + alerts):
        state.take(alert(n))
    lines = shown(live.Screen(state), width=width, height=height).splitlines()
    assert len(lines) <= max(height, 24)
    text = "\n".join(lines[:24])
    assert "Planted by the simulator" in text
    assert ("✔ found amz" in text) == (alerts > 0)
    assert "… not found yet: amz2" in text
    assert "alert page http://127.0.0.1:45457 " in text
    assert f"Alerts: {alerts}" in text
    if height >= 24 and alerts:
        assert text.count("92 sellers") >= 1, "there is room for one"


def test_the_summary_is_plain_about_false_alarms(state):
    state.take(alert(2))
    assert "no alert on anybody else" in shown(live.summary(state))
    state.take(alert(50))
    text = shown(live.summary(state))
    assert "1 alert on parties that were not planted: developer dev-0050" in text
    assert "not found: amz2" in text


def test_without_a_terminal_each_alert_is_one_line(state):
    console = Console(file=io.StringIO(), width=80, highlight=False)
    with live.LiveView(state, console) as view:
        view.refresh()
        state.take(alert(2))
        view.refresh()
        view.refresh()
    lines = console.file.getvalue().splitlines()
    assert [line for line in lines if line.startswith("ALERT")] == [f"ALERT  {words.line(alert(2))}"]
    assert lines[:2] == ["running", "page http://localhost:8321"]
    assert "1,234,567 events" in lines[2]


def test_an_evil_id_can_not_speak_to_the_terminal(state):
    state.take(alert(2, entity_id="\x1b[2J[bold]x[/bold]\u202eabc"))
    for text in (shown(live.Screen(state)), words.line(alert(2, entity_id="\x1b[2J"))):
        assert "\x1b[2J" not in text
        assert "\u202e" not in text
    assert "[bold]x[/bold]" in shown(live.Screen(state))


def test_figures_come_from_the_metrics_of_a_worker(state):
    text = """# HELP poolwatch_lag_records x
poolwatch_lag_records{partition="0",stage="fold"} 7.0
poolwatch_lag_records{partition="0",stage="detect"} 2.0
poolwatch_entities 312.0
poolwatch_watermark_delay_seconds{partition="0",stage="fold"} 900.0
poolwatch_watermark_delay_seconds{partition="0",stage="detect"} 60.0
poolwatch_watermark_delay_seconds{partition="1",stage="detect"} 120.0
"""
    state.measured(text, START_MS)
    assert (state.lag, state.entities, state.watermark_ms) == (9, 312, START_MS - 120_000)


def test_spans():
    assert [words.span(ms) for ms in (5_000, 840_000, 7_200_000, 86_400_000 * 3)] == [
        "5 s",
        "14 min",
        "2.0 h",
        "3.0 days",
    ]
