"""`poolwatch train`: history in; a model file out."""

from __future__ import annotations

import typer

from poolwatch import options


def command(
    inputs: list[str] = options.INPUTS,
    model: str = typer.Option(..., "--model", metavar="FILE", help="Where to put the model"),
    from_: str = options.FROM,
    until: str = options.UNTIL,
    seed: int = typer.Option(1, help="Same history and seed, same model"),
    form: str = options.FORMAT,
    mapping: str = options.MAPPING,
    dead_letters: str = options.DEAD_LETTERS,
    rules: str = options.setting("rules"),
    operations: str = options.setting("operations"),
) -> None:
    """Learn what is usual from a history."""
    settings = options.settings(rules=rules, operations=operations)
    from poolwatch.replay import Request
    from poolwatch.train import train_file
    from streams.times import time_ms

    request = Request(
        inputs=inputs,
        partitions=1,  # one detect sees all: nothing is left behind for workers
        form=form,
        mapping=mapping,
        dead_letters=dead_letters,
        rules=settings.rules or None,
        operations=settings.operations or None,
        from_ms=time_ms(from_, "--from") if from_ else None,
        until_ms=time_ms(until, "--until") if until else None,
    )
    train_file(request, model, seed)
