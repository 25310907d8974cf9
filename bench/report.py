"""Presents the measurements: tables in Markdown, and a chart as SVG."""

import math
from dataclasses import dataclass
from html import escape

COLOURS = {"circe": "#0b7285", "fastapi": "#e8590c", "raw": "#868e96"}


@dataclass(frozen=True)
class Figure:
    """A row of the table of targets: our value, the other one, their ratio, and the target of the ratio."""

    what: str
    ours: str
    other: str
    ratio: float | None
    target: float
    at_least: bool

    @property
    def verdict(self) -> str:
        if self.ratio is None:
            return "no answer"
        reached = self.ratio >= self.target if self.at_least else self.ratio <= self.target
        return "reached" if reached else "**missed**"

    def row(self) -> list[str]:
        target = f"{'≥' if self.at_least else '≤'} {self.target:g}"
        return [
            self.what,
            self.ours,
            self.other,
            "" if self.ratio is None else f"{self.ratio:.2f}",
            target,
            self.verdict,
        ]


def table(head: list[str], rows: list[list[str]]) -> str:
    """Returns a table in Markdown, with aligned columns, so that it can be read in a terminal too."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def milliseconds(seconds: float) -> str:
    """Formats a time with about three digits: `0.41 ms`, `12.3 ms`, `6,900 ms`."""
    value = seconds * 1000
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms"


def picture(rates: dict[str, dict[str, float]], growth: dict[str, dict[int, float]]) -> str:
    """Returns an SVG: requests per second by kind and service, and the median time by the number of customers."""
    width, height, left, base = 860, 330, 60, 270
    elements = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]

    def label(x: float, y: float, text: str, anchor: str = "middle", **style: str) -> None:
        styles = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
        elements.append(f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{styles}>{escape(text)}</text>')

    label(left, 25, "Requests per second, 16 clients", "start", font_weight="bold")
    highest = max((rate for services in rates.values() for rate in services.values()), default=1)
    for number, (kind, services) in enumerate(rates.items()):
        start = left + number * 100
        label(start + 36, base + 18, kind)
        for position, (service, rate) in enumerate(services.items()):
            bar, x = rate / highest * 200, start + position * 26
            elements.append(
                f'<rect x="{x}" y="{base - bar:.1f}" width="24" height="{bar:.1f}" fill="{COLOURS[service]}"/>'
            )
            label(x + 12, base - bar - 4, f"{rate:.0f}", font_size="10")
    for position, (service, colour) in enumerate(COLOURS.items()):
        elements.append(f'<rect x="{left + position * 90}" y="{base + 32}" width="12" height="12" fill="{colour}"/>')
        label(left + position * 90 + 17, base + 42, service, "start")

    origin, span = 500, 260
    label(origin, 25, "Median time, one client, by customers", "start", font_weight="bold")
    sizes = sorted({size for times in growth.values() for size in times})
    values = [value for times in growth.values() for value in times.values()] or [0.001]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def point(size: int, value: float) -> tuple[float, float]:
        across = sizes.index(size) / max(1, len(sizes) - 1)
        return origin + across * span, base - (math.log10(value) - low) / max(1, high - low) * 200

    for power in range(low, high + 1):
        y = point(sizes[0], 10.0**power)[1] if sizes else base
        elements.append(f'<line x1="{origin}" x2="{origin + span}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dee2e6"/>')
        label(origin - 6, y + 4, f"{10.0 ** (power + 3):g} ms", "end")
    for size in sizes:
        label(point(size, 10.0**low)[0], base + 18, f"{size:,}")
    for number, (kind, times) in enumerate(growth.items()):
        points = [point(size, value) for size, value in sorted(times.items())]
        colour = f"hsl({number * 80 + 190} 70% 38%)"
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        elements.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if points:
            label(points[-1][0] + 6, points[-1][1] + 4, kind, "start", fill=colour)
    return "\n".join([*elements, "</svg>", ""])
