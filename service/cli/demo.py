"""`fewrec demo`: the main job on the bundled sample, in one go."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from service.cli import options
from service.cli.closest import naming_closest_users
from service.cli.context import Globals, Output, globals_of, print_json
from service.cli.demo_store import DEMO_USER, LIKED_SHOWN, SHOWN, demo_settings, import_sample

if TYPE_CHECKING:
    from ranking.recommender import Recommender
    from ranking.settings import Settings
    from ranking.types import Recommendation
    from retrieval.types import Candidate, PastItem, Retrieved


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What the demo puts side by side."""

    recommendation: Recommendation
    embedding_order: tuple[Candidate, ...]
    """The same candidates by their largest similarity to a liked item, most similar first."""
    history: tuple[PastItem, ...]


def demo(
    ctx: typer.Context,
    user: Annotated[str | None, typer.Argument(metavar="USER", help="A simulated viewer of the sample.")] = None,
    scenario: options.ScenarioOption = None,
    output: options.OutputOption = Output.TABLE,
) -> None:
    """Import the bundled sample into a folder of its own and recommend films to one of its simulated viewers."""
    given = globals_of(ctx)
    if scenario is not None:
        from service.cli.demo_scenario import scenario_demo

        scenario_demo(given, scenario, user, output)
        return
    begun = time.perf_counter()
    settings = demo_settings(given.settings())
    shown = _run(given, settings, user)
    if output is Output.JSON:
        from service.schemas import RecommendationOut

        print_json(given.out, RecommendationOut.of(shown.recommendation).model_dump_json(indent=2))
        return
    _print(given, shown, time.perf_counter() - begun)


def embedding_order(retrieved: Retrieved) -> tuple[Candidate, ...]:
    """Candidates by their largest similarity to a liked item, those without one last; ties by item id."""

    def key(candidate: Candidate) -> tuple[float, str]:
        similarity = candidate.signals.similarity_max
        return (2.0 if similarity is None else -similarity, candidate.item.item_id)

    return tuple(sorted(retrieved.candidates, key=key))


def side_by_side(shown: Shown) -> Table:
    """The model's order with reasons, and beside it what the embedding alone would have shown."""
    from service.cli.tables import name_of, with_reason

    place = {candidate.item.item_id: at for at, candidate in enumerate(shown.embedding_order, start=1)}
    table = Table(show_lines=True)
    table.add_column("#", justify="right", style="bold")
    table.add_column("the LLM with retrieval's signals, and why", overflow="fold", ratio=3)
    table.add_column("embedding's place", justify="right", style="dim", width=11)
    table.add_column("the embedding's order", overflow="fold", ratio=2)
    for ranked, other in zip(shown.recommendation.items, shown.embedding_order, strict=False):
        stood = str(place[ranked.item.item_id])
        table.add_row(str(ranked.rank), with_reason(ranked), stood, name_of(other.item))
    return table


def _run(given: Globals, settings: Settings, user: str | None) -> Shown:
    from ranking.factory import open_recommender
    from service.cli.models import make_packaged_ready
    from service.cli.progress import bars

    with bars(given.err) as progress:
        make_packaged_ready(settings, progress)
        import_sample(settings)
        with open_recommender(settings, progress) as recommender, naming_closest_users(settings, user):
            return asyncio.run(_ask(recommender, user or DEMO_USER, settings.retrieval.n_candidates))


async def _ask(recommender: Recommender, user: str, n_candidates: int) -> Shown:
    from ranking.types import Stage
    from retrieval.types import Query

    begun = time.perf_counter()
    query = Query(user_id=user, domain="films")
    retrieved = await asyncio.to_thread(recommender.retriever.retrieve, query, n_candidates)
    stage = Stage(name="retrieval", seconds=time.perf_counter() - begun)
    answer = await recommender.rank(retrieved, SHOWN, explain=True)
    return Shown(
        recommendation=replace(answer, stages=(stage, *answer.stages)),
        embedding_order=embedding_order(retrieved),
        history=retrieved.history,
    )


def _print(given: Globals, shown: Shown, seconds: float) -> None:
    from service.cli.tables import name_of, summary_line

    viewer = shown.recommendation.user
    liked = [past.item for past in shown.history if past.liked]
    given.out.print(Text(f"Simulated viewer {viewer.user_id if viewer else '?'} liked, most recently:", style="bold"))
    for item in liked[-LIKED_SHOWN:]:
        given.out.print(Text("  · ").append_text(name_of(item)))
    given.out.print(side_by_side(shown))
    given.out.print(summary_line(shown.recommendation))
    given.out.print(Text(f"{seconds:.1f} s in all. Next: fewrec import --items FILE --interactions FILE", style="dim"))
