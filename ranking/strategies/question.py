"""The first thing that a strategy asks for a context, for people to read; no model is needed."""

from __future__ import annotations

from dataclasses import replace

from prompts.dialogue import dialogue_text, render_dialogue
from prompts.render import as_text, render
from prompts.template import Template
from prompts.types import Dialogue, Prompt, PromptContext, TokenBudget
from ranking.protocol import Engine
from ranking.settings import Settings
from ranking.strategies.choice import Choice
from ranking.strategies.registry import entry_of


def first_question(settings: Settings, engine: Engine, template: Template, context: PromptContext) -> Prompt | Dialogue:
    """The prompt or dialogue that the strategy of these settings starts with.

    Of a list longer than the window, what the window shows first: its end. Where the candidates are shown in several
    orders, the order given. Raises what building the strategy and rendering raise.
    """
    entry = entry_of(settings, engine, template)
    budget = TokenBudget(max_tokens=settings.prompt.max_tokens, count_tokens=engine.count_tokens)
    if entry.windowed:
        context = replace(context, candidates=context.candidates[-settings.windows.size :])
    if template.kind == "listwise":
        return render_dialogue(template, context, budget, engine.control_tokens)
    strategy = entry.build(settings, engine, template)
    if isinstance(strategy, Choice):
        return strategy.first_prompt(context)
    return render(template, context, budget, engine.control_tokens)


def question_text(question: Prompt | Dialogue, context: PromptContext, index: int) -> str:
    """The whole conversation as the model sees it, for people to read.

    For the candidate of that index (from 0) where each is asked about by itself; else the first thing that is asked.
    """
    if isinstance(question, Dialogue):
        return dialogue_text(question)
    if not question.branches:
        return as_text(replace(question, branches=("",)), 0)
    return as_text(question, index if len(question.branches) == len(context.candidates) else 0)
