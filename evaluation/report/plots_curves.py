"""Plots of what an arm needs: examples, time, known interactions; and of how far its probabilities can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluation.report.names import parse_name, short_name
from evaluation.report.numbers import is_share, metric_name, scaled, seconds_text
from evaluation.report.plots import count_ticks, draw_lines, label_ends
from evaluation.report.plots_canvas import (
    BASELINE,
    INK,
    MARKERS,
    QUIET,
    SERIES,
    WIDTH,
    Margins,
    Plot,
    draw,
    text_width,
    value_axis,
)
from evaluation.report.plots_styles import looks_of
from evaluation.report.types import Estimate, Run
from evaluation.report.verdict import best_without_llm, value_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SETTINGS = ("shots", "examples", "tuning_examples")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Curve:
    name: str
    points: tuple[tuple[float, Estimate], ...]


def few_shot(run: Run) -> Plot | None:
    """The main metric against the number of examples; None where no grid of the run varies it."""
    setting, curves = next(((setting, found) for setting in _SETTINGS if (found := _curves(run, setting))), ("", []))
    if not curves:
        return None
    words = {"shots": "demonstrations in the prompt (shots)"}.get(setting, "examples that the model was tuned on")
    curves = curves[: len(SERIES)]
    rival = best_without_llm(run)

    def paint(axes: Axes) -> None:
        ends = [
            (short_name(curve.name, 30), _band(axes, run.metric, curve, place), SERIES[place])
            for place, curve in enumerate(curves)
        ]
        rival_value = None if rival is None else value_of(rival, run.metric)
        if rival is not None and rival_value is not None:
            level = scaled(run.metric, rival_value)
            axes.axhline(level, color=BASELINE, linewidth=1.4, linestyle=(0, (4, 3)))
            ends.append((short_name(rival.name, 30), level, BASELINE))
        xs = sorted({x for curve in curves for x, _ in curve.points})
        if xs[-1] > 32:
            axes.set_xscale("symlog", linthresh=1)
        axes.set_xticks(xs, [f"{x:g}" for x in xs])
        axes.minorticks_off()
        axes.set_xlabel(words)
        value_axis(axes, "y", 0 if is_share(run.metric) else 2)
        label_ends(axes, ends)

    note = f"{metric_name(run.metric)} with 95% intervals; the dashed line is the best arm without an LLM."
    return draw("few-shot", "What examples bring", note, 340, paint, Margins(left=34, right=172))


def _curves(run: Run, setting: str) -> list[_Curve]:
    groups: dict[str, list[tuple[float, Estimate]]] = {}
    for arm in run.arms:
        parsed = parse_name(arm.name)
        number, estimate = parsed.number(setting), arm.metrics.get(run.metric)
        if number is not None and estimate is not None and estimate.value is not None:
            groups.setdefault(parsed.without(setting), []).append((number, estimate))
    return [
        _Curve(name=name, points=tuple(sorted(points, key=lambda point: point[0])))
        for name, points in groups.items()
        if len(points) > 1
    ]


def _band(axes: Axes, metric: str, curve: _Curve, place: int) -> float:
    """Draws a line with its intervals; the last value."""
    values = [scaled(metric, estimate.value or 0.0) for _, estimate in curve.points]
    # Intervals of several curves at the same x would cover each other.
    for (x, estimate), value in zip(curve.points, values, strict=True):
        if estimate.low is not None and estimate.high is not None:
            bounds = scaled(metric, estimate.low), scaled(metric, estimate.high)
            axes.vlines(x, min(bounds[0], value), max(bounds[1], value), color=SERIES[place], linewidth=1.2, alpha=0.6)
    axes.plot([x for x, _ in curve.points], values, color=SERIES[place], marker=MARKERS[place])
    return values[-1]


def quality_against_latency(run: Run) -> Plot | None:
    """The main metric against the median time of a case; None without times."""
    points = [
        (arm, arm.cost.seconds_p50, scaled(run.metric, value))
        for arm in run.arms
        if arm.cost.seconds_p50 and (value := value_of(arm, run.metric)) is not None
    ]
    if not points:
        return None
    looks = looks_of(run)

    def paint(axes: Axes) -> None:
        axes.set_xscale("log")
        for arm, seconds, value in points:
            look = looks[arm.name]
            axes.plot([seconds], [value], marker=look.marker, markersize=8, color=look.colour, linestyle="")
        axes.margins(x=0.12, y=0.14)
        _time_ticks(axes)
        axes.set_xlabel("median time of a case")
        value_axis(axes, "y", 0 if is_share(run.metric) else 2)
        wanted = sorted(points, key=lambda point: not looks[point[0].name].named)
        label_points(
            axes,
            [(short_name(arm.name, 30), seconds, value, INK if arm.llm else QUIET) for arm, seconds, value in wanted],
        )

    note = f"{metric_name(run.metric)} against the wall time of the median case on this machine; up and left is better."
    return draw("latency", "Quality against time", note, 340, paint, Margins(left=34, right=14))


def _time_ticks(axes: Axes) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = axes.get_xlim()
    ticks = [10.0**power for power in range(-7, 4) if low <= 10.0**power <= high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _place: seconds_text(value * 1.0000001).replace(".0 ", " "))
    )


_BESIDE = (
    (9, 0, "left"), (-9, 0, "right"), (0, 13, "center"), (0, -13, "center"),
    (9, 10, "left"), (9, -10, "left"), (-9, 10, "right"), (-9, -10, "right"),
)  # fmt: skip
"""Offsets of a name from its point, in points, and how it is aligned there; the best place first."""


def label_points(axes: Axes, points: Sequence[tuple[str, float, float, str]]) -> None:
    """Names beside their points, where one of eight places is free; the others stay nameless: (name, x, y, colour)."""
    scale = 72 / axes.figure.dpi
    places = [axes.transData.transform((seconds, value)) * scale for _, seconds, value, _ in points]
    taken: list[tuple[float, float, float, float]] = [(x - 5, y - 5, x + 5, y + 5) for x, y in places]
    for (name, seconds, value, colour), (x, y) in zip(points, places, strict=True):
        wide = text_width(name, 11)
        for dx, dy, align in _BESIDE:
            left = x + dx - {"left": 0.0, "right": wide, "center": wide / 2}[align]
            box = (left, y + dy - 7, left + wide, y + dy + 7)
            if box[0] < 30 or box[2] > WIDTH - 2 or any(_overlap(box, other) for other in taken):
                continue
            taken.append(box)
            axes.annotate(
                name, (seconds, value), (dx, dy), textcoords="offset points", ha=align, va="center", fontsize=11,
                color=colour, parse_math=False,
            )  # fmt: skip
            break


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def scarcity(runs: Sequence[Run]) -> Plot | None:
    """The main metric against the known interactions of several runs; None unless they know different amounts."""
    known = [run for run in runs if run.known_interactions is not None and run.metric == runs[0].metric]
    known.sort(key=lambda run: run.known_interactions or 0)
    xs = sorted({run.known_interactions or 0 for run in known})
    if len(xs) < 2:
        return None
    metric, richest = known[0].metric, known[-1]

    def paint(axes: Axes) -> None:
        axes.set_xscale("symlog", linthresh=max(1.0, next(x for x in xs if x > 0) / 4), linscale=0.4)
        lines = {
            name: [math.nan if (value := _value_at(known, x, name)) is None else scaled(metric, value) for x in xs]
            for name in (arm.name for arm in richest.arms)
        }
        for name, look in looks_of(richest).items():
            if look.named:
                bands = [_bounds(metric, _estimate_at(known, x, name)) for x in xs]
                lows, highs = [low for low, _ in bands], [high for _, high in bands]
                axes.fill_between(xs, lows, highs, color=look.colour, alpha=0.13, linewidth=0)
        draw_lines(axes, richest, xs, lines)
        count_ticks(axes, xs)
        axes.set_xlabel("interactions known")
        value_axis(axes, "y", 0 if is_share(metric) else 2)

    note = (
        f"{metric_name(metric)} by how many interactions the arms may know, over {len(xs)} amounts; the shades are 95% "
        "intervals of each arm by itself, which are wider than those of the paired differences in the tables."
    )
    return draw("scarcity", "Where data is scarce", note, 380, paint, Margins(left=34, right=172))


def _value_at(runs: Sequence[Run], known: int, name: str) -> float | None:
    estimate = _estimate_at(runs, known, name)
    return None if estimate is None else estimate.value


def _estimate_at(runs: Sequence[Run], known: int, name: str) -> Estimate | None:
    arms = (arm for run in runs if run.known_interactions == known for arm in run.arms if arm.name == name)
    return next((arm.metrics.get(runs[0].metric) for arm in arms), None)


def _bounds(metric: str, estimate: Estimate | None) -> tuple[float, float]:
    """Of the interval, as drawn; not a number where there is none."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return math.nan, math.nan
    return scaled(metric, estimate.low), scaled(metric, estimate.high)


def calibration(run: Run) -> Plot | None:
    """Observed share against predicted probability; None where no arm gives probabilities."""
    arms = [arm for arm in run.arms if arm.calibration]
    if not arms:
        return None
    looks = looks_of(run)
    shown = [arm for arm in arms if looks[arm.name].named] or arms

    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=BASELINE, linewidth=1.2, linestyle=(0, (4, 3)))
        ends = []
        for arm in shown:
            look = looks[arm.name]
            xs, ys = [part.predicted for part in arm.calibration], [part.observed for part in arm.calibration]
            axes.plot(xs, ys, color=look.colour, marker=look.marker, linewidth=look.width)
            ends.append((short_name(arm.name, 30), ys[-1], look.colour))
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("predicted probability")
        value_axis(axes, "y", 1)
        label_ends(axes, ends)

    note = "Share of positive labels by predicted probability; on the dashed line the probabilities can be trusted."
    return draw("calibration", "Calibration", note, 340, paint, Margins(left=34, right=172))
