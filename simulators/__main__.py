"""`python -m simulators`: a scenario to files. `poolwatch simulate` offers the same, and Kafka."""

from __future__ import annotations

import argparse
import sys

from models.errors import PoolwatchError
from simulators import perturb, poolers, populations, report, scenario, write
from simulators.marketplace import Marketplace


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 done, 1 it ran and failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators", description="Usage events of a marketplace, and the truth about them."
    )
    parser.add_argument("--list", action="store_true", help="show scenarios, populations and poolers")
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
        pooled = ", ".join(
            f"{pooler} x{count}" if count > 1 else pooler for pooler, count in mix.poolers.items()
        )
        out.append(f"  {'':<16}   poolers: {pooled or 'none'}")
    out.append("populations (none of them may be flagged)")
    out += [f"  {name:<16} {module.SAYS}" for name, module in populations.registry().items()]
    out.append("poolers")
    out += [f"  {name:<16} {manner.says}" for name, manner in poolers.registry().items()]
    return "\n".join(out)


if __name__ == "__main__":
    sys.exit(main())
