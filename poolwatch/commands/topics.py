"""`poolwatch topics`: creates what is missing, shows what is there."""

from __future__ import annotations

import sys

import typer

from poolwatch import options


def command(
    context: typer.Context,
    broker: str = options.setting("broker"),
    prefix: str = options.setting("prefix"),
    partitions: int = options.setting("partitions"),
    replication: int = options.setting("replication"),
    retention_h: int = options.setting("retention_h"),
    alerts_retention_h: int = options.setting("alerts_retention_h"),
    compression: str = options.setting("compression"),
    raise_them: bool = typer.Option(
        False,
        "--raise",
        help="Give existing topics --partitions too; stop the workers first (docs/operations.md)",
    ),
    only_show: bool = typer.Option(False, "--show", help="Create nothing"),
) -> None:
    """Create poolwatch's topics where they are missing, and list them."""
    settings = options.settings(context)
    from streams.kafka import topics

    if raise_them:
        topics.raise_partitions(settings, settings.partitions)
    there = (topics.describe if only_show else topics.ensure)(settings)
    for topic in there:
        print(f"{topic.name:40} {topic}")
    if partitions and not only_show and (said := topics.other_than_asked(there, settings)):
        print(f"poolwatch: {said}", file=sys.stderr)
