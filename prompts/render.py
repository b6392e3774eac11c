"""A context put into words: a template filled with sanitised texts, within a token budget.

Pure: the same template, context, budget and control tokens give the same prompt.
"""

from __future__ import annotations

from prompts.budget import Kept, Need
from prompts.errors import BudgetError, TemplateError
from prompts.fitting import Fitting, fit
from prompts.template import Template
from prompts.texts import Texts, collect
from prompts.turns import Draft, draft
from prompts.types import Prompt, PromptContext, TokenBudget


def render(template: Template, context: PromptContext, budget: TokenBudget, control_tokens: frozenset[str]) -> Prompt:
    """The prompt for a context, with one branch per candidate in their order.

    The prefix with its longest branch holds at most budget.max_tokens tokens, chat markup included (estimated from
    above). To get there the oldest past items are dropped first, then demonstrations, then the end of the query, never
    a candidate; the prompt reports what was dropped. Raises BudgetError when the question alone does not fit, and
    TemplateError for demonstrations that the template has no section for, or for a template that shows several
    candidates at once.
    """
    if template.kind in {"choice", "listwise"}:
        raise TemplateError(f"template {template.name!r} shows several candidates at once, it has no slot for each")
    texts = collect(template, context, control_tokens)
    branches = tuple(f" {text.text}" for text in texts.candidates)
    branch_tokens = max((budget.count_tokens(branch) for branch in branches), default=0)
    return fitted(template, texts, budget, branches, branch_tokens, template.sections.weighed)


def fitted(
    template: Template,
    texts: Texts,
    budget: TokenBudget,
    branches: tuple[str, ...],
    branch_tokens: int,
    labels: tuple[str, ...] | None,
) -> Prompt:
    """The fullest prompt with these branches that fits with a branch of branch_tokens tokens. Raises BudgetError."""

    def needed(texts: Texts, kept: Kept) -> int:
        return _need(draft(template, texts, kept), branch_tokens).tokens(budget)

    fitting = fit(texts, needed, budget.max_tokens)
    if fitting is None:
        least = needed(texts, Kept(history=0, demonstrations=0))
        raise BudgetError(
            f"template {template.name!r} needs {least} tokens without any history, more than the budget of "
            f"{budget.max_tokens}; raise prompt.max_tokens"
        )
    return _prompt(template, fitting, branches, labels)


def render_unconditional(
    template: Template, context: PromptContext, budget: TokenBudget, control_tokens: frozenset[str]
) -> Prompt:
    """The prompt for the same candidates when nothing is known of the user: the reference of PMI.

    It has no history, demonstrations, profile or query. Its shared part depends on the template and on the
    candidates' domain only, so what is measured with it holds for every user. Raises BudgetError like render.
    """
    return render(
        template,
        PromptContext(history=(), candidates=context.candidates, lead_words=context.lead_words),
        budget,
        control_tokens,
    )


def as_text(prompt: Prompt, index: int) -> str:
    """The whole conversation as the model sees it for one candidate, each turn under its role, for people to read.

    index is the candidate's place in the context, from 0. Chat markup is the engine's and is not shown.
    """
    if not 0 <= index < len(prompt.branches):
        raise IndexError(f"the prompt has {len(prompt.branches)} candidates, there is none at index {index}")
    slot = f"{prompt.before}{prompt.branches[index]}{prompt.after}"
    turns = [(message.role, message.content) for message in prompt.messages]
    if prompt.slot_role == "user":
        turns += [("user", slot), ("assistant", prompt.answer)]
    else:
        turns += [("assistant", slot)]
    return "\n\n".join(f"[{role}]\n{content}" for role, content in turns)


def _need(drafted: Draft, branch_tokens: int) -> Need:
    contents = [message.content for message in drafted.messages]
    return Need(
        shared="\n".join([*contents, drafted.before, drafted.after, drafted.answer]),
        branch_tokens=branch_tokens,
        turns=len(drafted.messages) + (2 if drafted.slot_role == "user" else 1),
        has_system=any(message.role == "system" for message in drafted.messages),
    )


def _prompt(template: Template, fitting: Fitting, branches: tuple[str, ...], labels: tuple[str, ...] | None) -> Prompt:
    drafted = draft(template, fitting.texts, fitting.kept)
    return Prompt(
        messages=drafted.messages,
        slot_role=drafted.slot_role,
        before=drafted.before,
        branches=branches,
        after=drafted.after,
        answer=drafted.answer,
        labels=labels,
        template=template.ref,
        dropped=fitting.texts.dropped(fitting.kept),
    )
