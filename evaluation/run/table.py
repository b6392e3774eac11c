"""What a finished run shows in the terminal: a row an arm, its metrics, and its difference to the baseline."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from evaluation.metrics.registry import main_metric
from evaluation.metrics.shape import AggregateDict, ArmDict
from evaluation.report.numbers import DASH, interval, metric_name, p_text, shown, signed

_WIDEST_ARM = 44
_TAKEN = 50
"""Characters that the columns beside the arms and the other metrics need."""
_METRIC = 11


def results_table(aggregates: AggregateDict, arms: list[str], title: str, width: int) -> Table:
    """One row per arm in the given order, with as many metrics as `width` characters hold.

    The first column of numbers is the metric that the difference is on. Shares of 1 are times 100. Undefined numbers
    show as a dash.
    """
    baseline, metrics = aggregates["baseline"], shown_metrics(aggregates, arms, width)
    main = metrics[0]
    beside = "" if baseline is None else f"; difference of {metric_name(main)} to {baseline}, 95% interval"
    table = Table(title=escape(f"{title}{beside}"), title_justify="left")
    table.add_column("arm", overflow="fold")
    for metric in metrics:
        table.add_column(metric_name(metric), justify="right", no_wrap=True)
    if baseline is not None:
        table.add_column("difference", justify="right", no_wrap=True)
        table.add_column("p (Holm)", justify="right", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for name in arms:
        arm = aggregates["arms"][name]
        row = [escape(name), *(shown(metric, arm["metrics"][metric]["value"]) for metric in metrics)]
        if baseline is not None:
            row += _compared(arm, main)
        table.add_row(*row, str(arm["n"]))
    return table


def shown_metrics(aggregates: AggregateDict, arms: list[str], width: int) -> list[str]:
    """The metrics that fit, the main one first."""
    main = main_metric(aggregates["metrics"])
    others = [metric for metric in aggregates["metrics"] if metric != main]
    widest = min(max(map(len, arms), default=0), _WIDEST_ARM)
    return [main, *others[: max(0, (width - _TAKEN - widest) // _METRIC)]]


def _compared(arm: ArmDict, metric: str) -> list[str]:
    found = arm["comparisons"].get(metric)
    if found is None or found["difference"] is None:
        return [DASH, DASH]
    between = interval(metric, found["low"], found["high"])
    return [signed(metric, found["difference"]) + (f" ({between})" if between else ""), p_text(found["p_holm"])]
