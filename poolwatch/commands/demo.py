"""`poolwatch demo`: everything on this machine, nothing else needed."""

from __future__ import annotations

import typer

from poolwatch import options


def command(
    context: typer.Context,
    seconds: float = typer.Option(
        None,
        min=1,
        metavar="N",
        help="End by itself (compiling not counted): exit 0 if the pooler was found, else 1",
    ),
    seed: int = typer.Option(1, min=0, help="Same seed, same marketplace"),
    port: int = typer.Option(0, metavar="P", help="Port of the alert page; 0 = any free one"),
    broker: str = typer.Option(
        None, metavar="kafka://HOST:PORT", help="A Kafka of your own in place of the embedded broker"
    ),
    prefix: str = options.setting("prefix"),
    model: str = options.setting("model"),
    rules: str = options.setting("rules"),
) -> None:
    """See the whole system find a pooler, on this machine alone."""
    settings = options.settings(context)
    from poolwatch.demo.demo import Demo

    found = Demo(settings, seconds, seed, embedded=broker is None).run()
    if seconds and not found:
        raise typer.Exit(1)
