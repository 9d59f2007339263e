"""`python -m simulators`: a scenario to files. `poolwatch simulate` offers the same, and Kafka."""

from __future__ import annotations

import argparse
import sys
from types import ModuleType

from models.errors import PoolwatchError
from simulators import perturb, poolers, populations, report, scenario, write
from simulators.habits import KINDS
from simulators.marketplace import Marketplace

_PAGE = """# The simulated marketplace

Made by `python -m simulators --tables > docs/marketplace.md`; a test holds it to the code.

Everything follows from orders. A seller's orders come at its customers' hours, with a weekly
rhythm, good and bad days, and now and then a sale; order n has its time, customer and parcel by
formula, so two years of history cost no memory. Tools poll, read, ship, answer and invoice by
habits drawn per developer; usage plans hold back whoever asks too much (token buckets per seller
and application, 429); reads without the role get 403. Poolers read the same orders through the same
plans, and do nothing about them. Every draw comes from the seed: same seed, same bytes.

A scenario is a TOML file of populations and poolers (simulators/scenarios). A new mix needs no code; a new
population or pooler is one module in simulators/populations or simulators/poolers.
"""


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 done, 1 it ran and failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators", description="Usage events of a marketplace, and the truth about them."
    )
    parser.add_argument("--list", action="store_true", help="show scenarios, populations and poolers")
    parser.add_argument("--tables", action="store_true", help="the same as Markdown")
    parser.add_argument("--scenario", default="amzreview", help="name, or a TOML file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float)
    parser.add_argument("--sellers", type=int)
    parser.add_argument("--developers", type=int)
    parser.add_argument("--out", help="FILE.parquet or FILE.jsonl")
    parser.add_argument("--labels", help="labels, JSON lines")
    parser.add_argument("--took", help="what poolers really took, Parquet")
    parser.add_argument("--report", help="a page to look at, HTML")
    parser.add_argument("--perturb", type=float, default=0.0, help="move all numbers by up to this share")
    options = parser.parse_args(arguments)
    try:
        if options.list:
            print(listing())
            return 0
        if options.tables:
            print(tables(), end="")
            return 0
        return _simulate(parser, options)
    except PoolwatchError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _simulate(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if not options.out or not options.out.endswith((".parquet", ".jsonl")):
        parser.error("--out FILE.parquet or FILE.jsonl is needed")
    if options.perturb:
        perturb.move(options.perturb, options.seed)
    market = Marketplace(
        scenario.load(options.scenario), options.seed, options.hours, options.sellers, options.developers
    )
    count = (write.to_parquet if options.out.endswith(".parquet") else write.to_jsonl)(market, options.out)
    print(f"{options.out}: {count:,} events", file=sys.stderr)
    if options.labels:
        write.to_labels(market.labels(), options.labels)
    if options.took:
        write.to_taken(market.taken.table(), options.took)
    if options.report:
        write.to_text(report.html(market), options.report)
    return 0


def listing() -> str:
    """Scenarios with their populations and poolers, then every population and pooler with a line."""
    out = ["scenarios"]
    for name in scenario.names():
        mix = scenario.load(name)
        out.append(f"  {name:<16} {mix.says}")
        out.append(f"  {'':<16}   populations: {', '.join(mix.populations)}")
        out.append(f"  {'':<16}   poolers: {_pooled(mix)}")
    out.append("populations (none of them may be flagged)")
    out += [
        f"  {name:<16} {module.SAYS} ({_defaults(module)})" for name, module in populations.registry().items()
    ]
    out.append("poolers")
    out += [f"  {name:<16} {manner.says}" for name, manner in poolers.registry().items()]
    return "\n".join(out)


def _pooled(mix: scenario.Scenario) -> str:
    return ", ".join(f"{p} x{n}" if n > 1 else p for p, n in mix.poolers.items()) or "none"


def _defaults(module: ModuleType) -> str:
    return ", ".join(f"{name} = {value}" for name, value in module.DEFAULTS.items())


def tables() -> str:
    """The same in Markdown, with each pooler's spans: the page docs/marketplace.md."""
    out = [_PAGE, "## Scenarios", "", "| name | | populations | poolers |", "|---|---|---|---|"]
    for name in scenario.names():
        mix = scenario.load(name)
        out.append(f"| `{name}` | {mix.says} | {', '.join(mix.populations)} | {_pooled(mix)} |")
    out += ["", "## Populations: none of them may be flagged", "", "| name | | parameters |", "|---|---|---|"]
    for name, module in populations.registry().items():
        out.append(f"| `{name}` | {module.SAYS} | {_defaults(module)} |")
    out += ["", "## Ordinary tools", "", "| kind | what it does | share |", "|---|---|---|"]
    out += [f"| `{kind.name}` | {kind.says} | {kind.weight:g} |" for kind in KINDS]
    out += [
        "",
        "## Poolers",
        "",
        "| name | | keys | history, days | back for new orders, h | expected reasons |",
        "|---|---|---|---|---|---|",
    ]
    for name, manner in poolers.registry().items():
        spans = [
            f"{low:g}-{high:g}" if low < high else f"{low:g}"
            for low, high in (manner.sellers, manner.history_days, manner.return_hours)
        ]
        out.append(f"| `{name}` | {manner.says} | {' | '.join(spans)} | {', '.join(manner.expect)} |")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    sys.exit(main())
