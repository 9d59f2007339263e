"""`poolwatch train`: history in; a model file out."""

from __future__ import annotations

import typer

from poolwatch import options


def command(
    context: typer.Context,
    inputs: list[str] = options.INPUTS,
    model: str = typer.Option(..., "--model", metavar="FILE", help="Where to put the model"),
    from_: str = options.FROM,
    until: str = options.UNTIL,
    seed: int = typer.Option(1, min=0, help="Same history and seed, same model"),
    form: str = options.FORMAT,
    mapping: str = options.MAPPING,
    dead_letters: str = options.DEAD_LETTERS,
    rules: str = options.setting("rules"),
    operations: str = options.setting("operations"),
) -> None:
    """Learn what is usual from a history."""
    given = options.settings(context, model=None)  # `model` is to be written here
    from poolwatch.replay.replay import Request
    from poolwatch.train import train_file
    from streams.settings import Settings

    request = Request(
        inputs=inputs,
        # One detect sees all: nothing is left behind for workers.
        settings=Settings(partitions=1, rules=given.rules, operations=given.operations),
        form=form,
        mapping=mapping,
        dead_letters=dead_letters,
        from_ms=options.time_ms(from_, "--from"),
        until_ms=options.time_ms(until, "--until"),
    )
    train_file(request, model, seed)
