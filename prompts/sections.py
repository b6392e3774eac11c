"""The model of a template file: which sections there are, and which placeholders each may and must hold.

Placeholders are plain names in braces. Conversions, format specifications, attribute access and indexing are refused,
so a template can only ever be filled with text. A literal brace is written twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Kind: TypeAlias = Literal["yes-no", "likelihood", "graded", "choice", "listwise"]
"""How candidates are asked about: one at a time by a yes-or-no question, by their likelihood, or by a grade; several at
once as the options of a multiple choice, or numbered for the model to write their order."""

_WORDS = frozenset({"person", "past", "verb", "noun", "nouns", "label"})
_CANDIDATE = "candidate"
_OWN_SECTIONS: Mapping[str, Kind] = {
    "labels": "yes-no",
    "grades": "graded",
    "options": "choice",
    "candidates": "listwise",
}
"""Sections that one kind of template must have and no other may."""


def placeholders(text: str) -> list[str]:
    """Names of the placeholders of a text, in order. Raises ValueError for anything but a plain name in braces."""
    names = []
    for _, name, spec, conversion in Formatter().parse(text):
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            raise ValueError(f"{name!r} is not a plain placeholder; write a name only, or double a literal brace")
        names.append(name)
    return names


def _text(*, required: frozenset[str] = frozenset(), allowed: frozenset[str] = frozenset()) -> AfterValidator:
    """A validator that lets through texts with each required placeholder once, and any of the allowed ones or words."""

    def check(text: str) -> str:
        names = placeholders(text)
        for name in names:
            if name not in required | allowed | _WORDS:
                known = ", ".join(sorted(required | allowed | _WORDS))
                raise ValueError(f"unknown placeholder {{{name}}}; known here: {known}")
        for name in sorted(required):
            if names.count(name) != 1:
                raise ValueError(f"placeholder {{{name}}} is needed exactly once, found {names.count(name)} times")
        return text

    return AfterValidator(check)


def _bare(text: str) -> str:
    if "{" in text or "}" in text:
        raise ValueError("this section takes no placeholder and no brace")
    return text


_NonEmpty = Annotated[str, Field(min_length=1)]
Plain = Annotated[_NonEmpty, _text()]
"""Text with domain words only."""
Bare = Annotated[_NonEmpty, AfterValidator(_bare)]
"""Text without any placeholder."""
WithTitle = Annotated[_NonEmpty, _text(required=frozenset({"title"}))]
WithLines = Annotated[_NonEmpty, _text(required=frozenset({"lines"}))]
WithLast = Annotated[_NonEmpty, _text(required=frozenset({"last"}))]
WithQuery = Annotated[_NonEmpty, _text(required=frozenset({"query"}))]
WithAttributes = Annotated[_NonEmpty, _text(required=frozenset({"attributes"}))]
WithCandidate = Annotated[_NonEmpty, _text(allowed=frozenset({_CANDIDATE}))]
"""The question or the answer; which of the two holds the candidate depends on the template's kind."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Words(_Part):
    """What a domain's items and their users are called, in the template's language."""

    person: Bare
    past: Bare
    verb: Bare
    noun: Bare
    nouns: Bare
    label: Bare

    def values(self) -> dict[str, str]:
        """The words by placeholder name."""
        return {name: getattr(self, name) for name in sorted(_WORDS)}


class History(_Part):
    """How a history is put into words."""

    line: WithTitle
    """One past item. Lines are joined by line breaks."""
    plain: WithLines
    """The history when nothing in it is disliked."""
    liked: WithLines
    disliked: WithLines
    empty: Plain
    """What stands there when there is no history to show."""


class DemonstrationTurns(_Part):
    """Another user's history and the item they chose next, as a question and its answer."""

    user: Annotated[_NonEmpty, _text(required=frozenset({"lines"}), allowed=frozenset({"chosen"}))]
    assistant: Annotated[_NonEmpty, _text(allowed=frozenset({"chosen"}))]

    @model_validator(mode="after")
    def _chosen_once(self) -> Self:
        if (placeholders(self.user) + placeholders(self.assistant)).count("chosen") != 1:
            raise ValueError("placeholder {chosen} is needed exactly once, in user or in assistant")
        return self


class Candidates(_Part):
    """How candidates that are shown at once are put into words."""

    line: Annotated[_NonEmpty, _text(required=frozenset({"number", "title"}))]
    """One candidate; numbers start at 1. Lines are joined by line breaks."""
    text: Annotated[_NonEmpty, _text(required=frozenset({"lines"}), allowed=frozenset({"n"}))]
    """All of them; {n} is how many there are."""


class Profile(_Part):
    """Which attributes of a user are shown, and how."""

    text: WithAttributes
    names: Mapping[str, Bare]
    """Attributes shown, in this order, and what each is called there; others never enter a prompt."""


class Labels(_Part):
    """The two answers a yes-no question is decided between, each with the space it is tokenized with."""

    affirmative: Bare
    negative: Bare


class Options(_Part):
    """How the candidates of a multiple choice are put into words."""

    line: Annotated[_NonEmpty, _text(required=frozenset({"option", "title"}))]
    """One candidate; {option} is its label without the space around it. Each stands on a line of its own."""
    labels: Annotated[tuple[Bare, ...], Field(min_length=2, strict=False)]
    """The answers, in the order of the candidates, each with the space it is tokenized with."""


class Sections(_Part):
    """A template file, complete and checked."""

    name: Bare
    version: Annotated[int, Field(ge=1)]
    language: Bare
    kind: Kind
    words: Mapping[str, Words]
    """Words per domain; "default" is used for domains without words of their own and for mixed ones."""
    untitled: Bare
    """Stands for a title that has no visible character."""
    history: History
    question: WithCandidate
    answer: WithCandidate
    labels: Labels | None = None
    system: Plain | None = None
    demonstration: DemonstrationTurns | None = None
    profile: Profile | None = None
    grades: Annotated[tuple[Bare, ...], Field(min_length=2, strict=False)] | None = None
    """The grades of a graded question, the worst first, each as it is tokenized after the answer."""
    options: Options | None = None
    candidates: Candidates | None = None
    query: WithQuery
    recent: WithLast | None = None
    """Said after the history, of its last item."""
    now: WithLast | None = None
    """Where given, the history's last item is shown as an answered question, and this sentence follows."""

    @property
    def weighed(self) -> tuple[str, ...] | None:
        """The answers that are weighed against each other: yes and no, the grades, or the options; None for others."""
        if self.labels is not None:
            return (self.labels.affirmative, self.labels.negative)
        return self.grades if self.options is None else self.options.labels

    @property
    def slot_role(self) -> Literal["user", "assistant"]:
        """Whose turn holds the candidate: the assistant's where the answer does. In a yes-no template either may."""
        if self.kind == "yes-no" and _CANDIDATE not in placeholders(self.question):
            return "assistant" if _CANDIDATE in placeholders(self.answer) else "user"
        return "assistant" if self.kind == "likelihood" else "user"

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if "default" not in self.words:
            raise ValueError("words.default is missing")
        for section, kind in _OWN_SECTIONS.items():
            if self.kind == kind and getattr(self, section) is None:
                raise ValueError(f"section {section} is missing, a {kind} template needs it")
            if self.kind != kind and getattr(self, section) is not None:
                raise ValueError(f"section {section} has no place in a {self.kind} template")
        if self.now is not None and self.kind != "yes-no":
            raise ValueError(f"section now has no place in a {self.kind} template")
        if self.now is not None and self.slot_role == "assistant":
            raise ValueError("section now has no place where the answer holds {candidate}")
        if self.kind in {"choice", "listwise"}:
            self._check_without_slot()
        else:
            self._check_slot()
        self._check_labels()
        return self

    def _check_without_slot(self) -> None:
        for section in ("question", "answer"):
            if _CANDIDATE in placeholders(getattr(self, section)):
                raise ValueError(f"unknown placeholder {{candidate}} in {section} of a {self.kind} template")

    def _check_slot(self) -> None:
        in_answer = self.slot_role == "assistant"
        holder, other = ("answer", "question") if in_answer else ("question", "answer")
        text = getattr(self, holder)
        if placeholders(text).count(_CANDIDATE) != 1 or f" {{{_CANDIDATE}}}" not in text:
            raise ValueError(f"{holder} of a {self.kind} template needs {{candidate}} exactly once, after one space")
        if around_candidate(text).before.endswith((" ", "\n", "\t")):
            raise ValueError(f"{holder}: only one space may stand before {{candidate}}")
        if _CANDIDATE in placeholders(getattr(self, other)):
            raise ValueError(f"unknown placeholder {{candidate}} in {other} of a {self.kind} template")
        if self.kind == "likelihood" and not text.endswith(f"{{{_CANDIDATE}}}"):
            raise ValueError("the answer of a likelihood template ends in {candidate}")

    def _check_labels(self) -> None:
        weighed = self.weighed
        if weighed is None:
            return
        if self.slot_role == "user" and placeholders(self.answer):
            raise ValueError(
                f"unknown placeholder {{{placeholders(self.answer)[0]}}} in answer of a {self.kind} template"
            )
        if self.labels is not None and self.labels.affirmative == self.labels.negative:
            raise ValueError("labels.affirmative and labels.negative are the same")
        if len(set(weighed)) < len(weighed):
            raise ValueError(f"two of {', '.join(map(repr, weighed))} are the same")
        name, best = ("grades", weighed[-1]) if self.kind == "graded" else ("labels.affirmative", weighed[0])
        answered = self.answer.replace(f"{{{_CANDIDATE}}}", "{chosen}") + best
        if self.kind != "choice" and self.demonstration is not None and self.demonstration.assistant != answered:
            # A demonstration in another form than the question would teach the model a form that is never asked for.
            raise ValueError(f"demonstration.assistant must be answer and {name} together, {answered!r}")


def around_candidate(text: str) -> SlotText:
    """Splits a checked text at its {candidate}, leaving the space before it to the candidate."""
    before, after, seen = "", "", False
    for literal, name, _, _ in Formatter().parse(text):
        piece = literal.replace("{", "{{").replace("}", "}}")
        if name is not None and name != _CANDIDATE:
            piece += f"{{{name}}}"
        if seen:
            after += piece
        else:
            before += piece
        seen = seen or name == _CANDIDATE
    return SlotText(before=before.removesuffix(" "), after=after)


class SlotText(_Part):
    """The two sides of a slot, still with their placeholders."""

    before: str
    after: str
