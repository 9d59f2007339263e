"""An answer of the ledger in; a plain table, or one JSON object, on standard output out."""

from __future__ import annotations

import sys

import msgspec

from poolwatch.ledger.ledger import Answer, Line
from poolwatch.words import plain

LISTED = 5


def show(answer: Answer, most: int, as_json: bool) -> None:
    """At most `most` lines; all of them as JSON."""
    if as_json:
        print(msgspec.json.encode(answer).decode())
        return
    for name in answer.unknown[:LISTED]:
        print(f"poolwatch: {plain(name)}: nothing of it in these days", file=sys.stderr)
    if len(answer.unknown) > LISTED:
        print(f"poolwatch: nor of {len(answer.unknown) - LISTED:,} others; --json names all", file=sys.stderr)
    print("\n".join(table(answer, most)))


def table(answer: Answer, most: int) -> list[str]:
    """Lines of text."""
    shown = answer.lines[:most]
    lines = [_words(answer), ""]
    width = max(len(plain(line.name)) for line in (*shown, answer.total))
    width = max(width, len(answer.by))
    heads = ("customers", "low", "high", "sellers", "keys", "days")
    lines.append(f"{answer.by:{width}}" + "".join(f"{head:>12}" for head in heads))
    lines += [_row(line, width) for line in shown]
    if len(answer.lines) > most:
        lines.append(f"... and {len(answer.lines) - most:,} more; --most N or --json shows them")
    lines.append(_row(answer.total, width))
    return lines


def _words(answer: Answer) -> str:
    who = ", ".join(map(plain, answer.entities[:LISTED]))
    if len(answer.entities) > LISTED:
        who = f"{len(answer.entities):,} entities"
    return f"{who}: distinct customers, {answer.first_day} to {answer.last_day} (UTC); bounds 95%"


def _row(line: Line, width: int) -> str:
    values = (line.customers, line.low, line.high, line.sellers, line.keys, line.days)
    return f"{plain(line.name):{width}}" + "".join(f"{value:12,}" for value in values)
