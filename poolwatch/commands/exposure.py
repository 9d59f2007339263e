"""`poolwatch exposure`: options in; poolwatch.ledger, a table or JSON on standard output."""

from __future__ import annotations

import typer

from models.errors import ConfigError
from poolwatch import options


def command(
    context: typer.Context,
    entities: list[str] = typer.Argument(
        None,
        metavar="ENTITY",
        help="Ids (developer:ID or origin:ID where that is unclear); none = everybody",
    ),
    ledger: str = options.setting("ledger"),
    from_: str = typer.Option(None, "--from", metavar="T", help="First UTC day: RFC 3339 or ms"),
    until: str = typer.Option(None, "--until", metavar="T", help="UTC day to end before: RFC 3339 or ms"),
    by: str = typer.Option("class", metavar="WHAT", help="Lines by class, key, seller, day or entity"),
    case: str = typer.Option(None, metavar="CASE", help="The entities of a case's alerts"),
    alerts: str = typer.Option(
        None, metavar="FILE.jsonl", help="Alerts that --case is looked up in, in place of the feed in Redis"
    ),
    redis: str = options.setting("redis"),
    prefix: str = options.setting("prefix"),
    most: int = typer.Option(20, min=1, help="Lines shown; --json shows all"),
    as_json: bool = options.JSON,
) -> None:
    """Whose customers a party saw, how many, of which classes, through which keys, on which days."""
    settings = options.settings(context)
    if not settings.ledger:
        raise ConfigError("--ledger: give the folder that worker and replay write (or POOLWATCH_LEDGER)")
    if alerts and not case:
        raise ConfigError("--alerts: give --case CASE too, which is looked up there")
    from poolwatch.ledger.ledger import Question, ask
    from poolwatch.ledger.parties import entities_of
    from poolwatch.ledger.view import show

    question = Question(
        folder=settings.ledger,
        entities=(*(entities or ()), *(entities_of(case, settings, alerts) if case else ())),
        from_ms=options.time_ms(from_, "--from"),
        until_ms=options.time_ms(until, "--until"),
        by=by,
    )
    show(ask(question), most, as_json)
