"""What `fewrec evaluate` does, apart from reading its options."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bars,
)
from rich.table import Column, Table

from evaluation.arms.llm import Preview, Previews
from evaluation.arms.remembered import Forgetful
from evaluation.config import ConfigFile, load_config
from evaluation.errors import RunConfigError
from evaluation.gate import Gate, Verdict, parse_gate
from evaluation.grid import select
from evaluation.metrics.registry import check_protocol, parse_metric
from evaluation.run.aggregates import Aggregates, check_gates, write_aggregates
from evaluation.run.assemble import Assembled, open_run
from evaluation.run.examples import write_examples
from evaluation.run.folder import RunFolder
from evaluation.run.journal import read_keys
from evaluation.run.questions import Asking
from evaluation.run.runner import run_arms
from evaluation.run.table import results_table, shown_metrics
from retrieval.protocol import Progress

if TYPE_CHECKING:
    from ranking.settings import Settings


class Given(Protocol):
    """What the command line hands to every command."""

    @property
    def out(self) -> Console:
        """For what was asked for."""

    @property
    def err(self) -> Console:
        """For progress, notes and errors."""

    def settings(self) -> Settings:
        """The settings that hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """The options of `fewrec evaluate`."""

    config: str
    asking: Asking
    output: Path | None
    gates: tuple[str, ...]
    report: bool = False
    """Write the page of the run when it is done."""


def evaluate(given: Given, order: Order) -> bool:
    """Runs, or goes on with, an evaluation. Returns whether every gate held."""
    file = load_config(order.config)
    gates = parse_gates(file, order)
    path = _folder(given.settings().runs, order, file)
    with bars(given.err) as progress, open_run(file, given.settings(), order.asking, progress=progress) as run:
        finished = carry_out(given, path, run, gates, progress)
    held = show(given, path, run, finished)
    for line in reported(path, order):
        given.out.print(line, markup=False, highlight=False, soft_wrap=True)
    return held


def reported(path: Path, order: Order) -> tuple[str, ...]:
    """What the report says first, and where it is; how to have one where none was asked for."""
    if not order.report:
        return (f"Report: fewrec report {path}",)
    from evaluation.report.model import load_run
    from evaluation.report.verdict import verdict_of
    from evaluation.report.write import write_report  # draws plots, which takes a while to load

    files = write_report([path], path)
    return (verdict_of(load_run(path)).sentence, f"Report: {files.html}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What came of a run."""

    aggregates: Aggregates
    verdicts: tuple[Verdict, ...]


def carry_out(given: Given, path: Path, run: Assembled, gates: Sequence[Gate], progress: Progress) -> Finished:
    """Runs what is missing in the folder, aggregates all of it and decides the gates.

    On Ctrl-C it says how much is kept and how to go on, and lets the interrupt pass.
    """
    config = run.config
    with RunFolder(path, run.spec) as folder:
        try:
            asyncio.run(run_arms(folder, run.arms, run.cases, seed=config.seed, progress=progress))
        except KeyboardInterrupt:
            _say_how_to_go_on(given, path)
            raise
        aggregates = write_aggregates(
            folder,
            # All that were ever run into this folder: what is in it does not depend on which were asked for last.
            arms=list(config.arms),
            metrics=[parse_metric(name) for name in config.metrics],
            baseline=config.baseline,
            seed=config.seed,
            facts=run.facts,
        )
        write_examples(folder, run.arms, run.llm_arms, run.cases, aggregates.metrics)
    return Finished(aggregates=aggregates, verdicts=tuple(check_gates(gates, aggregates, seed=config.seed)))


def show(given: Given, path: Path, run: Assembled, finished: Finished) -> bool:
    """Prints the results and the gates' verdicts; whether all of them held."""
    for text in run.notes:
        note(given, text)
    aggregates = finished.aggregates
    names = [name for name in run.config.arms if name in aggregates.columns]
    name, data, width = run.config.name, run.spec.data["name"], given.out.width
    title = name if data in name else f"{name}: {data}"
    given.out.print(results_table(aggregates.metrics, names, title, width))
    hidden = len(run.config.metrics) - len(shown_metrics(aggregates.metrics, names, width))
    rest = f" ({hidden} more metrics)" if hidden else ""
    given.out.print(f"Results{rest}: {escape(str(path))}", highlight=False, soft_wrap=True)
    for verdict in finished.verdicts:
        style = "green" if verdict.passed else "bold red"
        given.err.print(verdict.sentence, style=style, markup=False, highlight=False, soft_wrap=True)
    return all(verdict.passed for verdict in finished.verdicts)


def note(given: Given, text: str) -> None:
    """Tells what a reader must know, beside the results."""
    given.err.print(f"note: {text}", style="yellow", highlight=False, markup=False, soft_wrap=True)


def _folder(runs: Path, order: Order, file: ConfigFile) -> Path:
    known = order.asking.known_interactions
    return order.output or runs / (file.config.name + ("" if known is None else f"-known-{known}"))


def parse_gates(file: ConfigFile, order: Order) -> list[Gate]:
    """The gates, checked against the arms that are run. Raises RunConfigError."""
    names = list(file.config.arms)
    chosen = select(order.asking.arms, names) if order.asking.arms else names
    gates = [parse_gate(text, chosen) for text in order.gates]
    for gate in gates:
        try:
            check_protocol(parse_metric(gate.metric), file.config.protocol.kind)
        except RunConfigError as error:
            raise RunConfigError(f"gate {gate.text!r}: {error}") from error
    return gates


def _say_how_to_go_on(given: Given, path: Path) -> None:
    kept = sum(len(keys) for keys in read_keys(path).values())
    given.err.print(
        f"{kept} outcomes are kept in {path}; the same command goes on from there.",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def dry_run(given: Given, order: Order) -> None:
    """Shows what would be run: arms, cases, what the first case costs, and an estimate of the whole."""
    file = load_config(order.config)
    parse_gates(file, order)
    path = _folder(given.settings().runs, order, file)
    with (
        bars(given.err) as progress,
        open_run(file, given.settings(), order.asking, scores=Forgetful(), progress=progress) as run,
    ):
        known = read_keys(path)
        table = _cost_table()
        found: list[tuple[int, Preview]] = []
        for arm in run.arms:
            left = max(0, len(run.cases) - len(known.get(arm.name, ())))
            cells = ["—", "—", "—", "—", "—", "little"]
            if arm.name in run.llm_arms:
                with arm.open() as ranker:
                    preview = asyncio.run(_preview(ranker, run))
                found.append((left, preview))
                cells = _cells(preview, left)
            table.add_row(escape(arm.name), str(left), *cells)
    given.out.print(table)
    there_are = sum(run.spec.data["cases"].values())
    given.out.print(
        f"{len(run.cases):,} of {there_are:,} cases of {run.spec.data['name']}; {_estimate(found)}, judged from the "
        "first case; scores that are cached already cost nothing",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def _estimate(found: Sequence[tuple[int, Preview]]) -> str:
    """In words, for previews with how many cases there are of each."""
    tokens = sum((one.cost.prompt_tokens + one.cost.completion_tokens) * cases for cases, one in found)
    timed = [one.seconds * cases for cases, one in found if one.seconds is not None]
    unknown = " and what servers take, to which no prompt was sent" if len(timed) < len(found) else ""
    return f"about {tokens:,} tokens and {_duration(sum(timed))} of model time{unknown}"


async def _preview(ranker: object, run: Assembled) -> Preview:
    if not isinstance(ranker, Previews):
        raise TypeError(f"{ranker!r} cannot be previewed")
    return await ranker.preview(next(iter(run.cases)))


def _cost_table() -> Table:
    names = ("cases", "prompts", "questions", "read", "written", "seconds", "in all")
    columns = [Column("arm", overflow="fold", min_width=16), *(Column(name, justify="right") for name in names)]
    title = "Of the first case: prompts, their questions, tokens read and written"
    return Table(*columns, title=title, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)


def _cells(preview: Preview, cases: int) -> list[str]:
    cost, seconds = preview.cost, preview.seconds
    counts = (cost.model_calls, cost.questions, cost.prompt_tokens, cost.completion_tokens)
    times = ("—", "—") if seconds is None else (f"{seconds:.2f}", _duration(seconds * cases))
    return [*(f"{count:,}" for count in counts), *times]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextmanager
def bars(console: Console) -> Iterator[Progress]:
    """A bar per stage and per arm on a terminal; finished arms keep theirs until all is done."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as drawn:
        tasks: dict[str, TaskID] = {}

        def advance(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = drawn.add_task(stage, total=total)
            drawn.update(tasks[stage], completed=done, total=total)

        yield advance
