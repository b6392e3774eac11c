"""Drawing surface of the plots: SVG text that takes its colours from the page, the same bytes every time."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 440
"""Of every plot, in points. Narrow enough to stay readable on a phone, where the page scales it down."""

# Colours that stand for the page's variables: matplotlib knows no CSS, so they are swapped in the finished SVG.
INK, QUIET, GRID = "#010101", "#020202", "#030303"
BASELINE, PLAIN = "#040404", "#050505"
SERIES = ("#0a0101", "#0a0202", "#0a0303", "#0a0404", "#0a0505", "#0a0606", "#0a0707")
PAPER = "#060606"
_VARIABLES = {
    INK: "var(--ink)",
    QUIET: "var(--quiet)",
    GRID: "var(--grid)",
    BASELINE: "var(--baseline)",
    PLAIN: "var(--plain)",
    PAPER: "var(--paper)",
    **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, start=1)},
}
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_FONT = 12.0
_RC: Mapping[str, object] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "fewrec",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": _FONT,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": GRID,
    "axes.labelcolor": QUIET,
    "axes.labelsize": _FONT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "xtick.labelsize": _FONT,
    "ytick.labelsize": _FONT,
    "ytick.major.size": 0,
    "xtick.major.size": 3,
    "lines.linewidth": 2,
    "lines.markersize": 6,
    "savefig.facecolor": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A finished plot."""

    key: str
    """Unique within a run, such as "forest"."""
    title: str
    note: str
    """How to read it."""
    svg: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Margins:
    """Room around the axes, in points."""

    left: float = 44
    right: float = 14
    top: float = 10
    bottom: float = 44


def draw(
    key: str, title: str, note: str, height: float, paint: Callable[[Axes], None], margins: Margins | None = None
) -> Plot:
    """A plot that `paint` draws on one pair of axes; `height` in points. The same input gives the same bytes."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    room = margins or Margins()
    with mpl.rc_context(cast("Any", _RC)):
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        FigureCanvasSVG(figure)
        axes = figure.add_axes(
            (
                room.left / WIDTH,
                room.bottom / height,
                (WIDTH - room.left - room.right) / WIDTH,
                (height - room.top - room.bottom) / height,
            )
        )
        paint(axes)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return Plot(key=key, title=title, note=note, svg=_inlined(buffer.getvalue(), key, title))


def standalone(plot: Plot) -> str:
    """The plot as a file of its own, on white, in the colours of the report's light pages."""
    css = resources.files("evaluation.report").joinpath("page", "report.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"(--[a-z0-9-]+): (#[0-9a-f]{6})", css[: css.index("}")]))
    svg = re.sub(r"var\((--[a-z0-9-]+)\)", lambda found: colours[found.group(1)], plot.svg)
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" width="880" style="background:#fff" ', 1)


def anchored(plot: Plot, anchor: str) -> Plot:
    """The same plot with all its ids under `anchor`."""
    svg = re.sub(rf'( id="|href="#|url\(#){re.escape(plot.key)}-', rf"\g<1>{anchor}-{plot.key}-", plot.svg)
    return replace(plot, svg=svg)


def text_width(text: str, size: float = _FONT) -> float:
    """About how wide a text is, in points."""
    return len(text) * size * 0.56


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The places moved apart by at least `gap`, in the same order, as near as can be and within the bounds."""
    order = sorted(range(len(places)), key=lambda index: (places[index], index))
    placed = list(places)
    last = low - gap
    for index in order:
        last = placed[index] = max(placed[index], last + gap)
    last = high + gap
    for index in reversed(order):
        last = placed[index] = min(placed[index], last - gap)
    return placed


def write(axes: Axes, x: float, y: float, text: str, *, quiet: bool = False, right: bool = False) -> None:
    """A text at x as a share of the axes' width and y in their data, that hides the lines below it."""
    axes.text(
        x, y, text, transform=axes.get_yaxis_transform(), va="center", ha="right" if right else "left",
        color=QUIET if quiet else INK, fontsize=11 if quiet else _FONT, zorder=2.5,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip


def value_axis(axes: Axes, which: str, digits: int) -> None:
    """Numbers with a real minus sign and no more digits than needed."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    def number(value: float, _place: int) -> str:
        text = f"{value:.{digits}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text.replace("-", "−")

    axis: Any = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(number))


def _inlined(svg: str, key: str, title: str) -> str:
    """Without the XML head, with the page's colours and font, and with ids that are unique on the page."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    head = re.search(r'viewBox="([^"]*)"', body)
    box = "" if head is None else head.group(1)
    body = body[body.index(">") + 1 :]
    # Text nodes can hold anything, so only attributes are touched: those of matplotlib, in its own spelling.
    body = re.sub(r'(<[^>]* )id="([^"]+)"', rf'\1id="{key}-\2"', body)
    body = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{key}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{key}-\1)", body)
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, variable)
    body = re.sub(r"(font: [^;\"]*?px) [^;\"]*", r"\1 system-ui, sans-serif", body)
    return f'<svg viewBox="{box}" role="img" aria-label="{escape(title, quote=True)}">{body}'
