"""The table and the plot of what models of different sizes are worth and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evaluation.report.numbers import count_text, interval, metric_name, p_text, shown, signed
from evaluation.report.plots import count_ticks
from evaluation.report.plots_canvas import INK, MARKERS, SERIES, Margins, Plot, draw, value_axis
from evaluation.report.plots_curves import label_points
from evaluation.report.tables import Cell, Table
from evaluation.statistics.compare import compare_many, holm
from evaluation.statistics.error_bars import Estimate, Values, estimates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_METRIC = "ndcg@10"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One arm."""

    name: str
    ndcgs: Values
    """NDCG@10 by list, mean over the seeds."""
    seconds: Values
    """Wall time of one list, by list; of fewer lists."""
    megabytes: float
    parameters: int

    @property
    def milliseconds(self) -> float:
        """Of the median list."""
        return float(np.median(self.seconds)) * 1000


def table(rows: Sequence[Row]) -> Table:
    """One row an arm, in their order, with the paired difference to the first."""
    found, rest = _estimates(rows), rows[1:]
    compared = compare_many([row.ndcgs for row in rest], [rows[0].ndcgs] * len(rest), seed=0)
    corrected = holm([one.p for one in compared])
    differences = [(Cell(text="–"), Cell(text="–"))]
    for one, p in zip(compared, corrected, strict=True):
        note = interval(_METRIC, one.low, one.high)
        differences.append((Cell(text=signed(_METRIC, one.difference), note=note), Cell(text=p_text(p))))
    name = metric_name(_METRIC)
    columns = (
        "arm", f"{name} × 100, n = {len(rows[0].ndcgs)}", f"minus {rows[0].name}", "p (Holm)",
        f"ms a list, p50 of {len(rows[0].seconds)}", "p95", f"of the time of {rows[0].name}", "MB", "parameters",
    )  # fmt: skip
    cells = [
        (
            Cell(text=row.name),
            Cell(text=shown(_METRIC, one.value), note=interval(_METRIC, one.low, one.high)),
            *difference,
            Cell(text=f"{row.milliseconds:,.0f}"),
            Cell(text=f"{1000 * np.percentile(row.seconds, 95):,.0f}"),
            Cell(text=f"{np.median(row.seconds / rows[0].seconds):.2f}"),
            Cell(text=f"{row.megabytes:,.0f}"),
            Cell(text=f"{count_text(row.parameters / 1e6)} M"),
        )
        for row, one, difference in zip(rows, found, differences, strict=True)
    ]
    return Table(columns=columns, rows=tuple(cells))


def plot(rows: Sequence[Row]) -> Plot:
    """Quality against the time of the median list, with intervals; a mark is as large as the weights in memory."""
    found = _estimates(rows)

    def paint(axes: Axes) -> None:
        axes.set_xscale("log")
        named = []
        for place, (row, one) in enumerate(zip(rows, found, strict=True)):
            value, colour = 100 * (one.value or 0.0), SERIES[place % len(SERIES)]
            if one.low is not None and one.high is not None:
                axes.vlines(row.milliseconds, 100 * one.low, 100 * one.high, color=colour, linewidth=1.2, alpha=0.6)
            marker = MARKERS[(place + place // len(SERIES)) % len(MARKERS)]
            size = row.megabytes**0.5 / 2
            axes.plot([row.milliseconds], [value], marker=marker, markersize=size, color=colour, linestyle="")
            named.append((row.name, row.milliseconds, value, INK))
        axes.margins(x=0.7, y=0.1)
        count_ticks(axes)
        axes.set_xlabel("milliseconds a list of 20 candidates (median)")
        value_axis(axes, "y", 0)
        label_points(axes, named)

    note = (
        f"{metric_name(_METRIC)} × 100 with 95% intervals against the wall time of the median list on this machine; up "
        "and left is better. The area of a mark is as the megabytes of the weights in memory."
    )
    return draw("model-size", "Quality against time and memory", note, 460, paint, Margins(left=34, right=14))


def _estimates(rows: Sequence[Row]) -> list[Estimate]:
    return estimates([row.ndcgs for row in rows], seed=0)
