"""What there is to simulate -> text: scenarios, populations, poolers. Pure but for reading scenario files."""

from __future__ import annotations

from types import ModuleType

from simulators import poolers, populations, scenario
from simulators.habits import KINDS

_PAGE = """# The simulated marketplace

Made by `python -m simulators.catalogue > docs/marketplace.md`; a test holds it to the code.

Everything follows from orders. A seller's orders come at its customers' hours, with a weekly
rhythm, good and bad days, and now and then a sale; order n has its time, customer and parcel by
formula, so two years of history cost no memory. Tools poll, read, ship, answer and invoice by
habits drawn per developer; usage plans hold back whoever asks too much (token buckets per seller
and application, 429); reads without the role get 403. Poolers read the same orders through the same
plans, and do nothing about them. Every draw comes from the seed: same seed, same bytes.

A scenario is a TOML file of populations and poolers (simulators/scenarios). A new mix needs no code; a new
population or pooler is one module in simulators/populations or simulators/poolers.
"""


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
    print(tables(), end="")
