"""`fewrec batch`."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli import options
from service.cli.context import Globals, Output, globals_of, print_json
from service.cli.options import ModelOptions, build_query

if TYPE_CHECKING:
    from ranking.engine_settings import EngineSettings
    from ranking.settings import Settings
    from service.batch.batch import Request
    from service.batch.work import Outcome, Plan, Work

_WHERE = "Where it runs"
_EMBEDDED = frozenset({"transformers", "openvino"})
_SERVERS = frozenset({"vllm", "openai"})
_PARTS_AT_A_SERVER = 2
_PATIENCE_S = 600.0
"""Least time that a server has for a request of a batch."""


def batch(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option(help="Parquet file to write, one row an item.", metavar="FILE")],
    users: Annotated[
        Path | None,
        typer.Option(help="User ids: CSV, JSONL, Parquet (column user_id), or .txt (one a line).", metavar="FILE"),
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody in the store, in place of --users.")] = False,
    n: options.Number = 10,
    query: options.Text = None,
    filters: options.Filters = None,
    exclude: options.Exclude = None,
    domain: options.Domain = None,
    scenario: options.ScenarioOption = None,
    as_of: Annotated[
        str | None, typer.Option(help="Moment of every list, such as 2026-01-31: nothing later is used. Default: now.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output, and what was begun otherwise.")
    ] = False,
    concurrency: Annotated[
        int, typer.Option(min=1, max=256, help="Requests under way at a model server.", rich_help_panel=_WHERE)
    ] = 64,
    ray: Annotated[
        str | None,
        typer.Option(help="Address of a Ray cluster, or local.", metavar="ADDRESS", rich_help_panel=_WHERE),
    ] = None,
    ray_workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that rank; default: one a machine.", rich_help_panel=_WHERE)
    ] = None,
    print_as: Annotated[Output, typer.Option("--print", help="The summary: for people, or JSON.")] = Output.TABLE,
    model: options.Model = None,
    adapter: options.Adapter = None,
    engine: options.EngineOption = None,
    template: options.TemplateName = None,
    language: options.LanguageOption = None,
    strategy: options.StrategyOption = None,
    shots: options.Shots = None,
    history: options.HistoryLength = None,
    candidates: options.Candidates = None,
) -> None:
    """Write everybody's list into one Parquet file. Stopped or killed, the same command goes on where it was.

    Ends with code 7 if some users were rejected; each is in OUTPUT.rejects.jsonl with the reason.
    """
    from service.batch.batch import Request
    from service.exit_codes import ExitCode

    if everybody == (users is not None):
        raise typer.BadParameter("give either --users FILE or --all", param_hint="--users")
    given = globals_of(ctx)
    chosen = ModelOptions(
        model=model,
        adapter=adapter,
        engine=engine,
        template=template,
        language=language,
        strategy=strategy,
        shots=shots,
        history=history,
        candidates=candidates,
        scenario=scenario,
    )
    request = Request(
        users=users,
        output=output,
        n=n,
        query=build_query(None, query, filters, exclude, domain),
        as_of=None if as_of is None else _moment(as_of),
        overwrite=overwrite,
    )
    settings = settings_for_batch(given, chosen, concurrency)
    outcome = _run(given, settings, request, ray, ray_workers)
    _show(given, outcome, output, print_as)
    if outcome.rejected:
        raise typer.Exit(ExitCode.PARTIAL)


def _moment(text: str) -> float:
    from retrieval.errors import InputError
    from retrieval.importing.cleaning import RowError, clean_time

    try:
        return clean_time(text)
    except RowError as error:
        raise InputError(f"--as-of {text!r}: {error}") from error


def settings_for_batch(given: Globals, chosen: ModelOptions, concurrency: int) -> Settings:
    """The settings with an engine whose answers do not depend on what it was asked before, and which is kept busy."""
    flags = chosen.flags()
    own = given.settings(**flags).engine
    return given.settings(**{**flags, "engine": engine_for_batch(own, concurrency)})


def engine_for_batch(own: EngineSettings, concurrency: int) -> dict[str, Any]:
    """What a batch sets of the engine, `own` being what it is set to otherwise."""
    from ranking.engine_settings import ServerSettings

    engine: dict[str, Any] = {"kind": own.kind}
    if own.kind in _EMBEDDED:
        engine["prefix_tokens"] = 0
    elif isinstance(own, ServerSettings):
        # What a request waits for is mostly the others of this batch, and nobody waits for it.
        patience = {name: max(getattr(own, name), _PATIENCE_S) for name in ("read_timeout_s", "timeout_s")}
        engine |= {"concurrency": concurrency, **patience}
    return engine


def _run(given: Globals, settings: Settings, request: Request, ray: str | None, ray_workers: int | None) -> Outcome:
    from ranking.factory import served_settings
    from service.batch.batch import finish, refuse_to_overwrite
    from service.batch.work import Work

    served = served_settings(settings)
    with Work(request.output) as work:
        refuse_to_overwrite(request, work)
        try:
            plan = _answered(given, served, request, work, ray, ray_workers)
        except KeyboardInterrupt:
            given.err.print("note: the same command goes on where this one stopped", style="yellow", markup=False)
            raise
        return finish(work, plan, request)


def _show(given: Globals, outcome: Outcome, output: Path, print_as: Output) -> None:
    if print_as is Output.JSON:
        facts = {**asdict(outcome), "rejects": outcome.rejects and str(outcome.rejects), "output": str(output)}
        print_json(given.out, json.dumps(facts, indent=2))
        return
    given.out.print(f"{outcome.users:,} users' lists, {outcome.rows:,} rows, in {output}", markup=False, soft_wrap=True)
    if outcome.rejects is not None:
        told = f"{outcome.rejected:,} rejected users are in {outcome.rejects}"
        given.err.print(told, style="yellow", markup=False, soft_wrap=True)


def _answered(
    given: Globals, served: Settings, request: Request, work: Work, ray: str | None, ray_workers: int | None
) -> Plan:
    """Everything but the end: the plan, with all its parts there."""
    from ranking.factory import choose_template, open_on, open_settings_store
    from service.batch.batch import answer_here, planned
    from service.cli.models import make_packaged_ready
    from service.cli.progress import bars

    choose_template(served)  # what is wrong with it is told before anything that takes time
    with bars(given.err) as progress:
        make_packaged_ready(served, progress)
        with open_settings_store(served) as store:
            store.catch_up(progress)
            plan = planned(work, request, served, store.record)
            if ray is None and work.pending(plan):
                in_flight = _PARTS_AT_A_SERVER if served.engine.kind in _SERVERS else 1
                with open_on(store, served) as recommender:
                    answer_here(work, plan, request, recommender, in_flight=in_flight, progress=progress)
        if ray is not None and work.pending(plan):
            from service.batch.over_ray import Cluster, answer_over_ray, open_in_worker, take_snapshot

            cluster = Cluster(address=ray, workers=ray_workers, gpus=served.engine.kind not in _SERVERS)
            opened = partial(open_in_worker, served, take_snapshot(served, work))
            answer_over_ray(work, plan, request, cluster, opened, progress)
    return plan
