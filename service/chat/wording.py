"""Replies put together from templates: only titles, values and numbers that are facts go in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from retrieval.types import Item
from service.chat.conditions import Relaxation, all_of
from service.chat.lexicon import Lexicon
from service.chat.tokens import cleaned
from service.chat.types import Conversation, Facet, InDomain, Language, Relaxable, Span

_YEAR = "year"
_MOST_TITLE = 200


class _Templates(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    measures: Mapping[str, str]


class Wording:
    """Says things in one language."""

    def __init__(self, templates: Mapping[str, Any], language: Language, names: Mapping[str, str]) -> None:
        """`names` says what values and domains are called in this language, by their spelling without case."""
        self._names = names
        checked = _Templates.model_validate(templates[language])
        self._measures = checked.measures
        self._texts = {name: str(text) for name, text in (checked.model_extra or {}).items()}
        self.language = language

    def say(self, name: str, **facts: object) -> str:
        """A template with its places filled; braces inside facts stay what they are."""
        return self._texts[name].format(**facts)

    def name_of(self, item: Item) -> str:
        """The title on one line, with the year where the item has one."""
        title = cleaned(item.title)[:_MOST_TITLE] or item.item_id
        year = item.attributes.get(_YEAR)
        if isinstance(year, float | int) and not isinstance(year, bool):
            return f"{title} ({year:.0f})"
        return title

    def names_of(self, items: Iterable[Item], joint: str = "and") -> str:
        """Several titles as one phrase."""
        return _phrase([self.name_of(item) for item in items], self._texts["joint"], self._texts[joint])

    def options(self, items: Sequence[Item]) -> str:
        """Items to choose from, told apart by year, and by kind where they are of different kinds."""
        kinds = len({item.domain for item in items}) > 1
        told = [
            f"{self.name_of(item)[:-1]}, {item.domain})"
            if kinds and self.name_of(item).endswith(")")
            else f"{self.name_of(item)} ({item.domain})"
            if kinds
            else self.name_of(item)
            for item in items
        ]
        return _phrase(told, self._texts["joint"], self._texts["or"])

    def value(self, value: str) -> str:
        """A value or a domain as it is called in this language; as the catalogue spells it where nobody knows."""
        return self._names.get(value.casefold(), cleaned(value))

    def measure(self, name: str) -> str:
        """What a measure is called."""
        return self._measures.get(name, name)

    def condition(self, condition: Relaxable) -> str:
        """A condition in words."""
        if isinstance(condition, InDomain):
            return self.say("request_domain", domain=self.value(condition.domain))
        if isinstance(condition, Facet):
            values = self._texts["or"].join(self.value(value) for value in condition.values)
            return self.say("refused" if condition.refused else "wanted", values=values)
        return self._span(condition)

    def request(self, state: Conversation, items: Mapping[str, Item]) -> str | None:
        """All that a state asks for, in words; None if it asks for nothing."""
        parts = [self.condition(condition) for condition in all_of(state)]
        liked = [items[item_id] for item_id in state.like if item_id in items]
        if liked:
            parts.append(self.say("request_like", titles=self.names_of(liked)))
        if state.text:
            parts.append(self.say("mood", text=state.text))
        return self._texts["joint"].join(parts) or None

    def relax(self, request: str, found: Sequence[Relaxation]) -> str:
        """That nothing passes, and which condition to leave out."""
        told = [self._texts["and"].join(self.condition(c) for c in each.conditions) for each in found]
        others = "".join(
            self.say("relax_other", condition=condition, n=each.passing)
            for condition, each in zip(told[1:], found[1:], strict=True)
        )
        return self.say("relax", request=request, condition=told[0], n=found[0].passing, others=others)

    def _span(self, span: Span) -> str:
        names = {"low": _number(span.low), "high": _number(span.high), "attribute": cleaned(span.attribute)}
        if span.refused:
            return self.say("not_between", **names)
        prefix = "year_" if span.attribute == _YEAR else ""
        if span.low is None or span.high is None:
            return self.say(f"{prefix}{'until' if span.low is None else 'from'}", **names)
        return self.say("year_on" if prefix and span.low == span.high else f"{prefix}between", **names)


def load_wordings(lexicon: Lexicon) -> dict[Language, Wording]:
    """The shipped templates, by language; values get the lexicon's first name in Chinese."""
    text = files("service.chat").joinpath("replies.yaml").read_text(encoding="utf-8")
    templates = yaml.safe_load(text)
    return {"en": Wording(templates, "en", {}), "zh": Wording(templates, "zh", _chinese_names(lexicon))}


def _chinese_names(lexicon: Lexicon) -> dict[str, str]:
    pairs = [(spelt, words) for spelt, words in (*lexicon.values.items(), *lexicon.people.items())]
    pairs += [(name, group.words) for group in lexicon.domains for name in group.names]
    named = ((spelt, next((word for word in words if not word.isascii()), None)) for spelt, words in pairs)
    return {spelt.casefold(): name for spelt, name in named if name is not None}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _phrase(parts: Sequence[str], joint: str, last: str) -> str:
    return last.join([joint.join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
