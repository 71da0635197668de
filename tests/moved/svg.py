"""Small plots as SVG text: panels side by side, each with lines, dots, two axes and a legend above all.

No more than the two plots of `docs/benchmarks.md` need, so that no plotting library has to be locked for them. Colours
are told apart on a white and on a dark page, and by those who see no red.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 300, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 24, 34
LEGEND = 26
COLOURS = ("#4477aa", "#ee7733", "#228833", "#aa3377")
GREY = "#888888"
STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Series:
    """Points of one colour and name, joined by a line or as dots. `colour` is a number in `COLOURS`."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int
    dots: bool = False


@dataclass(frozen=True)
class Panel:
    """One plot. With `log`, the vertical axis is logarithmic, from `floor` up."""

    title: str
    across: str
    series: Sequence[Series]
    log: bool = False
    floor: float = 0.0


def draw(panels: Sequence[Panel], *, columns: int) -> str:
    """Return the panels as one picture."""
    rows = -(-len(panels) // columns)
    width, height = WIDTH * columns, HEIGHT * rows + LEGEND
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">',
        _legend([series for panel in panels for series in panel.series]),
    ]
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        parts.append(f'<g transform="translate({column * WIDTH} {row * HEIGHT + LEGEND})">{_panel(panel)}</g>')
    return "\n".join([*parts, "</svg>", ""])


def _legend(every: Sequence[Series]) -> str:
    parts, x = [], LEFT
    for name, series in {series.name: series for series in every}.items():
        colour = COLOURS[series.colour]
        shape = (
            f'<circle cx="{x + 8}" cy="12" r="3" fill="{colour}"/>'
            if series.dots
            else f'<line x1="{x}" y1="12" x2="{x + 16}" y2="12" stroke="{colour}" stroke-width="2"/>'
        )
        parts.append(f'{shape}<text x="{x + 21}" y="16" fill="{GREY}">{escape(name)}</text>')
        x += 40 + 6 * len(name)
    return "".join(parts)


def _panel(panel: Panel) -> str:
    points = [point for series in panel.series for point in series.points]
    right = max(x for x, _ in points) or 1.0
    top = max(y for _, y in points) or 1.0
    ticks = _decades(panel.floor, top) if panel.log else _ticks(top)
    low, high = (panel.floor, 1.0) if panel.log else (0.0, max(ticks[-1], top))

    def across(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * x / right

    def up(y: float) -> float:
        part = math.log(y / low) / math.log(high / low) if panel.log else y / high
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * part

    parts = [f'<text x="{LEFT}" y="{TOP - 8}" fill="{GREY}" font-weight="bold">{escape(panel.title)}</text>']
    for tick in ticks:
        y = up(tick)
        parts.append(
            f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="{GREY}" opacity="0.3"/>'
        )
        parts.append(f'<text x="{LEFT - 4}" y="{y + 4:.1f}" text-anchor="end" fill="{GREY}">{tick:g}</text>')
    parts.extend(_below(across(tick), 20, f"{tick:g}") for tick in _ticks(right))
    parts.append(_below((LEFT + WIDTH - RIGHT) / 2, 6, escape(panel.across)))
    for series in panel.series:
        places = [(across(x), up(y)) for x, y in series.points if not panel.log or y >= low]
        parts.append(_series(places, series))
    return "".join(parts)


def _below(x: float, rise: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{HEIGHT - rise}" text-anchor="middle" fill="{GREY}">{text}</text>'


def _series(places: Sequence[tuple[float, float]], series: Series) -> str:
    colour = COLOURS[series.colour]
    if series.dots:
        return "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="{colour}"/>' for x, y in places)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"/>'


def _ticks(top: float) -> list[float]:
    """Return about four round numbers from 0 to `top`."""
    rough = top / 4
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next(scale * number for number in STEPS if scale * number >= rough * 0.99)
    return [step * number for number in range(int(top / step * 1.0001) + 1)]


def _decades(floor: float, top: float) -> list[float]:
    return [10.0**power for power in range(round(math.log10(floor)), math.floor(math.log10(top) + 1e-9) + 1)]
