"""The reliability plot: what was taken against what was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evaluation.report.plots_canvas import QUIET, SERIES, Margins, draw, standalone
from ranking.calibration.file import Fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NOTE = "Share taken by predicted probability, in bins of equally many candidates; on the line both are equal."
_HEIGHT = 340


def reliability_plot(fits: dict[str, Fitted]) -> str:
    """An SVG with a line for each kind of score."""

    def paint(axes: Axes) -> None:
        highest = 0.0
        for colour, (name, fitted) in zip(SERIES, fits.items(), strict=False):
            xs = [one.predicted for one in fitted.quality.bins]
            ys = [one.observed for one in fitted.quality.bins]
            axes.plot(xs, ys, marker="o", color=colour, label=f"{name} ({fitted.curve.kind})")
            highest = max(highest, *xs, *ys)
        axes.plot([0, highest], [0, highest], color=QUIET, linewidth=1.2, linestyle=(0, (4, 3)))
        axes.set_xlabel("predicted probability")
        axes.set_ylabel("share taken")
        axes.legend(frameon=False)

    return standalone(draw("calibration", "Reliability", _NOTE, _HEIGHT, paint, Margins(left=64)))
