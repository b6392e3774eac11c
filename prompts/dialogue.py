"""A context put into words for a model that writes: all candidates at once, numbered, within a token budget. Pure."""

from __future__ import annotations

from prompts.budget import Kept, Need
from prompts.chat import fill
from prompts.errors import BudgetError
from prompts.fitting import fit
from prompts.template import Template
from prompts.texts import Texts, collect
from prompts.turns import draft_numbered
from prompts.types import Dialogue, Message, PromptContext, TokenBudget


def render_dialogue(
    template: Template, context: PromptContext, budget: TokenBudget, control_tokens: frozenset[str]
) -> Dialogue:
    """The dialogue for a context; candidates have the numbers 1 to n in the context's order.

    It holds at most budget.max_tokens tokens, chat markup and opened answer included (estimated from above); what the
    model writes is not counted. What is dropped to get there, and the errors, are those of prompts.render.render.
    """
    texts = collect(template, context, control_tokens)
    answer = fill(template.sections.answer, template.words(texts.candidate_domain).values())

    def needed(texts: Texts, kept: Kept) -> int:
        return _need(draft_numbered(template, texts, kept), answer).tokens(budget)

    fitting = fit(texts, needed, budget.max_tokens)
    if fitting is None:
        least = needed(texts, Kept(history=0, demonstrations=0))
        raise BudgetError(
            f"template {template.name!r} needs {least} tokens for {len(texts.candidates)} candidates without any "
            f"history, more than the budget of {budget.max_tokens}; raise prompt.max_tokens or show fewer candidates"
        )
    return Dialogue(
        messages=draft_numbered(template, fitting.texts, fitting.kept),
        answer=answer,
        template=template.ref,
        dropped=fitting.texts.dropped(fitting.kept),
    )


def dialogue_text(dialogue: Dialogue) -> str:
    """The whole conversation as the model sees it, each turn under its role, for people to read."""
    turns = [(message.role, message.content) for message in dialogue.messages]
    return "\n\n".join(f"[{role}]\n{content}" for role, content in [*turns, ("assistant", dialogue.answer)])


def _need(messages: tuple[Message, ...], answer: str) -> Need:
    return Need(
        shared="\n".join([*(message.content for message in messages), answer]),
        branch_tokens=0,
        turns=len(messages) + 1,
        has_system=any(message.role == "system" for message in messages),
    )
