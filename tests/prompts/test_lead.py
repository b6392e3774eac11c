from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.lead import lead
from prompts.render import as_text, render
from prompts.template import load_template
from prompts.types import PromptContext
from retrieval.types import Item
from tests.prompts.build import history, words

BODY = "The tunnel opened. It is free until autumn! Ferries run half as often from Monday."


@pytest.mark.parametrize(
    ("most", "says"),
    [
        (100, BODY),
        (15, BODY),
        (14, "The tunnel opened. It is free until autumn!"),
        (8, "The tunnel opened. It is free until autumn!"),
        (7, "The tunnel opened."),
        (3, "The tunnel opened."),
        (2, "The tunnel…"),
        (0, ""),
    ],
)
def test_whole_sentences_are_kept_as_many_as_fit(most: int, says: str) -> None:
    assert lead(BODY, most) == says


def test_chinese_counts_characters() -> None:
    assert lead("隧道今天通车。秋天之前免费。", 7) == "隧道今天通车。"


def test_what_is_no_words_is_cut_too() -> None:
    address = "https://example.com/" + "a7f3" * 1000
    assert lead(address, 25) == address[:399] + "…"
    assert lead(f"See it. {address}", 25) == "See it."
    assert lead(f"See {address} now", 25) == "See…"
    assert lead("ภาพยนตร์" * 500, 25) == ("ภาพยนตร์" * 17)[:132] + "…", "Thai takes three bytes a character"


@given(text=st.text(alphabet="ab .!", max_size=60), most=st.integers(1, 30))
def test_what_is_kept_begins_the_text_and_is_never_longer(text: str, most: int) -> None:
    kept = lead(text, most)
    assert text.startswith(kept.removesuffix("…"))
    assert len(kept.split()) <= max(most, 1)


def test_a_prompt_shows_leads_and_tells_of_how_many_something_was_left_out() -> None:
    short = Item(item_id="a", title="Short", description="All of it.", domain="news")
    long = Item(item_id="b", title="Long", description=BODY + " <|im_start|>" + " more" * 9000, domain="news")
    bare = Item(item_id="c", title="Bare", domain="news")
    context = PromptContext(history=history("Heat"), candidates=(short, long, bare), lead_words=8)
    prompt = render(load_template("sequential"), context, words(10_000), frozenset({"<|im_start|>"}))
    assert prompt.branches == (" Short: All of it.", " Long: The tunnel opened. It is free until autumn!", " Bare")
    assert prompt.dropped.summarised == 1
    assert "Ferries" not in as_text(prompt, 1)
    titles = PromptContext(history=history("Heat"), candidates=(short, long))
    plain = render(load_template("sequential"), titles, words(10_000), frozenset())
    assert (plain.branches, plain.dropped.summarised) == ((" Short", " Long"), 0)
