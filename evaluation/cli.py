"""`fewrec evaluate`, `report`, `tune`, `calibrate` and `models promote`, found by the package's entry points.

Only typer and the names of configurations are loaded here; all else when a command runs, so that help comes at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from evaluation.shipped import TUNINGS, shipped_configs


def evaluate(
    ctx: typer.Context,
    config: Annotated[
        str,
        typer.Argument(
            help=f"YAML file, or the name of a shipped configuration: {', '.join(shipped_configs())}.", metavar="CONFIG"
        ),
    ],
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Count prompts, questions and tokens and estimate the time; no prompt is sent to a server.",
        ),
    ] = False,
    limit: Annotated[
        int | None, typer.Option(help="Only the first so many cases of each scenario.", min=1, metavar="N")
    ] = None,
    known_interactions: Annotated[
        int | None,
        typer.Option(
            help="Let every arm know only about so many interactions, of users drawn by seed.", min=0, metavar="N"
        ),
    ] = None,
    arms: Annotated[
        str | None, typer.Option(help="Only these arms: names or patterns with *, comma-separated.", metavar="ARMS")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of the data set's files.", metavar="FOLDER", exists=True, file_okay=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Run folder, begun or not (default: runs/NAME).", metavar="FOLDER")
    ] = None,
    gate: Annotated[
        list[str] | None,
        typer.Option(
            help="Exit with code 8 unless this holds significantly: 'ARM.METRIC > ARM.METRIC'. Repeatable.",
            metavar="CONDITION",
        ),
    ] = None,
    report: Annotated[bool, typer.Option(help="Write the run's report into its folder at the end.")] = True,
) -> None:
    """Measure arms (baselines and LLM rankers) on the same cases; a run that was broken off goes on."""
    from evaluation.gate import EXIT_CODE
    from evaluation.grid import split_outside_brackets
    from evaluation.run import command
    from evaluation.run.questions import Asking

    order = command.Order(
        config=config,
        asking=Asking(
            arms=tuple(split_outside_brackets(arms)) if arms is not None else (),
            limit=limit,
            data_dir=data_dir,
            known_interactions=known_interactions,
        ),
        output=output,
        gates=tuple(gate or ()),
        report=report,
    )
    given = _given(ctx)
    if dry_run:
        command.dry_run(given, order)
        return
    if not command.evaluate(given, order):
        raise typer.Exit(EXIT_CODE)


def report(
    ctx: typer.Context,
    runs: Annotated[list[Path], typer.Argument(help="Run folders.", metavar="RUN...")],
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder, or the page's own name (.html) (default: the first; with --diff the second).", metavar="PATH"
        ),
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what changed from the first of two runs to the second.")
    ] = False,
) -> None:
    """Write a report of runs: one HTML page that needs nothing else, and Markdown and JSON beside it."""
    if diff and len(runs) != 2:
        raise typer.BadParameter(f"--diff compares two runs, not {len(runs)}", param_hint="RUN...")
    from evaluation.report.write import write_diff, write_report

    place = output or runs[-1 if diff else 0]
    files = write_diff(runs[0], runs[1], place) if diff else write_report(runs, place)
    for path in (files.html, files.markdown, files.json):
        _given(ctx).out.print(str(path), markup=False, highlight=False, soft_wrap=True)


def tune(
    ctx: typer.Context,
    config: Annotated[
        str | None,
        typer.Argument(
            help=f"YAML file, or the name of a shipped configuration: {', '.join(shipped_configs(TUNINGS))} "
            "(default: store, what you imported).",
            metavar="CONFIG",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Adapter folder, begun or not (default: adapters/NAME).", metavar="FOLDER")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Tune on so many examples.", min=1, metavar="N")] = None,
    known_interactions: Annotated[
        int | None,
        typer.Option(help="Know only about so many interactions, of users drawn by seed.", min=0, metavar="N"),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of the data set's files.", metavar="FOLDER", exists=True, file_okay=False),
    ] = None,
) -> None:
    """Tune the LLM on a few hundred past choices; Ctrl-C keeps the best so far, the same command goes on."""
    from evaluation.tuning import command

    command.tune(
        _given(ctx),
        command.Order(
            config=config, output=output, limit=limit, known_interactions=known_interactions, data_dir=data_dir
        ),
    )


def calibrate(
    ctx: typer.Context,
    cases: Annotated[int, typer.Option(help="Validation lists for retrieval's signals.", min=1, metavar="N")] = 1000,
    llm_cases: Annotated[
        int,
        typer.Option(help="How many of them the LLM ranks as well; without any its scores stay as they are.", min=0),
    ] = 0,
    method: Annotated[
        str | None, typer.Option(help="platt or isotonic; default: what does better on cases not fitted on.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the order of cases and of the folds.", min=0)] = 0,
) -> None:
    """Fit probabilities on your store's own validation lists: answers then tell how likely each item is to be taken."""
    from evaluation.calibration import command

    if method is not None and method not in {"platt", "isotonic"}:
        raise typer.BadParameter(f"{method!r} is neither platt nor isotonic", param_hint="--method")
    kind: Any = method
    command.calibrate(_given(ctx), command.Order(cases=cases, llm_cases=llm_cases, method=kind, seed=seed))


def promote(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The adapter's folder, as `fewrec tune` made it.", metavar="FOLDER")],
    run: Annotated[Path, typer.Option(help="Run folder of its evaluation on your store.", metavar="RUN")],
) -> None:
    """Let a tuned adapter serve, if a run on your own data shows that it should; else exit with code 8.

    Fused as served it must be significantly better than what serves now and
    than retrieval's signals without an LLM, and significantly worse on no slice
    of the cases. `fewrec models rollback` undoes it.

    Example: fewrec tune, then fewrec evaluate adapters/store/evaluation.yaml,
    then fewrec models promote adapters/store --run runs/store-tuned
    """
    from evaluation.gate import EXIT_CODE
    from evaluation.promotion import command

    if not command.promote(_given(ctx), command.Order(folder=folder, run=run)):
        raise typer.Exit(EXIT_CODE)


def _given(ctx: typer.Context) -> Any:
    """The command line's consoles and settings: evaluation.run.command.Given."""
    return ctx.find_root().obj
