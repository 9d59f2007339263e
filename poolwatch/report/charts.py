"""Counts -> inline SVG: stacked bars with titles that a pointer or a screen reader can ask for. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM = 900, 200, 42, 24
CHARACTER = 6  # width of one in a label, about


def stacked_bars(
    title: str,
    labels: Sequence[str],
    series: Mapping[str, Sequence[int]],
    every: int = 1,
    logarithmic: bool = False,
) -> str:
    """One bar for each label, its parts from the bottom up in the order of `series`.

    series  class of a part (it colours it) -> its count at each label, >= 0
    every   label each how-many-th bar
    logarithmic  heights follow log(1 + count) of the whole bar, for counts of very different size
    """
    totals = [sum(part[i] for part in series.values()) for i in range(len(labels))]
    scale = (lambda n: math.log1p(n)) if logarithmic else float
    top = max([scale(t) for t in totals], default=0.0) or 1.0
    step = (WIDTH - LEFT) / max(1, len(labels))
    plot = HEIGHT - BOTTOM - 12
    drawn = []
    for i, (label, total) in enumerate(zip(labels, totals, strict=True)):
        x, floor = LEFT + i * step, float(HEIGHT - BOTTOM)
        for name, counts in series.items():
            if not counts[i]:
                continue
            high = plot * scale(total) / top * counts[i] / total
            floor -= high
            told = escape(f"{label}: {counts[i]:,} {name}")
            drawn.append(
                f'<rect class="{escape(name)}" x="{x + step * 0.08:.1f}" y="{floor:.1f}" '
                f'width="{step * 0.84:.1f}" height="{high:.1f}"><title>{told}</title></rect>'
            )
        if i % every == 0 and x + CHARACTER * len(label) <= WIDTH:
            drawn.append(f'<text x="{x:.1f}" y="{HEIGHT - 7}">{escape(label)}</text>')
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>'
        f'<text x="0" y="14">{max(totals, default=0):,}</text><text x="0" y="{HEIGHT - BOTTOM}">0</text>'
        + "".join(drawn)
        + "</svg>"
    )


def legend(names: Sequence[str]) -> str:
    """The colours of `stacked_bars`, named."""
    return (
        '<p class="quiet">'
        + "".join(f'<span class="dot {escape(n)}"></span>{escape(n)}' for n in names)
        + "</p>"
    )
