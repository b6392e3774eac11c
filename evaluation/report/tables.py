"""The report's tables as text cells, the same for HTML and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.report.numbers import (
    DASH,
    count_text,
    interval,
    metric_name,
    p_text,
    plain_text,
    seconds_text,
    shown,
    signed,
)
from evaluation.report.types import Arm, Difference, Estimate, Run
from evaluation.report.verdict import best_arm, value_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One cell."""

    text: str
    note: str = ""
    """Said smaller: an interval, a count of undefined values."""
    best: bool = False
    """The best of its column or row."""
    tag: str = ""
    """A label beside the text, such as "LLM"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table whose first column names its rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str = ""
    """What to say where there are no rows."""


def results(run: Run) -> Table:
    """Arms by metrics, best first, with the difference to the baseline, its corrected p, n and what the arm costs."""
    arms = ranked(run)
    best = {metric: _best(run, metric, [value_of(arm, metric) for arm in arms]) for metric in run.metrics}
    has_llm = any(arm.llm for arm in arms)
    columns = ["arm", *(metric_name(metric) for metric in run.metrics)]
    if run.baseline is not None:
        columns += [f"{metric_name(run.metric)} minus {run.baseline}", "p (Holm)"]
    columns += ["n", *(["prompt tokens"] if has_llm else []), *(["time p50"] if run.has_costs else [])]
    rows = []
    for arm in arms:
        cells = [name_cell(run, arm)]
        cells += [value_cell(metric, arm.metrics.get(metric), best=best[metric]) for metric in run.metrics]
        if run.baseline is not None:
            cells += difference_cells(run, arm)
        cells.append(Cell(text=count_text(arm.n)))
        if has_llm:
            cells.append(Cell(text=count_text(arm.cost.prompt_tokens)))
        if run.has_costs:
            cells.append(Cell(text=seconds_text(arm.cost.seconds_p50)))
        rows.append(tuple(cells))
    return Table(columns=tuple(columns), rows=tuple(rows), empty="The run has no arms.")


def ranked(run: Run) -> list[Arm]:
    """The arms, best main metric first; those without a value last."""
    sign = -1.0 if run.higher_is_better.get(run.metric, True) else 1.0

    def place(arm: Arm) -> tuple[float, str]:
        value = value_of(arm, run.metric)
        return (float("inf") if value is None else sign * value, arm.name)

    return sorted(run.arms, key=place)


def name_cell(run: Run, arm: Arm) -> Cell:
    """The arm's name, marked as baseline or LLM."""
    return Cell(text=arm.name, tag="baseline" if arm.name == run.baseline else "LLM" if arm.llm else "")


def value_cell(metric: str, estimate: Estimate | None, *, best: float | None = None) -> Cell:
    """A value with its interval, and how many cases are undefined; marked if it is the best one."""
    if estimate is None:
        return Cell(text=DASH)
    notes = [interval(metric, estimate.low, estimate.high)]
    if estimate.undefined:
        notes.append(f"{count_text(estimate.undefined)} undefined")
    note = ", ".join(note for note in notes if note)
    return Cell(
        text=shown(metric, estimate.value), note=note, best=estimate.value is not None and estimate.value == best
    )


def difference_cells(run: Run, arm: Arm) -> list[Cell]:
    """The difference of the main metric to the baseline, and its corrected p."""
    difference = arm.differences.get(run.metric)
    if difference is None:
        return [Cell(text=DASH), Cell(text=DASH)]
    return [difference_cell(run.metric, difference), Cell(text=p_text(difference.p_holm))]


def difference_cell(metric: str, difference: Difference) -> Cell:
    """A difference with its interval."""
    return Cell(text=signed(metric, difference.value), note=interval(metric, difference.low, difference.high))


def slices(run: Run) -> Table:
    """The main metric by slice, one column an arm, the best of each slice marked."""
    arms = ranked(run)
    names: dict[tuple[str, str], int] = {}
    for arm in arms:
        for part in arm.slices:
            key = (part.kind, part.name)
            names[key] = max(names.get(key, 0), part.n)
    rows = []
    for (kind, name), n in names.items():
        found = [
            next((part.metrics.get(run.metric) for part in arm.slices if (part.kind, part.name) == (kind, name)), None)
            for arm in arms
        ]
        best = _best(run, run.metric, [None if estimate is None else estimate.value for estimate in found])
        cells = [value_cell(run.metric, estimate, best=best) for estimate in found]
        rows.append((Cell(text=name, tag=kind if kind == "scenario" else ""), Cell(text=count_text(n)), *cells))
    columns = ("slice", "n", *(arm.name for arm in arms))
    return Table(columns=columns, rows=tuple(rows), empty="The run has no slices.")


def ceiling(run: Run) -> Table:
    """How far any order of the candidates could go; no rows where every target is among the candidates."""
    rows = []
    for arm in ranked(run):
        found = arm.ceiling
        if found is None or found.found == found.n:
            continue
        best = found.metrics.get(run.metric)
        rows.append(
            (
                name_cell(run, arm),
                Cell(text=f"{count_text(found.found)} of {count_text(found.n)}"),
                Cell(text=shown("recall", found.recall)),
                Cell(text=shown(run.metric, best)),
                Cell(text=shown(run.metric, value_of(arm, run.metric))),
            )
        )
    name = metric_name(run.metric)
    columns = ("arm", "targets among the candidates", "recall", f"{name} if they stood first", name)
    return Table(columns=columns, rows=tuple(rows))


def costs(run: Run) -> Table:
    """Calls, tokens, operations and times per case; no rows where nothing is known."""
    rows = [
        (
            name_cell(run, arm),
            Cell(text=plain_text(arm.cost.model_calls, 1)),
            Cell(text=count_text(arm.cost.prompt_tokens)),
            Cell(text=count_text(arm.cost.completion_tokens)),
            Cell(text=DASH if arm.cost.flops is None else f"{arm.cost.flops / 1e9:,.1f}"),
            Cell(text=seconds_text(arm.cost.seconds_p50)),
            Cell(text=seconds_text(arm.cost.seconds_p95)),
        )
        for arm in ranked(run)
        if arm.cost.prompt_tokens is not None or arm.cost.seconds_p50 is not None
    ]
    columns = ("arm", "model calls", "prompt tokens", "tokens written", "GFLOP", "time p50", "time p95")
    return Table(columns=columns, rows=tuple(rows), empty="The run stored no times and has no LLM arm.")


def overview(runs: Sequence[Run]) -> Table:
    """One row a run: its best arms with and without an LLM."""
    rows = []
    for run in runs:
        llm = best_arm(run, [arm for arm in run.arms if arm.llm])
        plain = best_arm(run, [arm for arm in run.arms if not arm.llm])
        difference = None if llm is None or plain is None else llm.against.get(plain.name)
        rows.append(
            (
                Cell(text=run.name),
                Cell(text=run.dataset),
                Cell(text=count_text(run.known_interactions)),
                Cell(text=count_text(run.cases)),
                Cell(text=metric_name(run.metric)),
                *_best_cells(run, plain),
                *_best_cells(run, llm),
                Cell(text=DASH) if difference is None else difference_cell(run.metric, difference),
                Cell(text=DASH if difference is None else p_text(difference.p_holm)),
            )
        )
    columns = (
        "run", "data", "known interactions", "n", "metric", "best without LLM", "value", "best with LLM", "value",
        "difference", "p (Holm)",
    )  # fmt: skip
    return Table(columns=columns, rows=tuple(rows))


def _best_cells(run: Run, arm: Arm | None) -> tuple[Cell, Cell]:
    if arm is None:
        return Cell(text=DASH), Cell(text=DASH)
    return Cell(text=arm.name), value_cell(run.metric, arm.metrics.get(run.metric))


def _best(run: Run, metric: str, values: Sequence[float | None]) -> float | None:
    """The value to mark, wherever it stands; None where it would tell nothing apart."""
    known = {value for value in values if value is not None}
    if len(known) < 2:
        return None
    return max(known) if run.higher_is_better.get(metric, True) else min(known)
