"""Options that several commands share, worded by the table of settings."""

from __future__ import annotations

import os
from typing import Any

import typer

from streams import times
from streams.settings import ENVIRONMENT_PREFIX, SETTINGS, Settings, from_environment

_TABLE = {name: (default, text) for name, default, text in SETTINGS}


def setting(name: str) -> Any:
    """The option of one setting; absent means the environment's value, else the table's default."""
    default, text = _TABLE[name]
    shown = "" if default == "" else f" [default: {default}]"
    return typer.Option(
        None,
        f"--{name.replace('_', '-')}",
        help=f"{text[0].upper()}{text[1:]} [{ENVIRONMENT_PREFIX}{name.upper()}]{shown}",
        show_default=False,
    )


def settings(context: typer.Context, **given: Any) -> Settings:
    """Flags of the running command that are called as settings are, and `given` (None = not given), over the
    environment over the defaults."""
    flags = {name: value for name, value in context.params.items() if name in _TABLE}
    return from_environment(os.environ, **(flags | given))


def time_ms(text: str | None, option: str) -> int | None:
    """As `streams.times.time_ms`; None where the option is not given."""
    return times.time_ms(text, option) if text else None


INPUTS = typer.Argument(..., metavar="INPUT", help="Files, folders, globs, - or kafka://HOST:PORT/TOPIC")
FROM = typer.Option(None, "--from", metavar="T", help="First event time: RFC 3339 or ms")
UNTIL = typer.Option(None, "--until", metavar="T", help="Event time to end before: RFC 3339 or ms")
FORMAT = typer.Option(
    None, "--format", metavar="NAME", help="Form of the input: poolwatch (default), cloudtrail"
)
MAPPING = typer.Option(None, "--mapping", metavar="FILE.toml", help="Names of your own fields")
DEAD_LETTERS = typer.Option(
    None, "--dead-letters", metavar="FILE.jsonl", help="Where to put what was rejected, and why"
)
JSON = typer.Option(False, "--json", help="One JSON object on standard output")
