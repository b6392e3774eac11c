"""What a finished run shows in the terminal: a row an arm, its metrics, and its difference to the baseline."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from evaluation.metrics.shape import AggregateDict, ArmDict, ComparisonDict

_SHOWN_METRICS = 4


def results_table(aggregates: AggregateDict, arms: list[str], title: str) -> Table:
    """One row per arm in the given order; the difference is on the first metric. Undefined numbers show as a dash."""
    metrics = aggregates["metrics"][:_SHOWN_METRICS]
    table = Table(title=escape(title), title_justify="left")
    table.add_column("arm", overflow="fold")
    for metric in metrics:
        table.add_column(metric, justify="right")
    baseline, main = aggregates["baseline"], _main(aggregates)
    if baseline is not None:
        table.add_column(f"{main} − {escape(baseline)} [95%]", justify="right", no_wrap=True)
        table.add_column("p (Holm)", justify="right")
    table.add_column("n", justify="right")
    for name in arms:
        arm = aggregates["arms"][name]
        row = [escape(name), *(_number(arm["metrics"][metric]["value"]) for metric in metrics)]
        if baseline is not None:
            row += _compared(arm, main)
        table.add_row(*row, str(arm["n"]))
    return table


def more_metrics(aggregates: AggregateDict) -> int:
    """How many metrics the table leaves out."""
    return max(0, len(aggregates["metrics"]) - _SHOWN_METRICS)


def _main(aggregates: AggregateDict) -> str:
    shown = aggregates["metrics"]
    return "ndcg@10" if "ndcg@10" in shown else shown[0]


def _compared(arm: ArmDict, metric: str) -> list[str]:
    found: ComparisonDict | None = arm["comparisons"].get(metric)
    if found is None or found["difference"] is None:
        return ["—", "—"]
    difference = f"{found['difference']:+.4f}"
    if found["low"] is not None and found["high"] is not None:
        difference += f" [{found['low']:+.4f} to {found['high']:+.4f}]".replace("[", r"\[")
    return [difference, _number(found["p_holm"])]


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.4f}"
