"""Writes docs/results.md from run folders: python -m benchmarks.results runs/amazon-games runs/ml-100k.

The folders are written by `fewrec evaluate`; the page says for each the command that repeats it. For runs named in
--cost it also shows quality against the time of a case, for those in --slices the metric by kind of case, for runs of
one name that know different amounts of interactions quality against these, and where candidates or histories were asked
again in another order, how far the answers agree. Pictures go into the folder images.
What other commands measured stands at the end of the page, below a line that says so, and is kept as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from evaluation.report.head import facts_of
from evaluation.report.markdown import escaped, results_table, table_markdown
from evaluation.report.model import load_run
from evaluation.report.numbers import metric_name
from evaluation.report.plots_canvas import Plot
from evaluation.report.plots_curves import quality_against_latency, scarcity
from evaluation.report.tables import slices
from evaluation.report.tables_checks import probes
from evaluation.report.types import Run
from evaluation.report.verdict import verdict_of

PAGE = Path(__file__).parents[1] / "docs" / "results.md"
_STYLE = Path(__file__).parents[1] / "evaluation" / "report" / "page" / "report.css"
_HEAD = """# Results

Measured with the commands below and put together by `python -m benchmarks.results RUN...`. Ranking metrics are times
100, with 95% bootstrap intervals in brackets; differences are paired, over the same cases, and p is Holm-corrected over
the arms. What the arms and protocols are is in the configurations, `evaluation/configs/`. Timings depend on the machine
that each section names, and on what else it did; an LLM arm whose scores another arm had computed already (a fused one
beside the same model alone) takes next to no time. Chat is measured on [its own page](chat.md#how-it-is-measured),
newcomers on [theirs](newcomers.md#how-good-it-is). In runs
begun before 2026-11-28 10:00 UTC latent factors are not among the `signals`; nor are words in common in the sections
`amazon-games`, `games-2048`, `ml-100k` and `ml-100k-end-to-end`, whose arm `bm25` counts words of titles alone.
"""


KEPT = "<!-- Written by the commands that each section names; benchmarks.results keeps what follows. -->"


def section(run: Run, command: str, *further: str) -> str:
    """One run: what was asked, how to repeat it, the verdict, every arm, and what further there is to show."""
    verdict = verdict_of(run)
    facts = " · ".join(f"{name}: {escaped(value)}" for name, value in facts_of(run))
    details = "\n".join(escaped(detail) for detail in verdict.details)
    configured, measured = run.config.get("arms"), {arm.name for arm in run.arms}
    missing = [name for name in configured if name not in measured] if isinstance(configured, Mapping) else []
    left = f"Arms of the configuration that this run did not come to: {escaped(', '.join(missing))}." if missing else ""
    parts = [
        f"## {escaped(run.name)}",
        f"```\n{command}\n```",
        facts,
        f"**{escaped(verdict.sentence)}**",
        details,
        results_table(run),
        *further,
        left,
    ]
    return "\n\n".join(part for part in parts if part)


def picture(plot: Plot | None, name: str, folder: Path) -> str:
    """Draws into a file of the folder; the Markdown that shows it, "" where there is nothing to draw."""
    if plot is None:
        return ""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.svg"
    path.write_text(standalone(plot), encoding="utf-8")
    return f"![{plot.title}: {plot.note}]({folder.name}/{path.name})\n\n{plot.note}"


def scarcity_pictures(runs: Sequence[Run], folder: Path) -> dict[str, str]:
    """By the name of runs that know different amounts: quality against the interactions known."""
    names = dict.fromkeys(run.name for run in runs)
    drawn = {name: scarcity([run for run in runs if run.name == name]) for name in names}
    return {name: picture(plot, f"{name}-known", folder) for name, plot in drawn.items() if plot is not None}


def by_slice(run: Run) -> str:
    """The main metric by kind of case."""
    return f"By kind of case, {metric_name(run.metric)}:\n\n{table_markdown(slices(run))}"


def robustness(run: Run) -> str:
    """How far orders hang on what should not matter; "" for a run that did not ask."""
    found = probes(run)
    if not found.rows:
        return ""
    return (
        "Kendall's tau between the orders of the same case before and after a change that should not matter (1 is the "
        f"same order, 0 none):\n\n{table_markdown(found)}"
    )


def standalone(plot: Plot) -> str:
    """The plot as an SVG file of its own, with the colours that a report's page would give it, light or dark."""
    colours = _STYLE.read_text(encoding="utf-8").partition("* {")[0]
    backdrop = '<rect width="100%" height="100%" fill="var(--paper)"/>'
    head, _, body = plot.svg.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg">\n<style>\n{colours}</style>\n{backdrop}{body}\n'


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the page and prints where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN[=COMMAND]",
        help="run folders in the order of the page, with the command where it is not `fewrec evaluate NAME`",
    )
    parser.add_argument("--output", type=Path, default=PAGE)
    parser.add_argument("--cost", nargs="*", metavar="NAME", default=["amazon-games-strategies"])
    parser.add_argument("--slices", nargs="*", metavar="NAME", default=["amazon-games-scarcity-tuned"])
    given = parser.parse_args(arguments)
    images = given.output.parent / "images"
    named = [text.partition("=") for text in given.runs]
    runs = [(load_run(Path(place)), command) for place, _, command in named]
    known = scarcity_pictures([run for run, _ in runs], images)
    sections = [
        section(
            run,
            command or f"fewrec evaluate {run.name} --data-dir FOLDER",
            known.pop(run.name, ""),  # once, with the first of these runs
            picture(quality_against_latency(run), f"{run.name}-cost", images) if run.name in given.cost else "",
            by_slice(run) if run.name in given.slices else "",
            robustness(run),
        )
        for run, command in runs
    ]
    old = given.output.read_text(encoding="utf-8") if given.output.exists() else ""
    _, line, kept = old.partition(KEPT)
    sections += [f"{line}{kept.rstrip()}"] if line else []
    given.output.write_text("\n\n".join([_HEAD.rstrip(), *sections]) + "\n", encoding="utf-8")
    Console().print(str(given.output))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
