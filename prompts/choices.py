"""Multiple choice put into words: one branch per group of candidates, an option per candidate. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from prompts.errors import TemplateError
from prompts.render import fitted
from prompts.template import Template
from prompts.texts import collect
from prompts.types import Prompt, PromptContext, TokenBudget


def render_choices(
    template: Template,
    context: PromptContext,
    groups: Sequence[Sequence[int]],
    size: int,
    budget: TokenBudget,
    control_tokens: frozenset[str],
) -> Prompt:
    """The prompt whose branches are the groups, each of two or more places (from 0) of the context's candidates.

    The labels are those of the first `size` options, `size` being that of the largest group which is ever shown for
    this context: room is kept for its longest lines, so that every prompt for a context has the same shared part. Of a
    smaller group only the first labels count. What is dropped to fit, and the errors, are those of render; raises
    TemplateError too if the template has fewer options than `size`.
    """
    options = template.sections.options
    if options is None:
        raise TemplateError(f"template {template.name!r} is made for {template.kind!r}, not for a choice")
    if size > len(options.labels):
        raise TemplateError(f"template {template.name!r} has {len(options.labels)} options, too few for {size}")
    labels = options.labels[: max(size, 2)]
    texts = collect(template, context, control_tokens)
    words = template.words(texts.candidate_domain).values()
    titles = [text.text for text in texts.candidates]

    def line(option: str, title: str) -> str:
        return "\n" + options.line.format(**words, option=option.strip(), title=title)

    lengths = sorted((budget.count_tokens(line(labels[0], title)) for title in titles), reverse=True)
    branches = tuple(
        "".join(line(labels[option], titles[place]) for option, place in enumerate(group)) for group in groups
    )
    return fitted(template, texts, budget, branches, sum(lengths[:size]), labels)
