"""Numbers -> small SVG charts as text. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from models.dtypes import F64, I64

WIDTH = 860
_LEFT, _RIGHT = 150, 20


def areas(names: Sequence[str], colours: Sequence[str], values: F64) -> str:
    """Stacked areas: values[hours, names], an hour a step."""
    height, left, foot = 230, 62, 24
    hours = len(values)
    top = max(float(values.sum(axis=1).max()), 1.0) if hours else 1.0
    step = (WIDTH - left - _RIGHT) / max(hours - 1, 1)
    base = np.zeros(hours)
    out = [_open(height + foot)]
    for tick in nice(top, 4):
        y = height - tick / top * (height - 12)
        out.append(f'<line class="g" x1="{left}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(f'<text class="r" x="{left - 8}" y="{y + 4:.1f}">{short(tick)}</text>')
    for i, name in enumerate(names):
        upper = base + values[:, i]
        there = [f"{left + k * step:.1f},{height - v / top * (height - 12):.1f}" for k, v in enumerate(upper)]
        back = [f"{left + k * step:.1f},{height - v / top * (height - 12):.1f}" for k, v in enumerate(base)]
        points = " ".join(there + back[::-1])
        out.append(f'<polygon fill="{colours[i]}" points="{points}"><title>{escape(name)}</title></polygon>')
        base = upper
    for hour in range(0, hours, max(6, math.ceil(hours / 12 / 24) * 24 if hours > 144 else 12)):
        x = left + hour * step
        out.append(f'<text class="m" x="{x:.1f}" y="{height + 17}">{hour} h</text>')
    return "".join(out) + "</svg>"


def strips(rows: Sequence[tuple[str, str, I64]], unit: str) -> str:
    """One line of dots a row (name, colour, values) on a common log axis; a bar at the middle value."""
    lane, foot = 26, 34
    height = lane * len(rows) + foot
    top = max([10.0, *(float(v.max()) for _, _, v in rows if len(v))])
    scale = (WIDTH - _LEFT - _RIGHT) / math.log10(1 + top)
    out = [_open(height)]
    for power in range(math.ceil(math.log10(1 + top)) + 1):
        x = _LEFT + math.log10(1 + 10**power) * scale
        if 10**power <= top * 1.05:
            out.append(f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{height - foot + 4}"/>')
            out.append(f'<text class="m" x="{x:.1f}" y="{height - 14}">{short(10**power)}</text>')
    for i, (name, colour, values) in enumerate(rows):
        y = i * lane + lane / 2 + 2
        out.append(f'<text class="r" x="{_LEFT - 12}" y="{y + 4:.1f}">{escape(name)}</text>')
        for k, value in enumerate(np.sort(values)):
            x = _LEFT + math.log10(1 + float(value)) * scale
            jitter = (k * 7 % 11 - 5) * 0.9
            tip = f"{escape(name)}: {int(value):,} {unit}"
            dot = f'<circle cx="{x:.1f}" cy="{y + jitter:.1f}" r="3.4" fill="{colour}">'
            out.append(f"{dot}<title>{tip}</title></circle>")
        if len(values) > 2:
            x = _LEFT + math.log10(1 + float(np.median(values))) * scale
            out.append(f'<line class="q" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 9:.1f}" y2="{y + 9:.1f}"/>')
    out.append(f'<text class="m" x="{(WIDTH + _LEFT) / 2:.0f}" y="{height - 1}">{escape(unit)}</text>')
    return "".join(out) + "</svg>"


def bars(names: Sequence[str], values: Sequence[float], colour: str) -> str:
    """Columns side by side."""
    height, foot, left = 130, 22, 62
    top = max([1.0, *values])
    step = (WIDTH - left - _RIGHT) / max(len(values), 1)
    out = [_open(height + foot)]
    for tick in nice(top, 3):
        y = height - tick / top * (height - 10)
        out.append(f'<line class="g" x1="{left}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(f'<text class="r" x="{left - 8}" y="{y + 4:.1f}">{short(tick)}</text>')
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        tall = value / top * (height - 10)
        x, y, wide = left + i * step + 1, height - tall, max(step - 3, 1)
        bar = (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" fill="{colour}" rx="1.5">'
        )
        out.append(f"{bar}<title>{escape(name)}: {value:,.0f}</title></rect>")
        out.append(
            f'<text class="m" x="{left + (i + 0.5) * step:.1f}" y="{height + 16}">{escape(name)}</text>'
        )
    return "".join(out) + "</svg>"


def nice(top: float, count: int) -> list[float]:
    """Round numbers from 0 up to `top`, about `count` of them."""
    step = 10 ** math.floor(math.log10(max(top, 1) / count))
    step = next(step * m for m in (1, 2, 5, 10) if step * m * count >= top * 0.8)
    return [i * step for i in range(int(top / step) + 1)]


def short(value: float) -> str:
    """12, 3.4k, 5M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _open(height: float) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img">'
