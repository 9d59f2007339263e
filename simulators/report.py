"""A run of the marketplace -> one HTML page to look at it. Pure; the page needs nothing from elsewhere."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from pathlib import Path

import numpy as np

from models.minutes import HOUR_MS
from simulators.calls import OPERATIONS
from simulators.drawing import areas, bars, short, strips
from simulators.marketplace import Marketplace

_STYLE = Path(__file__).with_name("report.css").read_text(encoding="utf-8")


def html(market: Marketplace) -> str:
    """The page of a run that has been iterated to its end."""
    scenario, census = market.scenario, market.census
    total, hours = int(sum(e.sum() for e in census.events)), (market.end_ms - market.start_ms) / HOUR_MS
    facts = (
        (f"{total:,}", "calls"),
        (f"{hours:g}", "hours"),
        (f"{len(market.world.primary):,}", "sellers"),
        (f"{len(market.world.developer_ids):,}", "developers"),
        (f"{len({p.name for p in market.world.parties if p.label == 'aggregator'}):,}", "pooling parties"),
        (f"{market.seed}", "seed"),
    )
    told = "".join(f"<div><b>{value}</b><span>{name}</span></div>" for value, name in facts)
    head = f"<section><h1>{escape(scenario.name)}</h1><p>{escape(scenario.says)}</p>"
    parts = [f'{head}<div class="facts">{told}</div></section>', _volumes(market), *_spreads(market)]
    parts += [_sellers(market), _parties(market), _operations(market)]
    start = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(scenario.name)}</title>'
    return f"{start}<style>{_STYLE}</style><main>{''.join(parts)}</main></html>\n"


def _colours(market: Marketplace) -> list[str]:
    """One a group: blues and greens for populations, reds for poolers."""
    honest = len(market.census.groups) - market.census.poolers
    cool = [_colour(0.30 + 0.42 * i / max(honest - 1, 1), 0.55 - 0.14 * (i % 2), 0.45) for i in range(honest)]
    pooled = market.census.poolers
    return cool + [
        _colour((0.93 + 0.14 * i / max(pooled, 1)) % 1, 0.52 + 0.1 * (i % 2), 0.72) for i in range(pooled)
    ]


def _colour(hue: float, light: float, strong: float) -> str:
    return "#" + "".join(f"{round(c * 255):02x}" for c in colorsys.hls_to_rgb(hue, light, strong))


def _section(title: str, says: str, body: str) -> str:
    return f"<section><h2>{title}</h2><p>{says}</p>{body}</section>"


def _volumes(market: Marketplace) -> str:
    census, colours = market.census, _colours(market)
    key = "".join(
        f'<span><i style="background:{c}"></i>{escape(g)}</span>'
        for g, c in zip(census.groups, colours, strict=True)
    )
    values = np.array(census.events, np.float64).reshape(-1, len(census.groups))
    chart = areas(census.groups, colours, values)
    return _section(
        "Calls an hour",
        "By population; poolers' calls in red, whatever key they carry.",
        f'{chart}<div class="key">{key}</div>',
    )


def _spreads(market: Marketplace) -> list[str]:
    census, colours = market.census, _colours(market)
    sellers, records = census.sellers_of_developer(), census.records
    fan_out, taken = [], []
    for i, group in enumerate(census.groups[: len(census.groups) - census.poolers]):
        own = census.of_developer == i
        fan_out.append((group, colours[i], sellers[own]))
        taken.append((group, colours[i], records[own]))
    for i in range(len(census.groups) - census.poolers, len(census.groups)):
        own = [
            n
            for n, p in enumerate(market.world.parties)
            if p.label == "aggregator" and p.scenario == census.groups[i]
        ]
        fan_out.append((census.groups[i], "var(--bad)", np.array([census.sellers_of_party(n) for n in own])))
        taken.append((census.groups[i], "var(--bad)", census.by_party[own, 1]))
    return [
        _section(
            "Fan-out",
            "Distinct sellers of each developer (red: of each pooling party). The bar is the middle one.",
            strips(fan_out, "sellers"),
        ),
        _section(
            "Customers",
            "Records that identify a person, read by each developer (red: party).",
            strips(taken, "identifying records"),
        ),
    ]


def _sellers(market: Marketplace) -> str:
    rate = market.world.orders.sellers.orders_per_day
    edges = np.array([0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, np.inf])
    count = np.histogram(rate, edges)[0]
    names = [f"{short(low)}-{short(high)}" for low, high in pairwise(edges[:-1])] + ["1k+"]
    large = np.sort(rate)[-max(len(rate) // 10, 1) :].sum() / rate.sum()
    says = f"Orders a day of each seller; the largest tenth has {large:.0%} of all orders."
    return _section("Sellers", says, bars(names, [float(c) for c in count], "#4a86c5"))


def _parties(market: Marketplace) -> str:
    rows = []
    for number, party in enumerate(market.world.parties):
        if party.label != "aggregator":
            continue
        calls, records = market.census.by_party[number]
        start = datetime.fromtimestamp(party.start_ms / 1000, UTC)
        rows.append(
            (
                party.name,
                f"{start:%d %b %H:%M}",
                f"{market.census.sellers_of_party(number)}",
                f"{len(party.developers) or '-'}",
                f"{sum(bool(market.seen[m]) for m in party.machines)}",
                f"{calls:,}",
                f"{records:,}",
                f"{len(market.taken.known.get(number, ())):,}",
            )
        )
    if not rows:
        return ""
    head = (
        "party",
        "at work from",
        "keys",
        "applications",
        "machines",
        "calls",
        "identifying records",
        "orders taken",
    )
    return _section("Who pools", "What each party really did.", _table(head, rows))


def _operations(market: Marketplace) -> str:
    census = market.census
    order = np.argsort(-census.operations[:, 0], kind="stable")
    rows = [
        (OPERATIONS[i].name, f"{census.operations[i, 0]:,}", f"{census.operations[i, 1]:,}")
        for i in order
        if census.operations[i, 0]
    ]
    status = ", ".join(f"{s}: {n:,}" for s, n in sorted(census.status.items()))
    return _section(
        "Operations",
        f"Answers by status: {status}.",
        _table(("operation", "calls", "of them poolers'"), rows, "ops"),
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    top = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table class="{kind}"><tr>{top}</tr>{body}</table></div>'
