"""Writes docs/results.md from run folders: python -m benchmarks.results runs/amazon-games runs/ml-100k.

The folders are written by `fewrec evaluate`; the page says for each the command that repeats it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from evaluation.report.head import facts_of
from evaluation.report.markdown import escaped, results_table
from evaluation.report.model import load_run
from evaluation.report.types import Run
from evaluation.report.verdict import verdict_of

PAGE = Path(__file__).parents[1] / "docs" / "results.md"
_HEAD = """# Results

Measured with the commands below and put together by `python -m benchmarks.results RUN...`. Ranking metrics are times
100, with 95% bootstrap intervals in brackets; differences are paired, over the same cases, and p is Holm-corrected over
the arms. What the arms and protocols are is in the configurations, `evaluation/configs/`. Timings depend on the machine
that each section names, and on what else it did; an LLM arm whose scores another arm had computed already (a fused one
beside the same model alone) takes next to no time. Chat is measured on [its own page](chat.md#how-it-is-measured).
"""


def section(run: Run, command: str) -> str:
    """One run: what was asked, how to repeat it, the verdict, and every arm."""
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
        left,
    ]
    return "\n\n".join(part for part in parts if part)


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
    given = parser.parse_args(arguments)
    named = [text.partition("=") for text in given.runs]
    runs = [(load_run(Path(place)), command) for place, _, command in named]
    sections = [section(run, command or f"fewrec evaluate {run.name} --data-dir FOLDER") for run, command in runs]
    given.output.write_text("\n\n".join([_HEAD.rstrip(), *sections]) + "\n", encoding="utf-8")
    Console().print(str(given.output))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
