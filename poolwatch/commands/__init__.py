"""The commands: options in, one call into the product out. Heavy imports wait until a command runs."""

from __future__ import annotations

import typer

from poolwatch.commands import (
    demo,
    doctor,
    evaluate,
    exposure,
    feed,
    replay,
    serve,
    simulate,
    topics,
    train,
    version,
    worker,
)

app = typer.Typer(
    name="poolwatch",
    help="Finds who pools the API keys of many sellers, while it happens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(version.options)
for name, module in (
    ("demo", demo),
    ("simulate", simulate),
    ("train", train),
    ("replay", replay),
    ("evaluate", evaluate),
    ("exposure", exposure),
    ("worker", worker),
    ("serve", serve),
    ("feed", feed),
    ("topics", topics),
    ("doctor", doctor),
):
    app.command(name)(module.command)
