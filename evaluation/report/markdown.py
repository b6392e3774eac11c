"""The report as GitHub Markdown: the same tables, without plots and prompts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evaluation.report import tables, tables_checks
from evaluation.report.head import facts_of
from evaluation.report.tables import Cell, Table
from evaluation.report.types import Run
from evaluation.report.verdict import verdict_of

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#$~])")


def report_markdown(runs: Sequence[Run]) -> str:
    """The whole report."""
    parts = ["# Evaluation report", ""]
    if len(runs) > 1:
        parts += [table_markdown(tables.overview(runs)), ""]
    for run in runs:
        parts += [_run(run), ""]
    return "\n".join(parts).rstrip() + "\n"


def results_table(run: Run) -> str:
    """The main table, for a page of documentation. Values of [0, 1] are times 100, 95% intervals in brackets."""
    return table_markdown(tables.results(run))


def table_markdown(table: Table) -> str:
    """A GitHub table, or the sentence that says why there is none."""
    if not table.rows:
        return escaped(table.empty)
    head = "| " + " | ".join(escaped(column) for column in table.columns) + " |"
    rule = "|" + "|".join([" --- ", *(" ---: " for _ in table.columns[1:])]) + "|"
    rows = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join([head, rule, *rows])


def escaped(text: str) -> str:
    """The text on one line, with nothing in it that Markdown or HTML would read."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("&", "&amp;")


def _cell(cell: Cell) -> str:
    text = escaped(cell.text)
    text = f"**{text}**" if cell.best else text
    text = f"{text} ({cell.note})" if cell.note else text
    return f"{text} *{cell.tag}*" if cell.tag else text


def _run(run: Run) -> str:
    verdict = verdict_of(run)
    parts = [f"## {escaped(run.name)}", ""]
    parts += [" · ".join(f"{name}: {escaped(value)}" for name, value in facts_of(run)), ""]
    parts += [f"**{escaped(verdict.sentence)}**", "", *(escaped(detail) for detail in verdict.details), ""]
    sections = [
        ("Results", tables.results(run)),
        ("Slices", tables.slices(run)),
        ("What the first items look like", tables_checks.beyond(run)),
        ("Order when something changes that should not matter", tables_checks.probes(run)),
        ("Output contract", tables_checks.contract(run)),
        ("Undefined numbers", tables_checks.undefined(run)),
        ("Cost per case", tables.costs(run)),
    ]
    limit = tables.ceiling(run)
    if limit.rows:
        sections.insert(1, ("How far the candidates allow", limit))
    for title, table in sections:
        parts += [f"### {title}", "", table_markdown(table), ""]
    return "\n".join(parts).rstrip()
