"""`poolwatch feed`: the alerts of one Redis, as they come."""

from __future__ import annotations

import typer

from poolwatch import options


def command(
    context: typer.Context,
    redis: str = options.setting("redis"),
    prefix: str = options.setting("prefix"),
    after: str = typer.Option(
        None,
        "--from",
        "--after",
        metavar="ID",
        help="Go on after this entry; 0 = from the beginning, $ = only what is new",
    ),
    once: bool = typer.Option(False, "--once", help="End when what is there has been shown"),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a line"),
) -> None:
    """Follow the alerts in the terminal."""
    settings = options.settings(context)
    from poolwatch.feed_view import follow

    follow(settings.redis, settings.prefix, after, as_json=as_json, once=once)
