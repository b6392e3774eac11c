"""The question turned round: one item that all branches share, and a branch for each user's history. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from prompts.errors import BudgetError, TemplateError
from prompts.render import fitted
from prompts.sanitise import Clean
from prompts.template import Template
from prompts.texts import PastText, Texts, one_domain, title_of
from prompts.types import Prompt, TokenBudget
from retrieval.types import Item, PastItem

_BETWEEN = "; "


def render_audience(
    template: Template,
    item: Item,
    histories: Sequence[Sequence[PastItem]],
    budget: TokenBudget,
    control_tokens: frozenset[str],
) -> Prompt:
    """The prompt for an item, with one branch per user in their order: what each took, oldest first.

    The longest histories are shortened, the oldest first, until the prefix with its longest branch keeps to the budget;
    the prompt reports how many past items went. Raises BudgetError where the item with one past item does not fit, and
    TemplateError for a template that is not a yes-or-no question.
    """
    if template.sections.labels is None:
        raise TemplateError(f"template {template.name!r} is no yes-or-no question, an audience needs one")
    shown = [[title_of(template, past.item, control_tokens) for past in history] for history in histories]
    title = title_of(template, item, control_tokens)
    domain = one_domain([past.item for history in histories for past in history]) or item.domain
    longest = max((len(one) for one in shown), default=0)
    for most in range(longest, 0, -1):
        texts = _texts(title, item, [one[-most:] for one in shown], domain)
        branches = tuple(f" {text.text}" for text in texts.candidates)
        tokens = max((budget.count_tokens(branch) for branch in branches), default=0)
        try:
            prompt = fitted(template, texts, budget, branches, tokens, template.sections.weighed)
        except BudgetError:
            continue  # not even without the item
        if prompt.dropped.history == 0:
            left_out = sum(len(one[:-most]) for one in shown)
            return replace(prompt, dropped=replace(prompt.dropped, history=left_out))
    raise BudgetError(
        f"template {template.name!r} has no room for item {item.item_id!r} and one past item; raise prompt.max_tokens"
    )


def _texts(title: Clean, item: Item, shown: Sequence[Sequence[Clean]], domain: str) -> Texts:
    return Texts(
        history=(PastText(title=title, liked=True),),
        history_domain=item.domain,
        candidates=tuple(
            Clean(
                text=_BETWEEN.join(text.text for text in one),
                clipped=any(text.clipped for text in one),
                neutralised=any(text.neutralised for text in one),
            )
            for one in shown
        ),
        candidate_domain=domain,
        demonstrations=(),
        query=None,
        profile=(),
    )
