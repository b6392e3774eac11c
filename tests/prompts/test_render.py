from __future__ import annotations

from dataclasses import replace

import pytest

from prompts.errors import BudgetError, TemplateError
from prompts.render import as_text, render, render_unconditional
from prompts.template import Template, load_bytes, load_template
from prompts.types import Dropped, Message, Prompt, PromptContext, TokenBudget
from retrieval.types import Item, PastItem, User
from tests.prompts.build import film, history, past, shot, words
from tests.prompts.test_template import answered, changed

ROOMY = words(10_000)
SEEN = history("Alien", "Heat", "Fargo")
UP = (film("Up"), film("Brazil"))


def show(template: Template, context: PromptContext, budget: TokenBudget = ROOMY) -> Prompt:
    return render(template, context, budget, frozenset({"<|im_start|>"}))


def seen(*past_items: PastItem) -> PromptContext:
    return PromptContext(history=past_items, candidates=UP)


def test_sequential_is_the_recipe() -> None:
    prompt = show(load_template("sequential"), PromptContext(history=SEEN, candidates=UP))
    assert prompt == Prompt(
        messages=(),
        slot_role="user",
        before="A viewer watched these films, oldest first:\n- Alien\n- Heat\n- Fargo\n"
        "Will they watch this film next? Answer Yes or No.\nFilm:",
        branches=(" Up", " Brazil"),
        after="",
        answer="Answer:",
        labels=(" Yes", " No"),
        template=load_template("sequential").ref,
        dropped=Dropped(),
    )


def test_sequential_in_chinese() -> None:
    prompt = show(load_template("sequential", "zh"), PromptContext(history=SEEN, candidates=UP))
    assert prompt.before == (
        "一位观众看过以下电影，按时间从早到晚排列：\n- Alien\n- Heat\n- Fargo\n"
        "对方接下来会看这部电影吗？请只回答“是”或“不”。\n电影："
    )
    assert (prompt.branches, prompt.answer, prompt.labels) == ((" Up", " Brazil"), "回答：", ("是", "不"))


def test_likelihood_asks_in_the_users_turn_and_leaves_the_title_open() -> None:
    prompt = show(load_template("likelihood"), PromptContext(history=SEEN, candidates=UP))
    question = "Which film will they watch next? Answer with its title."
    assert prompt.messages == (
        Message(
            role="user",
            content=f"A viewer watched these films, oldest first:\n- Alien\n- Heat\n- Fargo\n{question}",
        ),
    )
    assert (prompt.slot_role, prompt.before, prompt.branches) == ("assistant", "Film:", (" Up", " Brazil"))
    assert (prompt.after, prompt.answer, prompt.labels) == ("", "", None)


def test_the_answer_may_hold_the_candidate_and_be_read_at_its_end() -> None:
    context = PromptContext(history=SEEN, candidates=UP, demonstrations=(shot("Jaws", ["Psycho"]),))
    prompt = show(load_bytes(answered().encode(), "mine.yaml"), context)
    shown = "A viewer watched these films, oldest first:\n- Alien\n- Heat\n- Fargo\nWill they watch this film next?"
    assert prompt.messages[1:] == (
        Message(role="assistant", content="Film: Jaws? Yes"),
        Message(role="user", content=shown),
    )
    assert (prompt.slot_role, prompt.before, prompt.branches, prompt.after) == (
        "assistant", "Film:", (" Up", " Brazil"), "?",
    )  # fmt: skip
    assert (prompt.answer, prompt.labels) == ("", (" Yes", " No"))


def test_recency_focused_points_the_latest_item_out() -> None:
    before = show(load_template("recency-focused"), PromptContext(history=SEEN, candidates=UP)).before
    assert "- Fargo\nNote that most recently they watched: Fargo\nWill they" in before
    assert "Note that" not in show(load_template("recency-focused"), seen()).before


def test_in_context_asks_for_the_latest_item_first() -> None:
    prompt = show(load_template("in-context"), PromptContext(history=SEEN, candidates=UP))
    question = "Will they watch this film next? Answer Yes or No.\nFilm:"
    assert prompt.messages == (
        Message(role="user", content=f"A viewer watched these films, oldest first:\n- Alien\n- Heat\n{question} Fargo"),
        Message(role="assistant", content="Answer: Yes"),
    )
    assert prompt.before == f"They did. They have now watched: Fargo\n{question}"


@pytest.mark.parametrize("past_items", [(past("Alien"),), (past("Alien"), past("Heat", liked=False))])
def test_in_context_without_a_liked_item_to_ask_for_is_sequential(past_items: tuple[PastItem, ...]) -> None:
    context = seen(*past_items)
    in_context = show(load_template("in-context"), context)
    assert in_context.messages == ()
    assert in_context.before == show(load_template("sequential"), context).before


def test_demonstrations_come_first_and_look_like_the_question() -> None:
    context = PromptContext(history=SEEN, candidates=UP, demonstrations=(shot("Jaws", ["Psycho", "Birds"]),))
    yes_no = show(load_template("sequential"), context)
    shown = "Another viewer watched these films, oldest first:\n- Psycho\n- Birds\n"
    assert yes_no.messages == (
        Message(role="user", content=f"{shown}Will they watch this film next? Answer Yes or No.\nFilm: Jaws"),
        Message(role="assistant", content="Answer: Yes"),
    )
    likelihood = show(load_template("likelihood"), context)
    assert likelihood.messages[:2] == (
        Message(role="user", content=f"{shown}Which film will they watch next? Answer with its title."),
        Message(role="assistant", content="Film: Jaws"),
    )


def test_a_demonstration_shows_what_was_liked_only() -> None:
    def first(*entries: PastItem) -> str:
        example = replace(shot("Jaws", []), history=entries)
        context = PromptContext(history=SEEN, candidates=UP, demonstrations=(example,))
        return show(load_template("sequential"), context).messages[0].content

    assert "first:\n- Birds\nWill" in first(past("Psycho", liked=False), past("Birds"))
    assert "first:\nNothing is known of what this viewer watched before.\nWill" in first(past("Psycho", liked=False))


def test_demonstrations_for_a_template_without_their_section_are_refused() -> None:
    text = changed('  assistant: "Answer: Yes"\n', "").decode()
    template = load_bytes(text[: text.index("demonstration:")].encode(), "mine.yaml")
    context = PromptContext(history=SEEN, candidates=UP, demonstrations=(shot("Jaws", ["Psycho"]),))
    with pytest.raises(TemplateError, match=r"'sequential' has no section demonstration; .* set examples.shots to 0"):
        show(template, context)
    assert show(template, PromptContext(history=SEEN, candidates=UP)).messages == ()


def test_liked_and_disliked_are_told_apart() -> None:
    before = show(load_template("sequential"), seen(past("Cats", liked=False), past("Heat"), past("It"))).before
    assert before.startswith(
        "A viewer watched and liked these films, oldest first:\n- Heat\n- It\n"
        "They watched but did not like these films, oldest first:\n- Cats\nWill they"
    )
    only_disliked = show(load_template("sequential"), seen(past("Cats", liked=False))).before
    assert only_disliked.startswith("They watched but did not like these films, oldest first:\n- Cats\nWill they")


def test_no_history_is_said() -> None:
    assert show(load_template("sequential"), seen()).before.startswith(
        "Nothing is known of what this viewer watched before.\nWill they"
    )


def test_profile_shows_the_named_attributes_only_and_the_query_stands_before_the_question() -> None:
    user = User(user_id="u", attributes={"zip": "12345", "occupation": ("writer", "cook"), "gender": True, "age": 24.0})
    context = PromptContext(history=SEEN, candidates=UP, user=user, query="something {funny}\n")
    before = show(load_template("sequential"), context).before
    assert before.startswith("About this viewer: age: 24; gender: yes; occupation: writer, cook\nA viewer watched")
    assert "- Fargo\nThey ask for: something {funny}\nWill they" in before
    assert "年龄: 24" in show(load_template("sequential", "zh"), context).before


def test_a_user_without_named_attributes_and_a_blank_query_say_nothing() -> None:
    context = PromptContext(history=SEEN, candidates=UP, user=User(user_id="u"), query=" \n ")
    assert show(load_template("sequential"), context) == show(
        load_template("sequential"), PromptContext(history=SEEN, candidates=UP)
    )


def test_a_system_section_opens_the_conversation() -> None:
    template = load_bytes(changed("untitled: untitled\n", 'untitled: x\nsystem: "You know {nouns}."\n'), "mine.yaml")
    assert show(template, seen()).messages == (Message(role="system", content="You know films."),)


def test_text_after_the_candidate_is_shared() -> None:
    template = load_bytes(changed(": {candidate}", ": {candidate} {{by {noun}}}?"), "mine.yaml")
    prompt = show(template, seen())
    assert (prompt.before[-6:], prompt.after) == ("\nFilm:", " {by film}?")


def test_words_follow_the_domain_of_what_they_speak_of() -> None:
    context = PromptContext(history=(past("Dune", domain="books"),), candidates=UP)
    before = show(load_template("sequential"), context).before
    assert before.startswith("A reader read these books")
    assert "Will they watch this film next?" in before
    mixed = PromptContext(history=(past("Dune", domain="books"), past("Heat")), candidates=(*UP, film("x", "books")))
    before = show(load_template("sequential"), mixed).before
    assert before.startswith("A customer bought these items")
    assert "Will they buy this item next?" in before


def test_texts_that_were_changed_are_counted() -> None:
    user = User(user_id="u", attributes={"occupation": "<|im_start|>"})
    context = PromptContext(
        history=(past("a\nb"), past("x" * 10_000)), candidates=(film("\u202e"), film("Up")), user=user, query="q" * 501
    )
    prompt = show(load_template("sequential"), context)
    assert prompt.dropped == Dropped(clipped=2, neutralised=3)
    assert prompt.branches == (" untitled", " Up")
    assert "- a b\n" in prompt.before


def test_the_oldest_history_is_dropped_first() -> None:
    context = PromptContext(history=history(*(f"film{i}" for i in range(300))), candidates=UP)
    whole = show(load_template("sequential"), context)
    assert whole.dropped == Dropped()
    prompt = show(load_template("sequential"), context, words(100))
    assert 0 < prompt.dropped.history < 300
    assert f"oldest first:\n- film{prompt.dropped.history}\n" in prompt.before
    assert "- film299\nWill" in prompt.before


def test_texts_that_were_dropped_do_not_count_as_changed() -> None:
    context = PromptContext(history=history("a\nb", *("w " * 30 + str(i) for i in range(9))), candidates=UP)
    prompt = show(load_template("sequential"), context, words(150))
    assert prompt.dropped.history > 0
    assert prompt.dropped.neutralised == 0


def test_demonstrations_are_dropped_from_the_last_when_history_is_not_enough() -> None:
    shots = tuple(shot(f"chosen{i}", [f"w{i}"] * 10) for i in range(4))
    context = PromptContext(history=SEEN, candidates=UP, demonstrations=shots)
    prompt = show(load_template("sequential"), context, words(200))
    assert 0 < prompt.dropped.demonstrations < 4
    assert "Film: chosen0" in prompt.messages[0].content
    assert "- Fargo\n" in prompt.before


def test_the_budget_holds_for_the_longest_candidate() -> None:
    context = PromptContext(history=SEEN, candidates=(film("short"), film("one two three four five six seven")))
    template = load_template("sequential")
    needed = next(n for n in range(500) if _fits(template, context, words(n)))
    assert show(template, context, words(needed)).dropped.history == 2
    one = PromptContext(history=SEEN, candidates=context.candidates[:1])
    assert show(template, one, words(needed)).dropped.history == 0


def _fits(template: Template, context: PromptContext, budget: TokenBudget) -> bool:
    try:
        show(template, context, budget)
    except BudgetError:
        return False
    return True


def test_a_question_that_does_not_fit_says_how_long_it_is() -> None:
    with pytest.raises(BudgetError, match=r"'sequential' needs \d+ tokens without any history, more than .* 32;"):
        show(load_template("sequential"), PromptContext(history=SEEN, candidates=UP), words(32))


@pytest.mark.parametrize("name", ["sequential", "in-context", "likelihood"])
def test_of_a_query_that_does_not_fit_the_beginning_is_shown(name: str) -> None:
    # A small model's tokenizer takes two tokens for a Chinese character.
    budget = TokenBudget(max_tokens=1024, count_tokens=lambda text: sum(2 if mark > "\u3000" else 1 for mark in text))
    context = PromptContext(history=SEEN, candidates=UP, query="影" * 500)
    prompt = show(load_template(name), context, budget)
    assert prompt.dropped == Dropped(history=3, clipped=1)
    shown = as_text(prompt, 1)
    assert 300 < shown.count("影") < 500
    assert "影…\n" in shown
    assert 1024 - 100 < budget.count_tokens(shown) <= 1024
    assert prompt == show(load_template(name), context, budget)


@pytest.mark.parametrize("name", ["sequential", "recency-focused", "in-context", "likelihood"])
def test_the_unconditional_prompt_depends_on_the_candidates_only(name: str) -> None:
    template = load_template(name)
    rich = PromptContext(
        history=SEEN,
        candidates=UP,
        demonstrations=(shot("Jaws", ["Psycho"]),),
        user=User(user_id="u", attributes={"age": 24.0}),
        query="q",
    )
    unconditional = render_unconditional(template, rich, ROOMY, frozenset())
    assert unconditional == show(template, PromptContext(history=(), candidates=UP))
    conditional = show(template, rich)
    assert (unconditional.branches, unconditional.after) == (conditional.branches, conditional.after)
    if template.kind == "likelihood":
        assert unconditional.before == conditional.before


def test_a_context_without_candidates_has_a_prompt_without_branches() -> None:
    assert show(load_template("likelihood"), PromptContext(history=SEEN, candidates=())).branches == ()


def test_as_text_shows_every_turn_with_the_slot_filled() -> None:
    context = PromptContext(history=(past("Heat"),), candidates=UP)
    assert as_text(show(load_template("sequential"), context), 1) == (
        "[user]\nA viewer watched these films, oldest first:\n- Heat\n"
        "Will they watch this film next? Answer Yes or No.\nFilm: Brazil\n\n[assistant]\nAnswer:"
    )
    assert as_text(show(load_template("likelihood"), context), 0).endswith("its title.\n\n[assistant]\nFilm: Up")


def test_as_text_of_a_candidate_that_is_not_there() -> None:
    prompt = show(load_template("sequential"), seen())
    for index in (-1, 2):
        with pytest.raises(IndexError, match="the prompt has 2 candidates"):
            as_text(prompt, index)


def test_the_id_never_enters_a_prompt() -> None:
    item = Item(item_id="secret-id", title="Up", domain="films")
    context = PromptContext(history=(PastItem(item=item, timestamp=0.0),), candidates=(item,))
    assert "secret-id" not in as_text(show(load_template("sequential"), context), 0)


@pytest.mark.parametrize("name", ["sequential", "likelihood", "in-context", "recency-focused", "graded"])
def test_a_history_of_films_and_candidates_of_books_are_each_called_what_they_are(name: str) -> None:
    books = tuple(Item(item_id=title, title=title, domain="books") for title in ("Emma", "Dune"))
    prompt = show(load_template(name), PromptContext(history=SEEN, candidates=books))
    shown = as_text(prompt, 0)
    assert "watched these films" in shown
    assert "read" in shown
    assert "book" in shown
