"""`fewrec recommend`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from service.cli import options
from service.cli.closest import naming_closest_users
from service.cli.context import Globals, Output, globals_of, print_json
from service.cli.options import ModelOptions, build_query

if TYPE_CHECKING:
    from ranking.recommender import Recommender
    from ranking.settings import Settings
    from ranking.types import Recommendation
    from retrieval.types import Query


def recommend(
    ctx: typer.Context,
    user: options.UserArgument = None,
    n: options.Number = 10,
    query: options.Text = None,
    filters: options.Filters = None,
    exclude: options.Exclude = None,
    domain: options.Domain = None,
    scenario: options.ScenarioOption = None,
    explain: options.Explain = False,
    output: options.OutputOption = Output.TABLE,
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
    """Rank items for a user, for a query, or for both."""
    given = globals_of(ctx)
    wanted = build_query(user, query, filters, exclude, domain)
    settings = given.settings(
        **ModelOptions(
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
        ).flags()
    )
    show(given, answer(given, settings, wanted, n, explain=explain), output)


def answer(given: Globals, settings: Settings, query: Query, n: int, *, explain: bool) -> Recommendation:
    """Opens the store and the model, asks once, and closes them again."""
    from ranking.factory import open_recommender
    from service.cli.models import make_packaged_ready
    from service.cli.progress import bars

    with bars(given.err) as progress:
        make_packaged_ready(settings, progress)
        with open_recommender(settings, progress) as recommender, naming_closest_users(settings, query.user_id):
            return asyncio.run(asked(recommender, query, n, explain=explain))


async def asked(recommender: Recommender, query: Query, n: int, *, explain: bool) -> Recommendation:
    """A list with what is sold beside it, which whoever asks is to show."""
    from ranking.ads.auctioneer import with_ads

    return await with_ads(recommender.auctioneer, await recommender.recommend(query, n, explain=explain))


def show(given: Globals, recommendation: Recommendation, output: Output) -> None:
    """A table for people, or the wire shape for programs."""
    if output is Output.JSON:
        from service.schemas import RecommendationOut

        print_json(given.out, RecommendationOut.of(recommendation).model_dump_json(indent=2))
        return
    from service.cli.tables import changes_table, recommendation_table, summary_line

    given.out.print(recommendation_table(recommendation))
    if recommendation.changes:
        given.out.print(changes_table(recommendation))
    given.out.print(summary_line(recommendation))
    for note in recommendation.notes:
        given.err.print(f"note: {note}", style="yellow", highlight=False, markup=False)
