"""`fewrec prompt render` and `fewrec prompt list`."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from service.cli import options
from service.cli.closest import naming_closest_users
from service.cli.context import Output, globals_of, print_json
from service.cli.options import ModelOptions, build_query

if TYPE_CHECKING:
    from prompts.types import Dialogue, Prompt
    from ranking.recommender import Recommender
    from ranking.settings import Settings
    from retrieval.types import Query

app = typer.Typer(help="Look at what the model is shown.", no_args_is_help=True)


@app.command("render")
def render(
    ctx: typer.Context,
    user: options.UserArgument = None,
    n: options.Number = 10,
    query: options.Text = None,
    filters: options.Filters = None,
    exclude: options.Exclude = None,
    domain: options.Domain = None,
    candidate: Annotated[
        int | None,
        typer.Option(min=1, help="Fill the slot with this candidate or group (1 is the first) instead of all."),
    ] = None,
    output: options.OutputOption = Output.TABLE,
    model: options.Model = None,
    engine: options.EngineOption = None,
    template: options.TemplateName = None,
    language: options.LanguageOption = None,
    strategy: options.StrategyOption = None,
    shots: options.Shots = None,
    history: options.HistoryLength = None,
    candidates: options.Candidates = None,
) -> None:
    """Show the prompt for a user as the model will see it, without asking the model."""
    from prompts.dialogue import dialogue_text
    from prompts.types import Prompt
    from ranking.factory import open_recommender, served_settings
    from service.cli.models import make_packaged_ready
    from service.cli.progress import bars
    from service.cli.tables import prompt_text

    given = globals_of(ctx)
    wanted = build_query(user, query, filters, exclude, domain)
    chosen = ModelOptions(
        model=model,
        engine=engine,
        template=template,
        language=language,
        strategy=strategy,
        shots=shots,
        history=history,
        candidates=candidates,
    )
    settings = served_settings(given.settings(**chosen.flags()))
    with bars(given.err) as progress:
        make_packaged_ready(settings, progress)
        with open_recommender(settings, progress) as recommender, naming_closest_users(settings, user):
            prompt = asyncio.run(rendered(recommender, settings, wanted, n))
    if isinstance(prompt, Prompt) and candidate is not None and candidate > len(prompt.branches):
        raise typer.BadParameter(f"the slot has {len(prompt.branches)} fillings", param_hint="--candidate")
    if output is Output.JSON:
        print_json(given.out, json.dumps(dataclasses.asdict(prompt), ensure_ascii=False, indent=2))
    elif isinstance(prompt, Prompt):
        given.out.print(prompt_text(prompt, candidate), soft_wrap=True)
    else:
        given.out.print(dialogue_text(prompt), soft_wrap=True, markup=False)


async def rendered(recommender: Recommender, settings: Settings, query: Query, n: int) -> Prompt | Dialogue:
    """What `recommend` would ask the model first for this query: a dialogue where it is to write."""
    from ranking.factory import choose_template
    from ranking.strategies.question import first_question

    context = await recommender.context(query, n)
    return first_question(settings, recommender.engine, choose_template(settings), context)


@app.command("list")
def list_(ctx: typer.Context, output: options.OutputOption = Output.TABLE) -> None:
    """List the prompt templates that come with FewRec."""
    from prompts.template import list_templates

    given = globals_of(ctx)
    refs = list_templates()
    if output is Output.JSON:
        print_json(given.out, json.dumps([dataclasses.asdict(ref) for ref in refs], indent=2))
        return
    table = Table("template", "version", "language", "digest", title="Prompt templates", title_justify="left")
    for ref in refs:
        table.add_row(ref.name, str(ref.version), ref.language, ref.digest)
    given.out.print(table)
