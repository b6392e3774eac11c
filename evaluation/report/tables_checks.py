"""Tables of what else is to be known of an arm: its biases, its contract, and where its numbers are undefined."""

from __future__ import annotations

from evaluation.report.numbers import DASH, count_text, metric_name, plain_text, shown
from evaluation.report.tables import Cell, Table, name_cell, ranked
from evaluation.report.types import Run


def probes(run: Run) -> Table:
    """How far an arm's order changes when something changes that should not matter; two columns a change."""
    changes = list(dict.fromkeys(probe.change for arm in run.arms for probe in arm.probes))
    rows = []
    for arm in ranked(run):
        found = {probe.change: probe for probe in arm.probes}
        if not found:
            continue
        cells = [name_cell(run, arm)]
        for change in changes:
            probe = found.get(change)
            cells += [
                Cell(text=DASH if probe is None else plain_text(probe.tau)),
                Cell(text=DASH if probe is None else shown("accuracy", probe.same_first)),
            ]
        cells.append(Cell(text=count_text(max(probe.n for probe in arm.probes))))
        rows.append(tuple(cells))
    columns = ["arm"]
    for change in changes:
        columns += [f"{change}: tau", f"{change}: same first item, %"]
    empty = "The run has no scenario that shuffles candidates or history."
    return Table(columns=(*columns, "n"), rows=tuple(rows), empty=empty)


def contract(run: Run) -> Table:
    """How the LLM arms kept to their task, and any other arm that did not."""
    rows = []
    for arm in ranked(run):
        found = arm.contract
        if found is None or (not arm.llm and found.clean == found.n):
            continue
        counts = (found.missing, found.duplicate, found.invented, found.repaired, found.fell_back)
        rows.append(
            (
                name_cell(run, arm),
                Cell(text=count_text(found.n)),
                Cell(text=count_text(found.clean)),
                *(Cell(text=count_text(count)) for count in counts),
            )
        )
    columns = ("arm", "cases", "clean", "missing", "duplicate", "invented", "repaired", "fell back")
    return Table(columns=columns, rows=tuple(rows), empty="Every arm kept to its task in every case.")


def undefined(run: Run) -> Table:
    """Metrics that some cases could not give a value of."""
    rows = [
        (
            name_cell(run, arm),
            Cell(text=metric_name(metric)),
            Cell(text=count_text(arm.metrics[metric].undefined)),
            Cell(text=count_text(arm.metrics[metric].n)),
        )
        for arm in ranked(run)
        for metric in run.metrics
        if metric in arm.metrics and arm.metrics[metric].undefined
    ]
    columns = ("arm", "metric", "undefined", "defined")
    return Table(columns=columns, rows=tuple(rows), empty="Every metric is defined for every case.")


def beyond(run: Run) -> Table:
    """What the first items look like, apart from being right."""
    rows = []
    k = 10
    for arm in ranked(run):
        found = arm.popularity
        if found is None:
            continue
        k = found.k
        rows.append(
            (
                name_cell(run, arm),
                Cell(text=plain_text(found.log_popularity)),
                Cell(text=plain_text(found.target_log_popularity)),
                Cell(text=plain_text(found.gini, 3)),
                Cell(text=shown("accuracy", found.coverage)),
                Cell(text=plain_text(found.novelty)),
                Cell(text=plain_text(found.diversity, 3)),
            )
        )
    columns = (
        "arm", f"ln popularity, top {k}", "ln popularity, targets", "Gini", "catalogue coverage, %", "novelty, bits",
        "diversity",
    )  # fmt: skip
    return Table(columns=columns, rows=tuple(rows), empty="The arms have no ranked lists.")
