"""The sections of a template put together into the turns of a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prompts.budget import Kept
from prompts.chat import Shots, conversation, fill
from prompts.errors import TemplateError
from prompts.sections import SlotText, around_candidate
from prompts.template import Template
from prompts.texts import DemonstrationText, PastText, Texts, latest
from prompts.types import Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A prompt's shared parts; the fields are those of Prompt."""

    messages: tuple[Message, ...]
    slot_role: Literal["user", "assistant"]
    before: str
    after: str
    answer: str


def draft(template: Template, texts: Texts, kept: Kept) -> Draft:
    """The conversation that shows the latest kept.history past items and the first kept.demonstrations examples."""
    sections = template.sections
    history = latest(texts.history, kept.history)
    about_history = template.words(texts.history_domain).values()
    about_next = template.words(texts.candidate_domain).values()
    opening = _opening(template, texts, history, about_history)
    asked = around_candidate(sections.question)
    turns: tuple[Message, ...] = ()
    if sections.now is not None and len(history) > 1 and history[-1].liked and sections.labels is not None:
        # The latest item as an example of the question and its answer; only something liked is a good answer.
        last = history[-1].title.text
        opening = _opening(template, texts, history[:-1], about_history)
        question = "\n".join([*opening, _filled(asked, template.words(texts.history_domain).values(), last)])
        answer = fill(sections.answer, about_next) + sections.labels.affirmative
        turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
        opening = [fill(sections.now, {**about_history, "last": last})]
    if texts.query is not None:
        opening.append(fill(sections.query, {**about_next, "query": texts.query.text}))
    system = None if sections.system is None else fill(sections.system, about_next)
    shots = _shots(template, texts.demonstrations[: kept.demonstrations])
    if sections.slot_role == "user":
        # The options of a multiple choice stand after its question: what every branch repeats stays short.
        return Draft(
            messages=conversation(system, shots, turns),
            slot_role="user",
            before="\n".join([*opening, fill(asked.before, about_next)]),
            after=fill(asked.after, about_next),
            answer=fill(sections.answer, about_next),
        )
    question, answered = "\n".join([*opening, fill(sections.question, about_next)]), around_candidate(sections.answer)
    return Draft(
        messages=conversation(system, shots, [Message(role="user", content=question)]),
        slot_role="assistant",
        before=fill(answered.before, about_next),
        after=fill(answered.after, about_next),
        answer="",
    )


def draft_numbered(template: Template, texts: Texts, kept: Kept) -> tuple[Message, ...]:
    """The turns of a template that shows all candidates at once, numbered from 1 in their order.

    The assistant's turn is next.
    """
    sections = template.sections
    if sections.candidates is None:
        raise TemplateError(f"template {template.name!r} has no section candidates, so it cannot show several at once")
    about_next = template.words(texts.candidate_domain).values()
    history = latest(texts.history, kept.history)
    parts = _opening(template, texts, history, template.words(texts.history_domain).values())
    if texts.query is not None:
        parts.append(fill(sections.query, {**about_next, "query": texts.query.text}))
    lines = "\n".join(
        sections.candidates.line.format(**about_next, number=number, title=candidate.text)
        for number, candidate in enumerate(texts.candidates, start=1)
    )
    parts.append(fill(sections.candidates.text, {**about_next, "lines": lines, "n": str(len(texts.candidates))}))
    parts.append(fill(sections.question, about_next))
    system = None if sections.system is None else fill(sections.system, about_next)
    shots = _shots(template, texts.demonstrations[: kept.demonstrations])
    return conversation(system, shots, [Message(role="user", content="\n".join(parts))])


def _opening(template: Template, texts: Texts, history: Sequence[PastText], words: Mapping[str, str]) -> list[str]:
    """What is known of the user, one entry per section: profile, history, and what came last."""
    sections = template.sections
    parts = []
    if sections.profile is not None and texts.profile:
        attributes = "; ".join(text.text for text in texts.profile)
        parts.append(fill(sections.profile.text, {**words, "attributes": attributes}))
    liked = [past.title.text for past in history if past.liked]
    disliked = [past.title.text for past in history if not past.liked]
    if not history:
        parts.append(fill(sections.history.empty, words))
    elif not disliked:
        parts.append(_listed(template, sections.history.plain, liked, words))
    else:
        if liked:
            parts.append(_listed(template, sections.history.liked, liked, words))
        parts.append(_listed(template, sections.history.disliked, disliked, words))
    if sections.recent is not None and history:
        parts.append(fill(sections.recent, {**words, "last": history[-1].title.text}))
    return parts


def _listed(template: Template, section: str, titles: Sequence[str], words: Mapping[str, str]) -> str:
    return fill(section, {**words, "lines": _lines(template, titles, words)})


def _lines(template: Template, titles: Sequence[str], words: Mapping[str, str]) -> str:
    # One format call per title, on the template's own text: titles are values here and are not looked into.
    return "\n".join(template.sections.history.line.format(**words, title=title) for title in titles)


def _filled(slot: SlotText, words: Mapping[str, str], title: str) -> str:
    return f"{fill(slot.before, words)} {title}{fill(slot.after, words)}"


def _shots(template: Template, shown: Sequence[DemonstrationText]) -> Shots | None:
    section = template.sections.demonstration
    if section is None:
        return None
    examples = []
    for shot in shown:
        words = template.words(shot.domain).values()
        lines = _lines(template, [text.text for text in shot.history], words)
        lines = lines or fill(template.sections.history.empty, words)
        examples.append({**words, "lines": lines, "chosen": shot.chosen.text})
    return Shots(user=section.user, assistant=section.assistant, examples=tuple(examples))
