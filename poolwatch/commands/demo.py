"""`poolwatch demo`: everything on this machine, nothing else needed."""

from __future__ import annotations

import typer

from poolwatch import options
from streams.settings import Settings

#: What a demo is told by flag or environment; nothing else of the environment, which may name real systems.
TOLD = ("prefix", "port", "model", "rules", "operations")
#: The same with a Kafka of one's own: where it is, and how to log in.
OF_BROKER = ("broker", "security", "sasl_mechanism", "sasl_user", "sasl_password", "ssl_ca")


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
    prefix: str = typer.Option("demo", metavar="NAME", help="`NAME.` before its topics and group"),
    model: str = options.setting("model"),
    rules: str = options.setting("rules"),
    operations: str = options.setting("operations"),
) -> None:
    """See the whole system find a pooler, on this machine alone."""
    asked = options.settings(context)
    names = TOLD + OF_BROKER if broker else TOLD
    settings = Settings(**{name: getattr(asked, name) for name in names})
    from poolwatch.demo.demo import Demo

    found = Demo(settings, seconds, seed, embedded=not broker).run()
    if seconds and not found:
        raise typer.Exit(1)
