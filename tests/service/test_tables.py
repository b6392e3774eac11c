from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from prompts.types import Dropped, Message, Prompt, TemplateRef
from ranking.ads.types import Sponsored
from ranking.arrangement.change import Change
from retrieval.types import Item
from service.cli.tables import changes_table, name_of, prompt_text, recommendation_table, summary_line
from tests.service.answers import TITLE, bare_answer, full_answer


def shown(what: RenderableType) -> str:
    file = io.StringIO()
    Console(file=file, width=200).print(what)
    return file.getvalue()


def prompt() -> Prompt:
    return Prompt(
        messages=(Message(role="system", content="Be brief [bold]."),),
        slot_role="user",
        before="Item:",
        branches=(" Heat", " Alien"),
        after="?",
        answer="Answer:",
        labels=(" Yes", " No"),
        template=TemplateRef(name="t", version=1, language="en", digest="d"),
        dropped=Dropped(),
    )


def test_titles_are_never_read_as_markup() -> None:
    text = shown(recommendation_table(full_answer()))
    assert TITLE in text
    assert "(1979)" in text
    assert "Because of Heat." in text


def test_the_summary_names_model_template_and_times() -> None:
    text = shown(summary_line(full_answer()))
    assert "scripted (float32 on cpu)" in text
    assert "likelihood v1 en" in text
    assert "llm 0.50 s" in text


def test_the_summary_names_engine_and_route_where_there_was_a_choice() -> None:
    answer = full_answer()
    assert answer.engine is not None
    served = replace(
        answer.engine, engine="openai", device="server elsewhere", dtype="unknown", route="logprobs, json_schema"
    )
    text = shown(summary_line(replace(answer, engine=served)))
    assert "scripted (server elsewhere, openai: logprobs, json_schema)" in text


def test_what_is_paid_for_stands_at_its_slot_and_says_so() -> None:
    paid = Sponsored(
        item=Item(item_id="b", title="[b]Heat[/]"),
        slot=1,
        campaign_id="c",
        creative="Buy [red]now[/]",
        probability=0.1,
        price=1,
        currency="EUR",
        reason="Paid for by an advertiser.",
    )
    lines = shown(recommendation_table(replace(full_answer(), sponsored=(paid,)))).splitlines()
    [first] = [at for at, line in enumerate(lines) if "paid" in line and "[b]Heat[/]" in line]
    [second] = [at for at, line in enumerate(lines) if TITLE in line]
    assert first < second
    assert "Buy [red]now[/]" in lines[first + 1]
    assert "Paid for by an advertiser." in lines[first + 2]


def test_changes_are_told_with_their_places_and_rules() -> None:
    change = Change(
        item_id="a", title=TITLE, kind="cap", rule="[b]two[/]", before=3, after=None, told="the list has 2 of them"
    )
    text = " ".join(shown(changes_table(replace(full_answer(), changes=(change,)))).split())
    assert TITLE in text
    assert "3 │ - │" in text
    assert "cap: [b]two[/]" in text
    assert "scenario news" in shown(recommendation_table(replace(full_answer(), scenario="news")))


def test_an_empty_answer_is_an_empty_table() -> None:
    assert "0 items for anybody" in shown(recommendation_table(bare_answer()))
    assert "ranked by signals, no model" in shown(summary_line(replace(bare_answer(), ranked_by="signals")))


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (Item(item_id="1", title="Heat", attributes={"year": 1995.0}), "Heat (1995)"),
        (Item(item_id="1", title="Heat (1995)", attributes={"year": 1995.0}), "Heat (1995)"),
        (Item(item_id="1", title="Heat", attributes={"year": "unknown"}), "Heat"),
        (Item(item_id="1", title="Heat"), "Heat"),
    ],
)
def test_a_name_has_the_year_once(item: Item, expected: str) -> None:
    assert name_of(item).plain == expected


def test_a_prompt_is_shown_with_all_candidates_or_one() -> None:
    both = shown(prompt_text(prompt(), None))
    assert "[system]\nBe brief [bold]." in both
    assert "1 ┆ Heat" in both
    assert "2 ┆ Alien" in both
    assert "Answer: … ' Yes' or ' No'?" in both
    assert "Item: Alien?" in shown(prompt_text(prompt(), 2))
