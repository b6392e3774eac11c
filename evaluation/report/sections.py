"""The sections of one run's page, in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluation.report import plots, plots_curves, tables, tables_checks
from evaluation.report.head import config_yaml, facts_of
from evaluation.report.numbers import count_text, metric_name
from evaluation.report.plots_canvas import Plot, anchored
from evaluation.report.tables import Table
from evaluation.report.types import Example, Run
from evaluation.report.verdict import Verdict, verdict_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One part of a page."""

    title: str
    note: str = ""
    table: Table | None = None
    plots: tuple[Plot, ...] = ()
    examples: tuple[Example, ...] = ()
    text_title: str = ""
    text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPage:
    """A run as it is shown."""

    anchor: str
    run: Run
    verdict: Verdict
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


def run_page(run: Run, anchor: str) -> RunPage:
    """Everything that is shown of a run. `anchor` keeps its ids apart from those of other runs on the page."""
    return RunPage(
        anchor=anchor,
        run=run,
        verdict=verdict_of(run),
        facts=tuple(facts_of(run)),
        sections=(
            _results(run, anchor),
            *_needs(run, anchor),
            _slices(run),
            *_firsts(run),
            _bias(run, anchor),
            _contract(run),
            _undefined(run),
            *_examples(run),
            _config(run),
        ),
    )


def drawn(anchor: str, found: Sequence[Plot | None]) -> tuple[Plot, ...]:
    """The plots that there are, with ids that no other run on the page has."""
    return tuple(anchored(plot, anchor) for plot in found if plot is not None)


def _results(run: Run, anchor: str) -> Section:
    note = f"Best {metric_name(run.metric)} first; the best of each column is marked."
    if run.baseline is None:
        note += " The run names no baseline, so there are no differences."
    if not run.has_costs:
        note += " The run stored no times (costs.json is missing)."
    return Section(
        title="Results",
        note=note,
        table=tables.results(run),
        plots=drawn(anchor, [plots.forest(run), plots.by_cutoff(run), plots_curves.calibration(run)]),
    )


def _needs(run: Run, anchor: str) -> list[Section]:
    sections = []
    limit = tables.ceiling(run)
    if limit.rows:
        note = "Where the target is not among the candidates, no order can find it; such a case counts as a miss."
        sections.append(Section(title="Candidates", note=note, table=limit))
    drawings = drawn(anchor, [plots_curves.few_shot(run), plots_curves.quality_against_latency(run)])
    note = "Times are wall times on this machine and differ from run to run."
    sections.append(Section(title="What it takes", note=note, table=tables.costs(run), plots=drawings))
    return sections


def _slices(run: Run) -> Section:
    note = f"{metric_name(run.metric)} by group of cases; the best of each row is marked."
    return Section(title="Slices", note=note, table=tables.slices(run))


def _firsts(run: Run) -> list[Section]:
    found = tables_checks.beyond(run)
    note = (
        "What stands first, right or not. Coverage and Gini: how evenly the catalogue is used (Gini 0: all alike). "
        "Novelty: how little known the items are. Diversity: how unlike one another."
    )
    return [Section(title="First items", note=note, table=found)] if found.rows else []


def _bias(run: Run, anchor: str) -> Section:
    note = "Kendall's tau between the orders of the same case before and after the change: 1 is the same order, 0 none."
    return Section(
        title="Bias",
        note=note,
        table=tables_checks.probes(run),
        plots=drawn(anchor, [plots.by_position(run), plots.popularity(run)]),
    )


def _contract(run: Run) -> Section:
    note = (
        "Places of the order that were missing, named twice, made up or filled in; cases in which the LLM did not rank."
    )
    return Section(title="Output contract", note=note, table=tables_checks.contract(run))


def _undefined(run: Run) -> Section:
    note = "Cases that cannot give a metric a value; they are left out of it."
    return Section(title="Undefined numbers", note=note, table=tables_checks.undefined(run))


def _examples(run: Run) -> list[Section]:
    if not run.examples:
        note = "The run stored no prompts of single cases (examples.json is missing)."
        return [Section(title="Best and worst cases", note=note)]
    parts: list[tuple[str, Callable[[Example], bool]]] = [
        ("Best cases", lambda entry: entry.best),
        ("Worst cases", lambda entry: not entry.best),
    ]
    arm = run.examples[0].arm
    return [
        Section(
            title=title,
            note=f"Of {arm}, by places gained or lost against {run.baseline or 'the order as shown'}.",
            examples=found,
        )
        for title, wanted in parts
        if (found := tuple(entry for entry in run.examples if wanted(entry)))
    ]


def _config(run: Run) -> Section:
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    text = config_yaml(run.config)
    title = f"YAML, {count_text(len(text.splitlines()))} lines"
    note = f"Digest of the data {run.digest}, of the cases {run.cases_digest}. {versions}"
    return Section(title="Configuration", note=note, text_title=title, text=text)
