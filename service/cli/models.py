"""`fewrec models`: language models that come ready, and adapters that were promoted; `promote` is evaluation's."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from service.cli import options
from service.cli.context import Globals, Output, globals_of, print_json
from service.environment import keep_to_ourselves

if TYPE_CHECKING:
    from ranking.models.verify import ListedModel
    from ranking.registry import Promotion
    from ranking.settings import Settings

app = typer.Typer(
    help="List, prepare and verify models; say which tuned adapter serves, promote one, or go back.",
    no_args_is_help=True,
)

Name = Annotated[
    str | None,
    typer.Argument(metavar="MODEL", help="A packaged model, a Hugging Face id or a folder; default: the settings'."),
]


@app.command("list")
def list_(ctx: typer.Context, output: options.OutputOption = Output.TABLE) -> None:
    """List the models that come as packages, and the adapters that were promoted with the one that serves."""
    from ranking.factory import promotion_for
    from ranking.models.verify import list_models
    from ranking.registry import AdapterRegistry

    given = globals_of(ctx)
    settings = given.settings()
    models = list_models(settings.cache)
    serving = promotion_for(settings)
    adapters = [_listed(kept, serving) for kept in AdapterRegistry(settings.home).kept()]
    if output is Output.JSON:
        rows = [{**dataclasses.asdict(model), "folder": str(model.folder)} for model in models]
        listed = {"models": rows, "adapters": [dataclasses.asdict(adapter) for adapter in adapters]}
        print_json(given.out, json.dumps(listed, indent=2))
        return
    _print_models(given, models)
    _print_adapters(given, adapters, settings)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _ListedAdapter:
    label: str
    folder: str
    model: str
    promoted_at: str
    run: str | None
    """Whose numbers it was promoted for."""
    serves: bool
    problem: str | None
    """Why its files cannot be used; None if they can."""


def _listed(kept: Promotion, serving: Promotion | None) -> _ListedAdapter:
    return _ListedAdapter(
        label=kept.label,
        folder=str(kept.folder),
        model=kept.model,
        promoted_at=kept.at,
        run=None if kept.evidence is None else kept.evidence.run,
        serves=serving is not None and serving.folder == kept.folder,
        problem=_problem(kept),
    )


def _problem(kept: Promotion) -> str | None:
    from ranking.errors import ModelError
    from ranking.tuning.adapter import read_adapter

    try:
        read_adapter(kept.folder)
    except ModelError as error:
        return str(error)
    return None


def _print_models(given: Globals, models: Sequence[ListedModel]) -> None:
    names = (Column("model", no_wrap=True), "what", "licence", "state", Column("to get it ready", overflow="fold"))
    table = Table(*names, title="Models", title_justify="left")
    for model in models:
        table.add_row(model.name, model.description, model.licence, model.state, Text(model.hint or ""))
    given.out.print(table)
    given.err.print("Any Hugging Face id or local folder can be named as well.", highlight=False)


def _print_adapters(given: Globals, adapters: Sequence[_ListedAdapter], settings: Settings) -> None:
    if adapters:
        names = (Column("adapter", overflow="fold"), Column("model", overflow="fold"), "promoted", "for run", "state")
        table = Table(*names, title="Adapters", title_justify="left")
        shared = Counter(one.label for one in adapters)
        for one in adapters:
            state = one.problem or ("serves" if one.serves else "")
            # The same weights may have been promoted twice, with other fusion weights.
            name = one.label if shared[one.label] == 1 else Path(one.folder).name
            table.add_row(Text(name), Text(one.model), one.promoted_at, Text(one.run or ""), Text(state))
        given.out.print(table)
    if settings.model.adapter is not None:
        _say(given, f"The settings name the adapter in {settings.model.adapter}: it serves, not a promoted one.")
    elif not settings.tuned:
        _say(given, "The settings say tuned: false, so the model serves as it is.")
    elif not any(one.serves for one in adapters):
        instead = _without_promotion(settings)
        _say(given, f"No adapter is promoted for {settings.model.name}: {instead} serves. See: fewrec models promote")


def _without_promotion(settings: Settings) -> str:
    """What serves where no adapter is promoted, in words."""
    from ranking.factory import as_promoted
    from ranking.shipped import SHIPPED_FOLDER

    adapter = as_promoted(settings, None).model.adapter
    if adapter is None:
        return "the model as it is"
    return "the shipped adapter" if adapter == SHIPPED_FOLDER else f"the adapter in {adapter}"


@app.command("show", epilog="Examples: fewrec models show store · fewrec models show adapters/store")
def show(
    ctx: typer.Context,
    adapter: Annotated[
        str, typer.Argument(metavar="ADAPTER", help="Label or name of a promoted adapter, or an adapter's folder.")
    ],
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Show an adapter's card: its data and examples, what was measured, its fusion weights, and why it serves."""
    from rich.markdown import Markdown

    from ranking.factory import promotion_for
    from ranking.registry import AdapterRegistry
    from ranking.shipped import SHIPPED, SHIPPED_FOLDER
    from ranking.tuning.adapter import find_manifest, read_adapter
    from ranking.tuning.card import model_card

    given = globals_of(ctx)
    settings = given.settings()
    path = SHIPPED_FOLDER if adapter == SHIPPED else Path(adapter)
    kept = None
    if find_manifest(path) is None:
        kept = AdapterRegistry(settings.home).find(adapter)
        path = kept.folder
    manifest = read_adapter(path).manifest
    serving = promotion_for(settings)
    serves = kept is not None and serving is not None and serving.folder == kept.folder
    evidence = kept.evidence if kept is not None else None
    if output is Output.JSON:
        shown = {
            "label": manifest.label,
            "folder": str(path),
            "serves": serves,
            "evidence": evidence and evidence.model_dump(),
            "manifest": manifest.model_dump(mode="json"),
        }
        print_json(given.out, json.dumps(shown, ensure_ascii=False, indent=2))
        return
    given.out.print(Markdown(model_card(manifest)))
    _say(given, f"\n{manifest.label} in {path}{': serves' if serves else ''}")
    if evidence is not None:
        _say(given, f"Promoted for run {evidence.run}, {evidence.metric} on {evidence.n:,} cases:")
        for each in evidence.differences:
            interval = "" if each.low is None else f" (95% interval {each.low:+.4f} to {each.high:+.4f})"
            _say(given, f"  {each.value:+.4f}{interval} against {each.label or each.against}, p = {each.p:.4g}")


@app.command("rollback", epilog="Example: fewrec models rollback")
def rollback(ctx: typer.Context) -> None:
    """Let what served before the last promotion serve again: an earlier adapter, or what serves without a promotion.

    A service that is running takes it up without a restart.
    """
    from ranking.registry import AdapterRegistry

    given = globals_of(ctx)
    settings = given.settings()
    registry = AdapterRegistry(settings.home)
    before = registry.current()
    now = registry.rollback()
    if now is not None and before is not None and now.label == before.label:
        _say(given, f"{now.label} serves again as in {now.folder}, instead of as in {before.folder}")
        return
    what = f"{_without_promotion(settings) if now is None else now.label} serves again"
    _say(given, f"{what}, instead of {before.label}" if before is not None else what)


@app.command("prepare")
def prepare(
    ctx: typer.Context,
    name: Name = None,
    fast_lane: Annotated[
        bool,
        typer.Option(
            "--fast-lane", help="Also convert it for OpenVINO, and measure here whether that ranks alike and is faster."
        ),
    ] = False,
) -> None:
    """Make a model ready: convert a packaged one, download a Hugging Face one, check that a folder is there.

    This is the only command that reaches a model hub, and only for an id that you name.
    """
    from ranking.models.prepare import prepare as make_ready
    from service.cli.progress import bars

    keep_to_ourselves(downloads=True)
    given = globals_of(ctx)
    settings = given.settings()
    wanted = name or settings.model.name
    with bars(given.err) as progress:
        folder = make_ready(wanted, settings.cache, progress)
    _say(given, f"{wanted} is ready in {folder}")
    if fast_lane:
        _measure_lanes(given, settings, wanted)


def _measure_lanes(given: Globals, settings: Settings, name: str) -> None:
    from ranking.engines.lane_gate import measure_lanes
    from ranking.factory import served_settings
    from service.cli.progress import bars

    model = settings.model.model_copy(update={"name": name})
    served = served_settings(settings.model_copy(update={"model": model}))
    with bars(given.err) as progress:
        found = measure_lanes(served.model, settings.cache, progress)
    for precision, one in found.items():
        verdict = "may be chosen" if one.why_not is None else f"not chosen: {one.why_not}"
        _say(
            given,
            f"openvino {precision}: Kendall's tau {one.tau:.3f} and NDCG@10 {one.ndcg_change:+.4f} to float32 over "
            f"{one.cases} cases, {one.seconds * 1000:,.0f} ms (torch {one.torch_seconds * 1000:,.0f}); {verdict}",
        )


@app.command("verify")
def verify(ctx: typer.Context, name: Name = None) -> None:
    """Compare a model's files, and the embedding model's, with their recorded checksums."""
    from ranking.models.verify import verify as check
    from retrieval.embedder import SentenceEmbedder

    given = globals_of(ctx)
    settings = given.settings()
    found = check(name or settings.model.name, settings.cache)
    how = "as recorded" if found.against == "manifest" else "complete; no record to compare with"
    _say(given, f"{found.name}: {found.n_files} files, {found.bytes / 1e6:,.0f} MB, SHA-256 {found.digest[:12]}… {how}")
    if name is None:
        digest = SentenceEmbedder(settings.embedder.model, settings.embedder.batch_size).verify()
        _say(given, f"{settings.embedder.model}: SHA-256 {digest[:12]}…")


def make_packaged_ready(settings: Settings, progress: Callable[[str, int, int], None]) -> None:
    """Prepares the settings' model if it is a packaged one that is not ready; anything else is left to the engine.

    A template that does not exist is told first: nobody should wait for a model to hear of a slip of the pen.
    """
    from ranking.engine_settings import OpenAISettings
    from ranking.errors import ModelError
    from ranking.factory import choose_template
    from ranking.models.prepare import locate
    from ranking.models.prepare import prepare as make_ready
    from ranking.models.registry import classify

    choose_template(settings)
    if isinstance(settings.engine, OpenAISettings) or classify(settings.model.name).kind != "packaged":
        return
    try:
        locate(settings.model.name, settings.cache)
    except ModelError:
        make_ready(settings.model.name, settings.cache, progress)


def _say(given: Globals, line: str) -> None:
    given.out.print(line, highlight=False, markup=False, soft_wrap=True)
