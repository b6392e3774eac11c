"""Answers as rich tables. Titles are untrusted: they are shown as text, never read as markup."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from prompts.types import Prompt
from ranking.ads.types import Sponsored
from ranking.audience import AudienceAnswer
from ranking.types import RankedItem, Recommendation
from retrieval.types import Item

_YEAR = "year"


def name_of(item: Item) -> Text:
    """The title, with the year where the item has one and the title does not say it."""
    year = item.attributes.get(_YEAR)
    if isinstance(year, float | int) and not isinstance(year, bool) and f"{year:.0f}" not in item.title:
        return Text.assemble(item.title, (f" ({year:.0f})", "dim"))
    return Text(item.title)


def recommendation_table(recommendation: Recommendation) -> Table:
    """Rank, item with its reason below, the scores, and where the item stood before the model ranked.

    What is paid for stands at its slot, marked, without rank or score.
    """
    explained = any(ranked.reason is not None for ranked in recommendation.items)
    table = Table(title=_title(recommendation), title_justify="left", show_lines=explained)
    table.add_column("#", justify="right", style="bold")
    table.add_column("item", overflow="fold", ratio=1)
    table.add_column("id", overflow="fold", style="dim")
    table.add_column("score", justify="right")
    table.add_column("LLM", justify="right")
    table.add_column("retrieval", justify="right", style="dim")
    rows = [_row(ranked) for ranked in recommendation.items]
    for entry in recommendation.sponsored:
        rows.insert(entry.slot - 1, (Text("paid", style="reverse"), _paid(entry), Text(entry.item.item_id), "", "", ""))
    for row in rows:
        table.add_row(*row)
    return table


def _row(ranked: RankedItem) -> tuple[str | Text, ...]:
    return (
        str(ranked.rank),
        with_reason(ranked),
        Text(ranked.item.item_id),
        f"{ranked.score:.2f}",
        "-" if ranked.llm_score is None else f"{ranked.llm_score:.2f}",
        str(ranked.retrieval_rank),
    )


def _paid(entry: Sponsored) -> Text:
    text = name_of(entry.item)
    if entry.creative is not None:
        text.append(f"\n{entry.creative}", style="italic")
    return text.append(f"\n{entry.reason}", style="dim")


def changes_table(recommendation: Recommendation) -> Table:
    """What put items elsewhere than ranking did, or left them out, and by which rule."""
    table = Table(title="What changed ranking's order", title_justify="left")
    for name in ("was", "is"):
        table.add_column(name, justify="right", style="bold")
    table.add_column("item", overflow="fold", ratio=1)
    table.add_column("by", overflow="fold")
    table.add_column("what was done", overflow="fold", ratio=1)
    for change in recommendation.changes:
        by = change.kind if change.rule is None else f"{change.kind}: {change.rule}"
        places = ("-" if place is None else str(place) for place in (change.before, change.after))
        table.add_row(*places, Text(change.title), Text(by), Text(change.told))
    return table


def audience_table(answer: AudienceAnswer) -> Table:
    """Rank, user and the scores, and where the user stood before the model ranked, in all and in each source's list."""
    title = Text.assemble(f"{len(answer.users)} users for ", name_of(answer.item), f", ranked by {answer.ranked_by}")
    table = Table(title=title, title_justify="left")
    table.add_column("#", justify="right", style="bold")
    table.add_column("user", overflow="fold")
    sources = {"nearest": "similarity_max", "words": "bm25", "together": "cooccurrence"}
    for name in ("score", "LLM", "retrieval", *sources):
        table.add_column(name, justify="right")
    for user in answer.users:
        shown = ["-" if value is None else f"{value:.2f}" for value in (user.score, user.llm_score)]
        places = {vote.source: str(vote.rank) for vote in user.votes}
        places_in = [places.get(source, "-") for source in sources.values()]
        table.add_row(str(user.rank), Text(user.user_id), *shown, str(user.retrieval_rank), *places_in)
    return table


def with_reason(ranked: RankedItem) -> Text:
    """The item's name, and below it the reason where one was measured."""
    name = name_of(ranked.item)
    if ranked.reason is None:
        return name
    name.stylize("bold")
    return name.append(f"\n{ranked.reason.text}", style="dim")


def _title(recommendation: Recommendation) -> Text:
    whom = "anybody" if recommendation.user is None else recommendation.user.user_id
    scenario = "" if recommendation.scenario is None else f", scenario {recommendation.scenario}"
    return Text(f"{len(recommendation.items)} items for {whom}{scenario}")


def summary_line(recommendation: Recommendation) -> Text:
    """Who ranked, with what, and how long each stage took."""
    parts = []
    if recommendation.engine is not None:
        engine = recommendation.engine
        adapter = f" + {engine.adapter}" if engine.adapter else ""
        # Of a server's model the number format is not known.
        where = engine.device if engine.dtype == "unknown" else f"{engine.dtype} on {engine.device}"
        route = "" if engine.route is None else f", {engine.engine}: {engine.route}"
        parts.append(f"{engine.model}{adapter} ({where}{route})")
    else:
        parts.append(f"ranked by {recommendation.ranked_by}, no model")
    if recommendation.template is not None:
        template = recommendation.template
        parts.append(f"{recommendation.strategy}, template {template.name} v{template.version} {template.language}")
    parts.append(f"{recommendation.n_candidates} candidates, {recommendation.n_history_shown} past items shown")
    parts.append(times_of(recommendation))
    return Text(" · ".join(parts), style="dim")


def times_of(recommendation: Recommendation) -> str:
    """Seconds by stage, in their order."""
    return ", ".join(f"{stage.name} {stage.seconds:.2f} s" for stage in recommendation.stages)


def facts_table(title: str, facts: Sequence[tuple[str, str]]) -> Table:
    """Names and values, one row each."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(Text(name), Text(value))
    return table


def prompt_text(prompt: Prompt, candidate: int | None) -> Text:
    """A prompt as the model reads it, turn by turn; all candidates in the slot, or one of them (1-based)."""
    text = Text()
    for message in prompt.messages:
        text.append(f"[{message.role}]\n", style="bold cyan").append(f"{message.content}\n\n")
    text.append(f"[{prompt.slot_role}]\n", style="bold cyan").append(prompt.before)
    if candidate is not None:
        text.append(prompt.branches[candidate - 1], style="green")
    else:
        width = len(str(len(prompt.branches)))
        for place, branch in enumerate(prompt.branches, start=1):
            text.append(f"\n  {place:>{width}} ┆", style="dim").append(branch, style="green")
        text.append("\n")
    text.append(prompt.after)
    if prompt.labels is not None:
        text.append("\n\n[assistant]\n", style="bold cyan").append(prompt.answer)
        text.append(f" … {' or '.join(repr(label) for label in prompt.labels)}?", style="dim")
    return text
