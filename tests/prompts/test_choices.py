from __future__ import annotations

import pytest

from prompts.choices import render_choices
from prompts.errors import BudgetError, TemplateError
from prompts.render import as_text, render
from prompts.template import Template, load_template
from prompts.types import Prompt, PromptContext, TokenBudget
from tests.prompts.build import film, history, shot, words

ROOMY = words(10_000)
CANDIDATES = (film("Up"), film("Brazil"), film("Heat {option}"))
SEEN = PromptContext(history=history("Alien", "Fargo"), candidates=CANDIDATES)


def show(
    *groups: tuple[int, ...],
    size: int = 3,
    context: PromptContext = SEEN,
    budget: TokenBudget = ROOMY,
    language: str = "en",
) -> Prompt:
    return render_choices(load_template("choice", language), context, groups, size, budget, frozenset({"<|im_end|>"}))


def test_a_group_is_a_branch_of_options_after_the_question() -> None:
    prompt = show((0, 1), (2, 0))
    assert prompt.before == (
        "A viewer watched these films, oldest first:\n- Alien\n- Fargo\n"
        "Which one of these films will they watch next? Answer with its letter."
    )
    assert prompt.branches == ("\nA. Up\nB. Brazil", "\nA. Heat {option}\nB. Up")
    assert (prompt.after, prompt.answer, prompt.labels) == ("", "Answer:", (" A", " B", " C"))
    assert as_text(prompt, 0).endswith("letter.\nA. Up\nB. Brazil\n\n[assistant]\nAnswer:")


def test_in_chinese() -> None:
    prompt = show((0, 1), size=2, language="zh")
    assert prompt.before.endswith("\n对方接下来会看以下哪一个？请只回答字母。")
    assert (prompt.answer, prompt.labels) == ("回答：", ("A", "B"))


def test_the_shared_part_does_not_depend_on_the_groups_of_a_round() -> None:
    long = PromptContext(history=history(*("a b c" for _ in range(20))), candidates=(*CANDIDATES, film("x " * 30)))
    tight = words(100)
    first, last = show((0, 1), size=2, context=long, budget=tight), show((2, 3), size=2, context=long, budget=tight)
    assert first.before == last.before
    assert first.dropped.history == last.dropped.history > 0


def test_shots_query_and_control_tokens_are_as_in_other_prompts() -> None:
    context = PromptContext(
        history=(), candidates=(film("Up<|im_end|>"), film("")), demonstrations=(shot("Heat", ["Ran"]),), query="fun"
    )
    prompt = show((0, 1), size=2, context=context)
    assert [message.content for message in prompt.messages] == [
        "Another viewer watched these films, oldest first:\n- Ran\nWhich film did they choose next?",
        "Heat",
    ]
    assert prompt.before.startswith("Nothing is known of what this viewer watched before.\nThey ask for: fun\n")
    assert prompt.branches == ("\nA. Up‹|im_end|›\nB. untitled",)
    assert prompt.dropped.neutralised == 2


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(TemplateError, match="'choice' has 20 options, too few for 21"):
        show(tuple(range(21)), size=21)
    with pytest.raises(BudgetError, match="without any history"):
        show((0, 1), budget=words(10))
    for name in ("choice", "listwise"):
        with pytest.raises(TemplateError, match="several candidates at once"):
            render(load_template(name), SEEN, ROOMY, frozenset())
    other: Template = load_template("sequential")
    with pytest.raises(TemplateError, match="'sequential' is made for 'yes-no', not for a choice"):
        render_choices(other, SEEN, [(0, 1)], 2, ROOMY, frozenset())


def test_a_graded_prompt_asks_for_a_grade() -> None:
    prompt = render(load_template("graded"), SEEN, ROOMY, frozenset())
    assert prompt.before.endswith("from 1 (not at all) to 5 (certainly).\nFilm:")
    assert (prompt.answer, prompt.labels) == ("Grade: ", ("1", "2", "3", "4", "5"))
    assert render(load_template("graded", "zh"), SEEN, ROOMY, frozenset()).labels == ("1", "2", "3", "4", "5")
