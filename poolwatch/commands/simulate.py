"""`poolwatch simulate`: a made-up marketplace to a file or topic, and the truth about it."""

from __future__ import annotations

import typer

from models.errors import ConfigError
from poolwatch import options


def command(
    context: typer.Context,
    scenario: str = typer.Option("amzreview", metavar="NAME", help="Scenario: a name, or a TOML file"),
    seed: int = typer.Option(1, min=0, help="Same seed, same bytes"),
    hours: float = typer.Option(None, help="Hours of event time; default: the scenario's"),
    out: str = typer.Option(
        None, metavar="FILE|URL", help="FILE.jsonl, FILE.parquet or kafka://HOST:PORT/TOPIC"
    ),
    labels: str = typer.Option(None, metavar="FILE.jsonl", help="Where to put who pools and who does not"),
    took: str = typer.Option(None, metavar="FILE.parquet", help="Where to put what the poolers took"),
    report: str = typer.Option(None, metavar="FILE.html", help="A look at what was made"),
    sellers: int = typer.Option(None, min=1, help="Sellers; default: the scenario's"),
    developers: int = typer.Option(None, min=1, help="Developers; default: the scenario's"),
    rate: float = typer.Option(None, min=0.001, metavar="EVENTS_PER_S", help="Default: as fast as it goes"),
    perturb: float = typer.Option(
        0.0, min=0, max=0.9, help="Move all the simulator's numbers by up to this share"
    ),
    listed: bool = typer.Option(False, "--list", help="Show scenarios, populations and poolers"),
) -> None:
    """Make usage events of a marketplace, with poolers planted in it."""
    if listed:
        from simulators.catalogue import listing

        print(listing())
        return
    if not out:
        raise ConfigError("--out: give FILE.jsonl, FILE.parquet or kafka://HOST:PORT/TOPIC")
    settings = options.settings(context)
    from poolwatch.simulate import Wish, simulate

    simulate(
        Wish(scenario, seed, hours, sellers, developers, perturb),
        out,
        settings,
        labels=labels,
        took=took,
        rate=rate,
        report=report,
    )
