"""A replay's summary and alerts in; words, or one JSON object, on standard output out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape

COLOURS = {"low": "cyan", "medium": "yellow", "high": "red", "critical": "bold red"}
MOST_SHOWN = 20


def show(summary: dict[str, Any], alerts: Sequence[dict[str, Any]], as_json: bool) -> None:
    """The summary as one JSON object, or for people with the strongest alerts."""
    if as_json:
        print(msgspec.json.encode(summary).decode())
        return
    console = Console(highlight=False)
    console.print(
        f"[bold]{summary['events']:,}[/] events, {moment(summary['from'])} to {moment(summary['until'])}, "
        f"{summary['entities']:,} entities, {summary['seconds']:.1f} s ({summary['events_per_s']:,} events/s)"
    )
    odd = {name: summary[name] for name in ("duplicates", "late") if summary[name]}
    odd |= {f"rejected: {reason}": count for reason, count in summary["rejected"].items()}
    for name, count in odd.items():
        console.print(f"  {count:,} {escape(name)}")
    if not alerts:
        console.print("no alerts")
        return
    counts = ", ".join(f"{n} {s}" for s, n in reversed(summary["alerts"].items()) if n)
    console.print(f"[bold]{len(alerts):,} alerts[/]: {counts}")
    for alert in sorted(alerts, key=lambda a: -a["score"])[:MOST_SHOWN]:
        colour = COLOURS[alert["severity"]]
        console.print(
            f"[{colour}]{alert['severity']:8}[/] {alert['score']:.3f} {moment(alert['time'])} "
            f"{alert['entity_kind']} [bold]{escape(alert['entity_id'])}[/]"
        )
        for reason in alert["reasons"][:2]:
            console.print(f"         {escape(reason['text'])}")
    if len(alerts) > MOST_SHOWN:
        console.print(f"... and {len(alerts) - MOST_SHOWN:,} more; --alerts FILE.jsonl keeps them all")


def moment(time_ms: int) -> str:
    """UTC to the second, RFC 3339."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
