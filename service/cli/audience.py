"""`fewrec audience`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import options
from service.cli.context import Globals, Output, globals_of, print_json
from service.cli.options import ModelOptions

if TYPE_CHECKING:
    from ranking.audience import AudienceAnswer


def audience(
    ctx: typer.Context,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="Item id; it need not have been taken by anybody.")],
    n: Annotated[int, typer.Option("-n", "--number", min=1, max=1000, help="How many users.")] = 100,
    output: options.OutputOption = Output.TABLE,
    model: options.Model = None,
    adapter: options.Adapter = None,
    engine: options.EngineOption = None,
    language: options.LanguageOption = None,
    history: options.HistoryLength = None,
) -> None:
    """Rank the users whom an item is for, such as a new one: those who liked what is near it."""
    from ranking.factory import open_recommender
    from service.cli.models import make_packaged_ready
    from service.cli.progress import bars

    given = globals_of(ctx)
    chosen = ModelOptions(model=model, adapter=adapter, engine=engine, language=language, history=history)
    settings = given.settings(**chosen.flags())
    with bars(given.err) as progress:
        make_packaged_ready(settings, progress)
        with open_recommender(settings, progress) as recommender:
            answer = asyncio.run(recommender.audience.rank(item, n))
    _show(given, answer, output)


def _show(given: Globals, answer: AudienceAnswer, output: Output) -> None:
    if output is Output.JSON:
        from service.audience import AudienceOut

        print_json(given.out, AudienceOut.of(answer).model_dump_json(indent=2))
        return
    from service.cli.tables import audience_table

    given.out.print(audience_table(answer))
    for note in answer.notes:
        given.err.print(f"note: {note}", style="yellow", highlight=False, markup=False)
