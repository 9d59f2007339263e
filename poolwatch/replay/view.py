"""A replay's summary and alerts in; words, or one JSON object, on standard output out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from models.alerts.cases import Case, cases
from poolwatch.replay.notes import notably_late
from poolwatch.words import COLOURS, plain

MOST_SHOWN, MOST_NAMED = 20, 10
KINDS = ("developers", "origins", "parties")


def show(summary: dict[str, Any], alerts: Sequence[dict[str, Any]], as_json: bool) -> None:
    """The summary as one JSON object, or for people with the gravest alerts."""
    if as_json:
        print(msgspec.json.encode(summary).decode())
        return
    # A pipe has no width: what reads it wants one line each.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)
    show_read(console, summary)
    if not summary["accepted"]:
        return
    if "labels" in summary:
        console.print(against(summary["labels"]))
        for line in _wrong(summary["labels"]):
            _show_note(console, line)
    if "candidate" in summary:
        console.print(_compared(summary["candidate"]))
    if not alerts:
        console.print("no alerts")
        return
    counts = ", ".join(f"{n} {s}" for s, n in reversed(summary["alerts"].items()) if n)
    parties = cases(alerts)
    console.print(
        f"[bold]{sum(summary['alerts'].values()):,} alerts[/]: {counts}; {len(parties):,} cases"
        + (
            f" ({summary['replaced']:,} more stand no longer: replaced or withdrawn)"
            if summary.get("replaced")
            else ""
        )
    )
    for case in parties[:MOST_SHOWN]:
        _show_case(console, case)
    if len(parties) > MOST_SHOWN:
        console.print(f"... and {len(parties) - MOST_SHOWN:,} more cases; --alerts FILE.jsonl keeps them all")


def show_read(console: Console, summary: dict[str, Any]) -> None:
    """What was read, and what is odd about it, each with its remedy."""
    console.print(_what_was_read(summary))
    odd = {"duplicates": summary["duplicates"]}
    if not notably_late(summary["late"], summary["accepted"]):
        odd["late"] = summary["late"]
    odd |= {f"rejected: {reason}": count for reason, count in summary["rejected"].items()}
    for name, count in odd.items():
        if count:
            _show_note(console, f"{count:,} {name}")
    if summary["rejected"]:
        kept = summary.get("dead_letters")
        _show_note(console, f"which ones: {kept or '--dead-letters FILE.jsonl tells'}")
    for note in summary.get("notes", ()):
        _show_note(console, note, "yellow")


def _show_note(console: Console, text: str, style: str = "") -> None:
    console.print(Padding(Text(plain(text), style), (0, 0, 0, 2), expand=False))


def _show_case(console: Console, case: Case) -> None:
    """Its strongest alert, and what the others add."""
    alert = case.alerts[0]
    console.print(
        f"[{COLOURS[case.severity]}]{case.severity:8}[/] {case.score:.3f} {moment(case.first_seen)} "
        f"{alert['entity_kind']} [bold]{escape(plain(alert['entity_id']))}[/]"
    )
    lines = [reason["text"] for reason in alert["reasons"][:2]]
    if len(case.alerts) > 1:
        lines.append(f"{len(case.alerts)} alerts of one party: {case.summary()}")
    for line in lines:
        console.print(Padding(escape(plain(line)), (0, 0, 0, 9), expand=False))


def _what_was_read(summary: dict[str, Any]) -> str:
    if not summary["accepted"]:
        return f"[bold]none of {summary['events']:,} records is a usage event[/]; docs/inputs.md says what is"
    span = f"{moment(summary['from'])} to {moment(summary['until'])}"
    pace = f"{summary['seconds']:.1f} s ({summary['events_per_s']:,} events/s)"
    return f"[bold]{summary['events']:,}[/] events, {span}, {summary['entities']:,} entities, {pace}"


def against(labels: dict[str, Any]) -> str:
    """The figures against labels that matter most, in one line; what cannot be told is left out."""
    found, parties = labels.get("found", 0), labels["parties"]
    told = [f"[bold]{found} of {parties} poolers found[/]"]
    missed = " (a miss counts as the whole span)" if found < parties else ""
    for name, text in (
        ("precision", "{:.0%} of the alerted entities are a pooler's"),
        ("false_a_day", "{:.2f} false entities a day"),
        ("pair_precision", "{:.0%} of the pairs that cases join belong together"),
        ("median_hours", "median delay {:.1f} h" + missed),
        ("share_before", "{:.1%} of the customers taken before"),
    ):
        value = labels.get(name, labels.get("cases", {}).get(name))
        if value is not None and (found or name != "median_hours"):
            told.append(text.format(value))
    rankings = labels.get("ranked", {})
    precision = {k: rankings[k]["average_precision"] for k in KINDS if k in rankings}
    ranked = [f"{kind} {value:.2f}" for kind, value in precision.items() if value is not None]
    return "; ".join(told) + (f"; average precision: {', '.join(ranked)}" if ranked else "")


def _wrong(labels: dict[str, Any]) -> list[str]:
    """Who was missed, and who was alerted on by mistake."""
    missed = [
        m["party"] if m["scenario"] in m["party"] else f"{m['party']} ({m['scenario']})"
        for m in labels.get("missed", ())
    ]
    false = [f"{count:,} {name}" for name, count in labels.get("false", {}).items()]
    told = (("missed", missed), ("alerted on by mistake", false))
    return [f"{what}: {_some(names)}" for what, names in told if names]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _compared(candidate: dict[str, Any]) -> str:
    return (
        f"with the candidate {escape(candidate['model'])}: {candidate['same']:,} alerts as now, "
        f"[bold]{len(candidate['new']):,} gained, {len(candidate['gone']):,} lost[/]; "
        "--report FILE.html shows which"
    )


def moment(time_ms: int) -> str:
    """UTC to the second, RFC 3339."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
