"""DemoState -> the demo's terminal view, or plain lines where there is no terminal. Touches the console."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from models.alerts.cases import counted
from poolwatch import words
from poolwatch.demo.state import DemoState, Planted

BARS = "▁▂▃▄▅▆▇█"
ALERTS_SHOWN = 6
BAR_WIDTH = 20
#: Seconds between two status lines where the output is no terminal.
LINE_EVERY_S = 5.0


class LiveView:
    """Shows a state while it changes (`refresh` a few times a second)."""

    def __init__(self, state: DemoState, console: Console | None = None) -> None:
        self._state = state
        self._console = console or Console(highlight=False)
        self._live: Live | None = None
        if self._console.is_terminal:
            self._live = Live(self, console=self._console, refresh_per_second=4)
        self._printed: set[str] = set()
        self._phase, self._where = "", False
        self._line_due_s = 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
        self._live = None

    def __rich__(self) -> RenderableType:
        return Screen(self._state)

    def refresh(self) -> None:
        """Tell what is new; a terminal redraws by itself."""
        if self._live:
            return
        state = self._state
        if state.phase != self._phase:
            self._phase = state.phase
            self._say(state.phase)
        if not self._where and state.where:
            self._where = True
            self._say(", ".join(f"{name} {address}" for name, address in state.where.items()))
        for alert in state.standing():
            if alert["alert_id"] not in self._printed:
                self._printed.add(alert["alert_id"])
                self._say(f"ALERT  {words.line(alert)}")
        if state.events and state.elapsed_s >= self._line_due_s:
            self._line_due_s = state.elapsed_s + LINE_EVERY_S
            self._say(figures(state))

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Screen:
    """One frame: as many alerts as there is room for below what must always be seen."""

    state: DemoState

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        state = self.state
        above = Group(_header(state), _planted(state), _figures(state))
        room = options.size.height - len(console.render_lines(above, options))
        yield above
        for rows in range(min(ALERTS_SHOWN, len(state.standing())), -1, -1):
            alerts = _alerts(state, rows)
            if rows == 0 or len(console.render_lines(alerts, options)) <= room:
                yield alerts
                return


def summary(state: DemoState) -> RenderableType:
    """What was found, plainly, and where to look next."""
    said = Text()
    if not state.planted:
        said.append("ended before anybody had begun to pool keys\n", "yellow")
    for party in state.planted:
        said.append_text(_verdict(party, end=True)).append("\n")
    others = state.others()
    if others:
        names = ", ".join(f"{a['entity_kind']} {words.plain(a['entity_id'])}" for a in others[:5])
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        said.append(
            f"! {counted(len(others), 'alert')} on parties that were not planted: {names}{more}\n", "yellow"
        )
    elif state.alerts:
        said.append("✔ no alert on anybody else\n", "green")
    said.append(f"\n{state.events:,} events in {state.elapsed_s:.0f} s, ")
    said.append(f"{_watched(state):,} developers and origins watched. ")
    said.append("Delays are event time since the party's first call.")
    return Panel(said, title="What it found", title_align="left", border_style="cyan", box=box.ROUNDED)


def next_steps(command: str = "poolwatch") -> RenderableType:
    """Where to look after the demo; `command` is how poolwatch was called."""
    steps = Table.grid(padding=(0, 2))
    for told, what in (
        ("simulate --out day.parquet", "a made-up marketplace, as a file"),
        ("replay day.parquet --report day.html", "the same detection over history"),
        ("worker --broker kafka://HOST:PORT", "live, on your own Kafka"),
        ("--help", "all commands; see README.md"),
    ):
        steps.add_row(Text(f"{command} {told}", "bold"), what)
    return Panel(steps, title="Next", title_align="left", border_style="dim", box=box.ROUNDED)


def figures(state: DemoState) -> str:
    """The figures as one plain line."""
    parts = [f"{state.elapsed_s:.0f} s", f"{state.events:,} events"]
    if state.rates:
        parts.append(f"{state.rates[-1]:,.0f} events/s")
    parts += [f"lag {state.lag:,}", f"{_watched(state):,} developers and origins"]
    if state.watermark_ms:
        parts.append(f"judged up to {words.clock(state.watermark_ms)} UTC")
    return ", ".join([*parts, counted(len(state.standing()), "alert")])


def _watched(state: DemoState) -> int:
    return state.entities or state.developers + state.origins


def _header(state: DemoState) -> RenderableType:
    lines = Text()
    span = f"{state.elapsed_s:.0f} s" + (
        f" of {state.seconds:.0f} s" if state.seconds else "; Ctrl-C ends it"
    )
    lines.append(f"{state.phase} ", "bold")
    if state.done is not None:
        full = round(state.done * BAR_WIDTH)
        lines.append("━" * full, "cyan").append("─" * (BAR_WIDTH - full), "dim").append(f" {state.done:.0%} ")
    lines.append(f"({span})\n", "dim")
    # The first, the page's, has a line of its own: broken over two it could not be clicked.
    for gap, (name, address) in zip(
        ["", "\n", *["   "] * len(state.where)], state.where.items(), strict=False
    ):
        lines.append(gap).append(f"{name} ", "dim").append(address)
    return Panel(
        lines, title="[bold]poolwatch demo[/]", title_align="left", border_style="cyan", box=box.ROUNDED
    )


def _figures(state: DemoState) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1))
    for _ in range(5):
        grid.add_column(ratio=1)
    rate = f"{state.rates[-1]:,.0f}" if state.rates else "–"
    at_ms = state.watermark_ms or state.event_time_ms
    times = words.clock(at_ms) if at_ms else "–"
    entities = f"{_watched(state):,}" if _watched(state) else "–"
    values = (f"{state.events:,}", rate, f"{state.lag:,}", entities, times)
    grid.add_row(*(Text(value, "bold") for value in values))
    names = (
        "events",
        "events/s",
        "waiting (lag)",
        "devs and origins",
        "judged up to" if state.watermark_ms else "event time",
    )
    grid.add_row(*(Text(name, "dim") for name in names))
    grid.add_row("", Text(_curve(state.rates), "cyan"), "", "", "")
    return Panel(grid, box=box.SIMPLE, padding=0)


def _curve(rates: Iterable[float]) -> str:
    values = list(rates)
    most = max(values, default=0) or 1
    return "".join(BARS[min(7, int(8 * value / most))] for value in values)


def _alerts(state: DemoState, rows: int) -> RenderableType:
    newest = sorted(state.standing(), key=lambda a: (a["time"], a["alert_id"]), reverse=True)
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=12)
    table.add_column(width=10)
    table.add_column(ratio=1)
    for alert in newest[:rows]:
        what = Text(words.plain(alert["entity_id"]), "bold")
        what.append(f"  {words.stakes(alert)}\n", "not bold dim").append(words.gist(alert), "not bold")
        table.add_row(Text(words.clock(alert["time"]), "dim"), words.severity(alert), what)
    if not rows:
        table.add_row("", "", Text("they are on the alert page" if newest else "none yet", "dim"))
    more = f", newest {rows} shown" if 0 < rows < len(newest) else ""
    title = f"Alerts: {len(newest):,}{more}"
    return Panel(
        table, title=title, title_align="left", border_style="red" if newest else "dim", box=box.ROUNDED
    )


def _planted(state: DemoState) -> RenderableType:
    lines = (
        Text("\n").join(_verdict(party) for party in state.planted)
        if state.planted
        else Text("nothing", "dim")
    )
    return Panel(
        lines, title="Planted by the simulator", title_align="left", border_style="dim", box=box.ROUNDED
    )


def _verdict(party: Planted, end: bool = False) -> Text:
    if party.found is None or party.delay_ms is None:
        mark = ("✘ not found: ", "red") if end else ("… not found yet: ", "yellow")
        return Text.assemble(mark, (party.party, "bold"), f", {party.what}")
    after = words.span(max(0, party.delay_ms))
    who = f"{party.found['entity_kind']} {words.plain(party.found['entity_id'])}"
    found = f", {party.what}: {who}, after {after}"
    return Text.assemble(("✔ found ", "green"), (party.party, "bold"), found)
