"""Two runs of the same cases, arm by arm: what changed, and whether it is more than chance."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from evaluation.errors import RunMismatchError
from evaluation.report.head import config_yaml, facts_of
from evaluation.report.html import render
from evaluation.report.markdown import escaped, table_markdown
from evaluation.report.numbers import DASH, count_text, metric_name, p_text, seconds_text
from evaluation.report.plots import ForestRow, forest_of
from evaluation.report.plots_canvas import PLAIN, SERIES, Plot
from evaluation.report.rivals import compare_across
from evaluation.report.tables import Cell, Table, difference_cell, value_cell
from evaluation.report.types import Arm, Difference, Run
from evaluation.report.verdict import Outcome, significance


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmChange:
    """One arm that both runs have."""

    name: str
    changes: tuple[tuple[str, Difference], ...]
    """(metric, b minus a), corrected over the arms that both runs have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunsDiff:
    """What changed from run a to run b."""

    a: Run
    b: Run
    metrics: tuple[str, ...]
    """That both runs have, in the order of b."""
    arms: tuple[ArmChange, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    config: str
    """Unified difference of the configurations; empty if they are the same."""


def compare_runs(a: Run, b: Run) -> RunsDiff:
    """Pairs the arms of two runs by name and their cases by id."""
    for what, before, now in (("data", a.digest, b.digest), ("cases", a.cases_digest, b.cases_digest)):
        if before != now:
            raise RunMismatchError(
                f"{a.folder} and {b.folder} cannot be compared: the digest of their {what} is {before[:12]} in the "
                f"first and {now[:12]} in the second. Run both on the same data, protocol and seed"
            )
    metrics = tuple(metric for metric in b.metrics if metric in a.metrics)
    if not metrics:
        raise RunMismatchError(f"{a.folder} and {b.folder} have no metric in common")
    in_a, in_b = [arm.name for arm in a.arms], [arm.name for arm in b.arms]
    shared = [name for name in in_b if name in in_a]
    found = compare_across(a, b, shared, metrics)
    return RunsDiff(
        a=a,
        b=b,
        metrics=metrics,
        arms=tuple(
            ArmChange(name=name, changes=tuple((metric, found[metric][name]) for metric in metrics)) for name in shared
        ),
        only_a=tuple(name for name in in_a if name not in in_b),
        only_b=tuple(name for name in in_b if name not in in_a),
        config="".join(
            difflib.unified_diff(
                config_yaml(a.config).splitlines(keepends=True),
                config_yaml(b.config).splitlines(keepends=True),
                fromfile=f"a {a.name}",
                tofile=f"b {b.name}",
            )
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _DiffPage:
    outcome: Outcome
    sentence: str
    only: str
    note: str
    table: Table
    plots: tuple[Plot, ...]
    facts: Table
    changes: str


def diff_html(diff: RunsDiff) -> str:
    """The comparison as one page with nothing outside it."""
    return render("diff.html.j2", title=_title(diff), page=_page(diff))


def diff_markdown(diff: RunsDiff) -> str:
    """The comparison as GitHub Markdown."""
    page = _page(diff)
    parts = [f"# {escaped(_title(diff))}", f"**{escaped(page.sentence)}**", escaped(page.only), escaped(page.note)]
    parts += [table_markdown(page.table), "## The two runs", table_markdown(page.facts), "## Configuration"]
    # Four backquotes: a configuration may hold three.
    parts.append(f"````diff\n{diff.config}````" if diff.config else "The configurations are the same.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(diff: RunsDiff) -> str:
    return f"{_called(diff, diff.a)} against {_called(diff, diff.b)}"


def _called(diff: RunsDiff, run: Run) -> str:
    """What tells a run from the other one: its name, else its folder's, else the folder's path."""
    if diff.a.name != diff.b.name:
        return run.name
    return run.folder.name if diff.a.folder.name != diff.b.folder.name else str(run.folder)


def _page(diff: RunsDiff) -> _DiffPage:
    metric = _main(diff)
    only = [
        f"Only {_called(diff, run)} has {', '.join(names)}."
        for run, names in ((diff.a, diff.only_a), (diff.b, diff.only_b))
        if names
    ]
    forest = forest_of(
        [ForestRow(name=row.name, difference=_of(row, metric), colour=_colour(diff, row.name)) for row in diff.arms],
        metric,
        title=f"What changed in {metric_name(metric)}",
        note="With 95% intervals. Filled: significant after Holm's correction. In colour: arms with an LLM.",
        axis=f"{metric_name(metric)}: b minus a",
    )
    outcome, sentence = _sentence(diff, metric)
    return _DiffPage(
        outcome=outcome,
        sentence=sentence,
        only=" ".join(only),
        note=f"a is {_called(diff, diff.a)}, b is {_called(diff, diff.b)}; differences are b minus a, paired over the "
        "cases of both.",
        table=_table(diff),
        plots=() if forest is None else (forest,),
        facts=_facts(diff),
        changes=diff.config,
    )


def _main(diff: RunsDiff) -> str:
    return diff.b.metric if diff.b.metric in diff.metrics else diff.metrics[0]


def _of(row: ArmChange, metric: str) -> Difference:
    return dict(row.changes)[metric]


def _colour(diff: RunsDiff, name: str) -> str:
    return SERIES[0] if _arm(diff.b, name).llm else PLAIN


def _arm(run: Run, name: str) -> Arm:
    return next(arm for arm in run.arms if arm.name == name)


def _sentence(diff: RunsDiff, metric: str) -> tuple[Outcome, str]:
    higher = diff.b.higher_is_better.get(metric, True)
    if not diff.arms:
        return "none", "The two runs have no arm in common."
    found = {row.name: significance(_of(row, metric), higher_is_better=higher) for row in diff.arms}
    better = [name for name, outcome in found.items() if outcome == "better"]
    worse = [name for name, outcome in found.items() if outcome == "worse"]
    name = metric_name(metric)
    if not better and not worse:
        return "unclear", f"No arm changed significantly in {name}: {len(found)} compared."
    parts = [f"{', '.join(names)} {word}" for names, word in ((better, "better"), (worse, "worse")) if names]
    outcome: Outcome = "unclear" if better and worse else "better" if better else "worse"
    return outcome, f"Significantly changed in {name}: {'; '.join(parts)}; {len(found)} compared."


def _table(diff: RunsDiff) -> Table:
    """One row an arm: the main metric in full, of the others only the difference."""
    main = _main(diff)
    others = [metric for metric in diff.metrics if metric != main]
    rows = []
    for row in diff.arms:
        before, now, change = _arm(diff.a, row.name), _arm(diff.b, row.name), _of(row, main)
        rows.append(
            (
                Cell(text=row.name, tag="LLM" if now.llm else ""),
                value_cell(main, before.metrics.get(main)),
                value_cell(main, now.metrics.get(main)),
                difference_cell(main, change),
                Cell(text=p_text(change.p_holm)),
                Cell(text=count_text(change.n)),
                *(difference_cell(metric, _of(row, metric)) for metric in others),
                Cell(text=_both(count_text(before.cost.prompt_tokens), count_text(now.cost.prompt_tokens))),
                Cell(text=_both(seconds_text(before.cost.seconds_p50), seconds_text(now.cost.seconds_p50))),
            )
        )
    name = metric_name(main)
    columns = [
        "arm", f"{name}, a", f"{name}, b", f"{name}, b minus a", "p (Holm)", "n",
        *(f"{metric_name(metric)}, b minus a" for metric in others), "prompt tokens", "time p50",
    ]  # fmt: skip
    return Table(columns=tuple(columns), rows=tuple(rows), empty="The two runs have no arm in common.")


def _both(before: str, now: str) -> str:
    return DASH if before == now == DASH else f"{before} → {now}"


def _facts(diff: RunsDiff) -> Table:
    before, now = dict(facts_of(diff.a)), dict(facts_of(diff.b))
    rows = tuple(
        (Cell(text=name), Cell(text=before.get(name, DASH)), Cell(text=now.get(name, DASH)))
        for name in dict.fromkeys([*before, *now])
    )
    return Table(columns=("", f"a: {_called(diff, diff.a)}", f"b: {_called(diff, diff.b)}"), rows=rows)
