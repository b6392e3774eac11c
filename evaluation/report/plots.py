"""Plots of how good the arms are: differences, cut-offs, position of the target, popularity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluation.report.names import short_name
from evaluation.report.numbers import (
    base_of,
    count_text,
    cutoff_of,
    difference_text,
    is_share,
    metric_name,
    plain_text,
    scaled,
)
from evaluation.report.plots_canvas import (
    BASELINE,
    GRID,
    INK,
    PAPER,
    Margins,
    Plot,
    draw,
    spread,
    value_axis,
    write,
)
from evaluation.report.plots_styles import looks_of
from evaluation.report.types import Arm, Difference, Run
from evaluation.report.verdict import SIGNIFICANT, value_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW = 38.0
_MAX_NAMED = 12
"""Lines of a plot that are all named at their ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForestRow:
    """One difference."""

    name: str
    difference: Difference
    colour: str


def forest(run: Run) -> Plot | None:
    """Differences of the main metric to the baseline with their intervals; None where there are none."""
    looks = looks_of(run)
    rows = [
        ForestRow(name=arm.name, difference=arm.differences[run.metric], colour=looks[arm.name].colour)
        for arm in run.arms
        if run.metric in arm.differences
    ]
    note = (
        f"Paired difference to {run.baseline} with its 95% interval. Filled: significant after Holm's correction. "
        "In colour: arms with an LLM."
    )
    name = metric_name(run.metric)
    axis = f"{name} minus that of {short_name(run.baseline or '')}"
    return forest_of(rows, run.metric, title=f"Difference to the baseline in {name}", note=note, axis=axis)


def forest_of(rows: Sequence[ForestRow], metric: str, *, title: str, note: str, axis: str) -> Plot | None:
    """A forest plot, the largest difference at the top; None where no difference is defined."""
    known = [row for row in rows if row.difference.value is not None]
    if not known:
        return None
    known.sort(key=lambda row: (row.difference.value or 0.0, row.name))

    def paint(axes: Axes) -> None:
        for place, row in enumerate(known):
            _forest_row(axes, metric, place, row)
        axes.axvline(0, color=BASELINE, linewidth=1.4, zorder=1)
        axes.set_ylim(-0.5, len(known) - 0.25)
        axes.set_yticks([])
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(axis, parse_math=False)
        digits = 1 if is_share(metric) else 3
        low, high = axes.get_xlim()
        # Where nothing differs, an axis of less than a few steps would show the same number over and over.
        least = 2 * 10.0**-digits
        axes.set_xlim(min(low, -least), max(high, least))
        value_axis(axes, "x", digits)

    return draw("forest", title, note, _ROW * len(known) + 54, paint, Margins(left=12, right=12, top=4))


def _forest_row(axes: Axes, metric: str, place: int, row: ForestRow) -> None:
    difference, colour = row.difference, row.colour
    value = scaled(metric, difference.value or 0.0)
    if difference.low is not None and difference.high is not None:
        bounds = scaled(metric, difference.low), scaled(metric, difference.high)
        axes.hlines(place, *bounds, color=colour, linewidth=2.4)
    p = difference.p if difference.p_holm is None else difference.p_holm
    face = colour if p is not None and p < SIGNIFICANT else PAPER
    axes.plot(
        [value], [place], marker="o", markersize=8, color=colour, markerfacecolor=face, markeredgewidth=2, zorder=3
    )
    # The name stands above its interval, not beside it: long names would leave no room for the intervals.
    write(axes, 0, place + 0.36, short_name(row.name, 40))
    write(axes, 1, place + 0.36, difference_text(metric, difference), quiet=True, right=True)


def by_cutoff(run: Run) -> Plot | None:
    """A ranking metric by k, one line an arm; None where the run has fewer than two cut-offs of it."""
    family = base_of(run.metric)
    found = sorted((cutoff_of(name) or 0, name) for name in run.metrics if base_of(name) == family and cutoff_of(name))
    if len(found) < 2:
        return None
    title = f"{metric_name(family)}@k by k"
    cutoffs = [k for k, _ in found]

    def paint(axes: Axes) -> None:
        lines = {arm.name: [_scaled(arm, name) for _, name in found] for arm in run.arms}
        draw_lines(axes, run, range(len(cutoffs)), lines)
        axes.set_xticks(range(len(cutoffs)), [str(k) for k in cutoffs])
        axes.set_xlabel("k")
        value_axis(axes, "y", 0 if is_share(family) else 2)

    note = f"{metric_name(family)}, times 100. In colour: arms with an LLM; the other grey lines are the table's rows."
    return draw("by-k", title, note, 360, paint, Margins(left=34, right=172))


def by_position(run: Run) -> Plot | None:
    """The main metric by the target's place in the list as shown; a flat line is an arm that does not mind."""
    arms = [arm for arm in run.arms if any(bucket.estimate.value is not None for bucket in arm.positions)]
    if not arms:
        return None
    metric = arms[0].position_metric or run.metric
    places = [f"{bucket.first * 100:.0f}–{bucket.last * 100:.0f}%" for bucket in arms[0].positions]
    looks = looks_of(run)
    shown = [arm for arm in arms if looks[arm.name].named] or arms

    def paint(axes: Axes) -> None:
        lines = {
            arm.name: [
                math.nan if bucket.estimate.value is None else scaled(metric, bucket.estimate.value)
                for bucket in arm.positions
            ]
            for arm in shown
        }
        draw_lines(axes, run, range(len(places)), lines)
        axes.set_xticks(range(len(places)), [f"{bucket.last * 100:.0f}%" for bucket in arms[0].positions])
        axes.set_xlabel("target's place among the candidates, up to")
        value_axis(axes, "y", 0 if is_share(metric) else 2)

    fewest = min((bucket.estimate.n for arm in shown for bucket in arm.positions), default=0)
    note = (
        f"{metric_name(metric)} by where the target stood in the prompt's list; a level line is an arm without "
        f"position bias. At least {fewest} cases a point."
    )
    return draw("position", "Position bias", note, 340, paint, Margins(left=34, right=172))


def popularity(run: Run) -> Plot | None:
    """How popular the first items are against the targets, one row an arm."""
    rows = [
        (arm, arm.popularity)
        for arm in run.arms
        if arm.popularity is not None and arm.popularity.log_popularity is not None
    ]
    if not rows:
        return None
    rows.sort(key=lambda row: (-(row[1].log_popularity or 0.0), row[0].name), reverse=True)
    looks = looks_of(run)
    target = next((found.target_log_popularity for _, found in rows if found.target_log_popularity is not None), None)

    def paint(axes: Axes) -> None:
        for place, (arm, found) in enumerate(rows):
            colour, value = looks[arm.name].colour, math.expm1(found.log_popularity or 0.0)
            if target is not None:
                axes.plot([value, math.expm1(target)], [place, place], color=GRID, linewidth=3)
            axes.plot([value], [place], marker="o", markersize=8, color=colour)
            write(axes, 0, place + 0.36, short_name(arm.name, 40))
            write(axes, 1, place + 0.36, f"Gini {plain_text(found.gini)}", quiet=True, right=True)
        if target is not None:
            axes.axvline(math.expm1(target), color=BASELINE, linewidth=1.4, linestyle=(0, (4, 3)), zorder=1)
        axes.set_xscale("symlog", linthresh=1)
        axes.set_ylim(-0.5, len(rows) - 0.25)
        axes.set_yticks([])
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("known interactions of an item (geometric mean)")
        count_ticks(axes)

    note = (
        f"Typical popularity of the first {rows[0][1].k} items; the dashed line is that of the targets. "
        "Gini: 0 recommends all items alike, 1 one item only."
    )
    return draw("popularity", "Popularity bias", note, _ROW * len(rows) + 54, paint, Margins(left=12, right=16, top=4))


def count_ticks(axes: Axes, values: Sequence[float] | None = None) -> None:
    """A log axis of counts with plain numbers, 0 among them."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = axes.get_xlim() if values is None else (min(values), max(values))
    # Below a symmetric logarithm's threshold the steps stand too close to be told apart.
    first = getattr(axes.xaxis.get_transform(), "linthresh", 0.0)
    ticks: list[float] = []
    # The finest steps that do not crowd the axis.
    for steps in ((1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [
            step * 10.0**power for power in range(9) for step in steps if max(low, first) <= step * 10.0**power <= high
        ]
        if len(ticks) <= (6 if values is None else 4):
            break
    if low <= 0:
        ticks.insert(0, 0)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: count_text(value)))


def draw_lines(axes: Axes, run: Run, xs: Sequence[float], lines: Mapping[str, Sequence[float]]) -> None:
    """One line an arm with its name at its right end; without a colour it is grey, and nameless if there are many."""
    looks = looks_of(run)
    all_named = len(lines) <= _MAX_NAMED
    ends: list[tuple[str, float]] = []
    for name in sorted(lines, key=lambda name: looks[name].named):
        look, values = looks[name], lines[name]
        axes.plot(
            xs, values, color=look.colour, linewidth=look.width, marker=look.marker if look.named else "",
            zorder=3 if look.named else 2,
        )  # fmt: skip
        last = next((value for value in reversed(values) if not math.isnan(value)), None)
        if (look.named or all_named) and last is not None:
            ends.append((name, last))
    label_ends(axes, [(short_name(name, 30), value, looks[name].colour) for name, value in ends])


def label_ends(axes: Axes, ends: Sequence[tuple[str, float, str]]) -> None:
    """Names at the right of the axes, each at its line's end as far as they do not overlap: (name, value, colour)."""
    low, high = axes.get_ylim()
    gap = (high - low) * 16 / (axes.get_window_extent().height * 72 / axes.figure.dpi)
    placed = spread([value for _, value, _ in ends], gap, low, high)
    across = axes.get_yaxis_transform()
    for (name, value, colour), at in zip(ends, placed, strict=True):
        axes.plot([1.0, 1.03], [value, at], transform=across, clip_on=False, color=colour, linewidth=1, marker="")
        axes.text(1.04, at, name, transform=across, va="center", color=INK, fontsize=11)
    axes.set_ylim(low, high)


def _scaled(arm: Arm, metric: str) -> float:
    value = value_of(arm, metric)
    return math.nan if value is None else scaled(metric, value)
