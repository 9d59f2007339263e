"""`poolwatch evaluate`: options in; poolwatch.evaluation, its table or JSON on standard output."""

from __future__ import annotations

from pathlib import Path

import typer

from poolwatch import options
from poolwatch.evaluation.seeds import REPORTED, parse_seeds


def command(
    context: typer.Context,
    scenario: str = typer.Option("mixed", metavar="NAME", help="Scenario: a name, or a TOML file"),
    seeds: str = typer.Option(REPORTED, metavar="LIST", help="Seeds, such as 11,12 or 11-15"),
    hours: int = typer.Option(72, min=1, help="Hours of event time"),
    sellers: int = typer.Option(2_000, min=1, help="Sellers"),
    developers: int = typer.Option(300, min=1, help="Developers"),
    perturb: float = typer.Option(
        0.0, metavar="SHARE", help="Move the simulator's numbers by up to this share"
    ),
    model: str = options.setting("model"),
    rules: str = options.setting("rules"),
    rivals: bool = typer.Option(True, help="Run the plain methods beside it (ECOD needs PyOD)"),
    markdown: str = typer.Option(None, metavar="FILE.md", help="Where to put the page"),
    figures: str = typer.Option(None, metavar="FILE.json", help="Where to put the figures"),
    keep: str = typer.Option(None, metavar="FOLDER", help="Where to keep each seed's events, scores, alerts"),
    as_json: bool = options.JSON,
) -> None:
    """Measure detection on made-up marketplaces, seed by seed."""
    settings = options.settings(context)
    from poolwatch.evaluation.evaluate import Plan, evaluate_to

    plan = Plan(
        scenario=scenario,
        seeds=parse_seeds(seeds),
        hours=hours,
        sellers=sellers,
        developers=developers,
        model=settings.model,
        rules=settings.rules,
        perturb=perturb,
        rivals=rivals,
        keep=Path(keep) if keep else None,
    )
    page, text = evaluate_to(plan, markdown, figures)
    print(text if as_json else page, end="")
