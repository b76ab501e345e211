"""Small pictures as SVG text: no library, no script, colours from the page's variables so that dark mode works.

Every picture has a ``<title>`` for screen readers; all text is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

W, H = 560, 240
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 24, 34
DAY = 86_400  #: seconds


def esc(text: object) -> str:
    """Text that is safe between tags and inside quotes."""
    return html.escape(str(text), quote=True)


def svg(body: str, title: str, width: int = W, height: int = H, extra: str = "") -> str:
    """A picture that scales to the width it is given."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{esc(title)}" {extra}><title>{esc(title)}</title>{body}</svg>'
    )


def bars(shares: Sequence[tuple[str, float]], title: str = "share of the score") -> str:
    """Horizontal bars of (name, share from 0 to 1); stands alone, with colours of its own."""
    body = []
    for i, (name, share) in enumerate(shares):
        y = 8 + 26 * i
        body.append(
            f'<text x="196" y="{y + 14}" text-anchor="end" font-size="12" fill="currentColor">{esc(name)}</text>'
        )
        body.append(f'<rect x="204" y="{y + 2}" width="{max(1.0, 290 * share):.1f}" height="16" fill="#c8372d"/>')
        body.append(
            f'<text x="{210 + 290 * share:.1f}" y="{y + 14}" font-size="12" fill="currentColor">{share:.0%}</text>'
        )
    return svg("".join(body), title, W, 16 + 26 * max(1, len(shares)), 'font-family="system-ui,sans-serif"')


class Axes:
    """Data -> pixels, and the frame with its ticks."""

    def __init__(self, xs: tuple[float, float], ys: tuple[float, float], width: int = W, height: int = H) -> None:
        self.x0, self.x1 = xs if xs[1] > xs[0] else (xs[0] - 0.5, xs[0] + 0.5)
        self.y0, self.y1 = ys if ys[1] > ys[0] else (ys[0] - 0.5, ys[0] + 0.5)
        self.width, self.height = width, height

    def x(self, value: float) -> float:
        return round(LEFT + (value - self.x0) / (self.x1 - self.x0) * (self.width - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(self.height - BOTTOM - (value - self.y0) / (self.y1 - self.y0) * (self.height - TOP - BOTTOM), 1)

    def frame(self, xlabel: str, ylabel: str, ticks: int = 4, say: Callable[[float], str] | None = None) -> str:
        """Lines, ticks and labels."""
        low, base = self.y(self.y0), self.height
        across, upright = np.linspace(self.x0, self.x1, ticks + 1), np.linspace(self.y0, self.y1, ticks + 1)
        parts = [f'<path class="ax" d="M{LEFT} {TOP}V{low}H{self.width - RIGHT}"/>']
        parts += [
            f'<text class="tk" x="{self.x(v)}" y="{low + 14}" text-anchor="{"end" if k == ticks else "middle"}">'
            f"{told}</text>"
            for k, (v, told) in enumerate(zip(across, _apart(across, say or short)))
        ]
        parts += [
            f'<text class="tk" x="{LEFT - 5}" y="{self.y(v) + 3}" text-anchor="end">{told}</text>'
            for v, told in zip(upright, _apart(upright, short))
        ]
        parts.append(f'<text class="lb" x="{self.width - RIGHT}" y="{base - 4}" text-anchor="end">{esc(xlabel)}</text>')
        parts.append(f'<text class="lb" x="2" y="10">{esc(ylabel)}</text>')
        return "".join(parts)

    def line(self, x: Sequence[float], y: Sequence[float], name: str = "a") -> str:
        points = " ".join(f"{self.x(a)},{self.y(b)}" for a, b in zip(x, y))
        return f'<polyline class="ln {name}" points="{points}"/>'


def short(value: float) -> str:
    """A tick's number in few characters."""
    size = abs(value)
    if size >= 1e9 or (0 < size < 1e-3):
        return f"{value:.0e}"
    if size >= 1e6:
        return f"{value / 1e6:.3g}M"
    if size >= 1e4:
        return f"{value / 1e3:.3g}k"
    return f"{value:,.0f}" if size >= 1e3 else f"{value:.3g}"


def _apart(values: np.ndarray, say: Callable[[float], str]) -> list[str]:
    """Ticks in few characters, in more where some would read the same."""
    told = [say(float(v)) for v in values]
    return told if len(set(told)) == len(told) else [exact(float(values[1] - values[0]))(float(v)) for v in values]


def exact(step: float) -> Callable[[float], str]:
    """What writes numbers that are ``step`` apart so that they differ."""
    if not 1e-6 < step < 1e9:
        return lambda value: f"{value:.6g}"
    digits = max(0, 1 - int(np.floor(np.log10(step))))
    return lambda value: f"{value:,.{digits}f}"


def moment(step: float) -> Callable[[float], str]:
    """What writes seconds since 1970 that are ``step`` seconds apart: as dates, with the time where days hold many."""
    shown = slice(10) if step >= DAY else slice(5, 16) if step >= 60 else slice(11, 19)
    return lambda seconds: str(np.datetime64(int(seconds), "s"))[shown].replace("T", " ")


def histogram(
    counts: Sequence[int], edges: Sequence[float], title: str, xlabel: str, ylabel: str,
    marks: Sequence[float] = (), counts_marked: Sequence[int] = (), extra: str = "", width: int = W, height: int = H,
    power: bool = False, dates: bool = False,
) -> str:  # fmt: skip
    """Bars of counts (bins,) between edges (bins + 1,), on a square-root scale so that few rows are seen.

    marks: values that get a tick below the axis. counts_marked: (bins,) of the anomalies, drawn over the others.
    power: edges are powers of ten. dates: edges are seconds since 1970.
    """
    axes = Axes((edges[0], edges[-1]), (0.0, float(np.sqrt(max([*counts, 1])))), width, height)
    step, kind = float(edges[1] - edges[0]), moment if dates else exact
    ticks = (lambda v: short(10**v)) if power else moment(10 * step) if dates else short
    say = ticks if power else kind(step)
    body = []
    for values, name in ((counts, "bar"), (counts_marked, "bar hot")):
        for i, count in enumerate(values):
            if count:
                x, y = axes.x(edges[i]), axes.y(float(np.sqrt(count)))
                wide = max(1.0, round(axes.x(edges[i + 1]) - x - 0.6, 1))
                body.append(
                    f'<rect class="{name}" x="{x}" y="{y}" width="{wide}" height="{round(axes.y(0) - y, 1)}">'
                    f"<title>{say(edges[i])} .. {say(edges[i + 1])}: {count:,}</title></rect>"
                )
    for mark in marks:
        x = axes.x(min(max(mark, edges[0]), edges[-1]))
        body.append(f'<path class="mk" d="M{x} {axes.y(0)}v-7"/>')
    top = max([*counts, 1])
    frame = axes.frame(xlabel, "", 4, ticks)
    frame = (
        _without_y_ticks(frame) + f'<text class="tk" x="{LEFT - 5}" y="{TOP + 8}" text-anchor="end">{short(top)}</text>'
    )
    frame += f'<text class="lb" x="2" y="10">{esc(ylabel)}</text>'
    return svg(frame + "".join(body), title, width, height, extra)


def _without_y_ticks(frame: str) -> str:
    """The frame less the ticks of the upright axis, whose scale is not linear."""
    pieces = frame.split("<text")
    return "<text".join(p for p in pieces if f'x="{LEFT - 5}"' not in p and 'class="lb" x="2"' not in p)


def categories(names: Sequence[str], counts: Sequence[int], marked: Sequence[int], title: str, width: int = W) -> str:
    """Horizontal bars of a column's commonest values, the anomalies' share over them."""
    top = float(np.sqrt(max([*counts, 1])))
    body = []
    for i, (name, count, hot) in enumerate(zip(names, counts, marked)):
        y, room = 6 + 22 * i, width - 240
        wide, red = room * np.sqrt(count) / top, room * np.sqrt(hot) / top
        body.append(f'<text class="nm" x="150" y="{y + 13}" text-anchor="end">{esc(name)}</text>')
        body.append(
            f'<rect class="bar" x="156" y="{y + 2}" width="{wide:.1f}" height="14"><title>{count:,}</title></rect>'
        )
        if hot:
            body.append(
                f'<rect class="bar hot" x="156" y="{y + 2}" width="{red:.1f}" height="14"><title>{hot:,}</title></rect>'
            )
        body.append(
            f'<text class="tk" x="{162 + wide:.1f}" y="{y + 13}">{count:,}{f" / {hot:,}" if hot else ""}</text>'
        )
    return svg("".join(body), title, width, 14 + 22 * max(1, len(names)))


def curve(
    lines: Sequence[tuple[str, Sequence[float], Sequence[float]]], title: str, xlabel: str, ylabel: str,
    unit: bool = True, width: int = W, height: int = H,
) -> str:  # fmt: skip
    """Lines (class, x, y); ``unit``: both axes run from 0 to 1."""
    if unit:
        axes = Axes((0, 1), (0, 1), width, height)
    else:
        flat = [np.concatenate([np.asarray(line[k], float) for line in lines] or [np.zeros(1)]) for k in (1, 2)]
        axes = Axes((flat[0].min(), flat[0].max()), (flat[1].min(), flat[1].max()), width, height)
    body = "".join(axes.line(x, y, name) for name, x, y in lines)
    return svg(axes.frame(xlabel, ylabel) + body, title, width, height)


def scatter(dots: Sequence[dict[str, Any]], title: str, width: int = 720, height: int = 420) -> str:
    """Dots of x, y, hot, row and score; anomalies last, so that they lie on top."""
    xs, ys = [d["x"] for d in dots] or [0.0], [d["y"] for d in dots] or [0.0]
    axes = Axes((min(xs), max(xs)), (min(ys), max(ys)), width, height)
    body = []
    for d in sorted(dots, key=lambda d: d["hot"]):
        radius, name = (4, "dot hot") if d["hot"] else (2.5, "dot")
        at = f'cx="{axes.x(d["x"])}" cy="{axes.y(d["y"])}" r="{radius}"'
        body.append(f'<circle class="{name}" {at} data-r="{d["row"]}" data-s="{d["score"]}"/>')
    return svg("".join(body), title, width, height, 'id="map"')
