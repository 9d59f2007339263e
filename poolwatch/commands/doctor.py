"""`poolwatch doctor`: what is checked, one line each; exit code 1 where something is wrong."""

from __future__ import annotations

import typer

from poolwatch import options


def command(
    context: typer.Context,
    broker: str = options.setting("broker"),
    redis: str = options.setting("redis"),
    model: str = options.setting("model"),
    rules: str = options.setting("rules"),
    operations: str = options.setting("operations"),
    prefix: str = options.setting("prefix"),
    ledger: str = options.setting("ledger"),
) -> None:
    """Check broker, topics, Redis, model, ledger; say how to mend."""
    settings = options.settings(context)
    from poolwatch.doctor import examine, show

    if not show(examine(settings)):
        raise typer.Exit(1)
