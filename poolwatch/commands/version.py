"""Options of `poolwatch` itself."""

from __future__ import annotations

import typer


def _show(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"poolwatch {version('poolwatch')}")
        raise typer.Exit


def options(
    version: bool = typer.Option(
        False, "--version", help="Show the version and leave.", callback=_show, is_eager=True
    ),
) -> None:
    pass
