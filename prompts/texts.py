"""Every untrusted text of a context, sanitised once, before anything is put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from prompts.budget import Kept
from prompts.errors import TemplateError
from prompts.lead import lead
from prompts.sanitise import MAX_ATTRIBUTE, MAX_BODY, MAX_QUERY, MAX_TITLE, Clean, clip, sanitise
from prompts.template import Template
from prompts.types import Dropped, PromptContext
from retrieval.types import AttributeValue, Item, User


@dataclass(frozen=True, kw_only=True, slots=True)
class PastText:
    """One past item in words."""

    title: Clean
    liked: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DemonstrationText:
    """One demonstration in words, and whose words (domain) to use for it."""

    history: tuple[Clean, ...]
    """What the other user liked, oldest first."""
    chosen: Clean
    domain: str | None
    """The domain of all its items; None if they differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Texts:
    """A context's texts, in the context's order."""

    history: tuple[PastText, ...]
    history_domain: str | None
    candidates: tuple[Clean, ...]
    candidate_domain: str | None
    demonstrations: tuple[DemonstrationText, ...]
    query: Clean | None
    profile: tuple[Clean, ...]

    def shown(self, kept: Kept) -> tuple[Clean, ...]:
        """The texts that stand in a prompt which keeps that much."""
        return (
            *self.profile,
            *(past.title for past in latest(self.history, kept.history)),
            *(text for shot in self.demonstrations[: kept.demonstrations] for text in (*shot.history, shot.chosen)),
            *(() if self.query is None else (self.query,)),
            *self.candidates,
        )

    def with_query_of(self, max_chars: int) -> Texts:
        """The same with at most that many characters of the query; a cut is told in `dropped`."""
        if self.query is None or len(self.query.text) <= max_chars:
            return self
        return replace(self, query=replace(self.query, text=clip(self.query.text, max_chars), clipped=True))

    def dropped(self, kept: Kept) -> Dropped:
        """What such a prompt leaves out, and what it had to change of what it shows."""
        shown = self.shown(kept)
        return Dropped(
            history=len(self.history) - kept.history,
            demonstrations=len(self.demonstrations) - kept.demonstrations,
            clipped=sum(text.clipped for text in shown),
            neutralised=sum(text.neutralised for text in shown),
            summarised=sum(text.summarised for text in shown),
        )


def latest(history: tuple[PastText, ...], n: int) -> tuple[PastText, ...]:
    """The last n entries, oldest first."""
    return history[len(history) - n :]


def collect(template: Template, context: PromptContext, control_tokens: frozenset[str]) -> Texts:
    """All texts of a context, sanitised. Raises TemplateError for demonstrations the template cannot show."""
    if context.demonstrations and template.sections.demonstration is None:
        raise TemplateError(
            f"template {template.name!r} has no section demonstration; add one, or set examples.shots to 0"
        )

    def title(item: Item) -> Clean:
        return title_of(template, item, control_tokens)

    candidate_domain = one_domain(context.candidates)
    return Texts(
        history=tuple(PastText(title=title(past.item), liked=past.liked) for past in context.history),
        history_domain=one_domain([past.item for past in context.history]) if context.history else candidate_domain,
        candidates=tuple(
            _with_lead(title(item), item, context.lead_words, control_tokens) for item in context.candidates
        ),
        candidate_domain=candidate_domain,
        demonstrations=tuple(
            DemonstrationText(
                history=tuple(title(past.item) for past in shot.history if past.liked),
                chosen=title(shot.chosen),
                domain=one_domain([*(past.item for past in shot.history), shot.chosen]),
            )
            for shot in context.demonstrations
        ),
        query=_query(context.query, control_tokens),
        profile=_profile(template, context.user, control_tokens),
    )


def title_of(template: Template, item: Item, control_tokens: frozenset[str]) -> Clean:
    """An item's title, sanitised; what the template says in its place where nothing of it can be seen."""
    clean = sanitise(item.title, max_chars=MAX_TITLE, control_tokens=control_tokens)
    if clean.text:
        return clean
    return Clean(text=template.sections.untitled, clipped=clean.clipped, neutralised=True)


def _with_lead(title: Clean, item: Item, most_words: int, control_tokens: frozenset[str]) -> Clean:
    """The title, and after it the first sentences of the description."""
    if not most_words or not item.description:
        return title
    body = sanitise(item.description, max_chars=MAX_BODY, control_tokens=control_tokens)
    short = lead(body.text, most_words)
    return Clean(
        text=f"{title.text}: {short}" if short else title.text,
        clipped=title.clipped,
        neutralised=title.neutralised or body.neutralised,
        summarised=body.clipped or short != body.text,
    )


def _query(query: str | None, control_tokens: frozenset[str]) -> Clean | None:
    if query is None:
        return None
    clean = sanitise(query, max_chars=MAX_QUERY, control_tokens=control_tokens)
    return clean if clean.text else None


def _profile(template: Template, user: User | None, control_tokens: frozenset[str]) -> tuple[Clean, ...]:
    section = template.sections.profile
    if section is None or user is None:
        return ()
    return tuple(
        sanitise(f"{shown}: {in_words(user.attributes[name])}", max_chars=MAX_ATTRIBUTE, control_tokens=control_tokens)
        for name, shown in section.names.items()
        if name in user.attributes
    )


def in_words(value: AttributeValue) -> str:
    """An attribute as it stands in a sentence."""
    match value:
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case tuple():
            return ", ".join(value)
        case _:
            return f"{value:.6g}"


def one_domain(items: Sequence[Item]) -> str | None:
    """The domain of all the items; None if they differ."""
    domains = {item.domain for item in items}
    return domains.pop() if len(domains) == 1 else None
