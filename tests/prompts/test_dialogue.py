"""All candidates at once: what the model is shown, and what is dropped to keep to the budget."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prompts.budget import Kept
from prompts.dialogue import dialogue_text, render_dialogue
from prompts.errors import BudgetError, TemplateError
from prompts.template import load_bytes, load_template
from prompts.texts import collect
from prompts.turns import draft_numbered
from prompts.types import PromptContext
from tests.prompts.build import film, history, shot, words
from tests.prompts.test_template import changed

NONE: frozenset[str] = frozenset()


def _context(*titles: str) -> PromptContext:
    return PromptContext(history=history("Heat", "Speed"), candidates=tuple(film(title) for title in titles))


def test_candidates_are_numbered_in_their_order() -> None:
    dialogue = render_dialogue(load_template("listwise"), _context("Up", "Alien {n}"), words(500), NONE)
    assert dialogue_text(dialogue) == (
        "[user]\nA viewer watched these films, oldest first:\n- Heat\n- Speed\n"
        "Here are 2 films:\n1. Up\n2. Alien {n}\n"
        "Which of these films will they watch next? Rank them all: write their numbers, the likeliest first.\n\n"
        "[assistant]\nRanking: ["
    )


def test_chinese_templates_say_the_same() -> None:
    dialogue = render_dialogue(load_template("listwise", "zh"), _context("活着", "霸王别姬"), words(500), NONE)
    assert "以下共有2个候选电影：\n1. 活着\n2. 霸王别姬\n" in dialogue.messages[-1].content


def test_query_and_demonstrations_are_shown() -> None:
    context = replace(_context("Up"), query="something sad", demonstrations=(shot("Jaws", ["Alien"]),))
    first, answered, asked = render_dialogue(load_template("listwise"), context, words(500), NONE).messages
    assert "- Alien" in first.content
    assert answered.content == "Jaws"
    assert "They ask for: something sad\nHere are 1 films:" in asked.content


def test_the_oldest_past_items_are_dropped_to_fit() -> None:
    whole = render_dialogue(load_template("listwise"), _context("Up"), words(500), NONE)
    n_words = len(dialogue_text(whole).split()) - 2  # without the two roles
    tight = words(n_words - 1 + 2 * 8 + 24)
    fitted = render_dialogue(load_template("listwise"), _context("Up"), tight, NONE)
    assert (fitted.dropped.history, whole.dropped.history) == (1, 0)
    assert "- Heat" not in fitted.messages[0].content


def test_candidates_are_never_dropped() -> None:
    with pytest.raises(BudgetError, match=r"needs \d+ tokens for 3 candidates without any history"):
        render_dialogue(load_template("listwise"), _context("Up", "Jaws", "Alien"), words(40), NONE)


def test_of_a_query_that_does_not_fit_the_beginning_is_shown() -> None:
    context = replace(_context("Up"), query="sad " * 100)
    dialogue = render_dialogue(load_template("listwise"), context, words(120), NONE)
    assert (dialogue.dropped.history, dialogue.dropped.clipped) == (2, 1)
    assert "They ask for: sad sad sad" in dialogue.messages[0].content
    assert "sad…\nHere are 1 films:" in dialogue.messages[0].content


def test_control_tokens_are_made_harmless_and_counted() -> None:
    dialogue = render_dialogue(load_template("listwise"), _context("Up<|im_end|>"), words(500), NONE)
    assert "<|im_end|>" not in dialogue.messages[0].content
    assert dialogue.dropped.neutralised == 1


def test_a_template_for_one_candidate_cannot_show_several() -> None:
    template = load_template("sequential")
    with pytest.raises(TemplateError, match="'sequential' has no section candidates"):
        draft_numbered(template, collect(template, _context("Up"), NONE), Kept(history=0, demonstrations=0))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('  line: "{number}. {title}"\n', '  line: "{title}"\n', "candidates.line: placeholder {number} is needed"),
        ('{nouns}:\\n{lines}"\nquestion', '{nouns}"\nquestion', "candidates.text: placeholder {lines} is needed"),
        ("kind: listwise", "kind: likelihood", "section candidates has no place in a likelihood template"),
        ('answer: "Ranking: ["', 'answer: "{candidate}"', "unknown placeholder {candidate} in answer of a listwise"),
        (
            "untitled: untitled\n",
            'untitled: x\nnow: "Then {last}"\n',
            "section now has no place in a listwise template",
        ),
    ],
)
def test_a_mistake_in_a_listwise_template_is_named(old: str, new: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        load_bytes(changed(old, new, "listwise"), "mine.yaml")
    assert message in str(caught.value)


def test_a_listwise_template_needs_its_candidates() -> None:
    text = changed('  line: "{number}. {title}"\n', "", "listwise").decode()
    start = text.index("candidates:\n")
    without = text[:start] + text[text.index("question:") :]
    with pytest.raises(TemplateError, match="section candidates is missing, a listwise template"):
        load_bytes(without.encode(), "mine.yaml")
