"""Whole conversations over the bundled sample, checked against the catalogue itself and not by the chat's own code."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ranking.factory import choose_template, compose
from ranking.protocol import Engine
from ranking.settings import load_settings
from retrieval.catalogue import Catalogue
from retrieval.protocol import Embedder
from retrieval.sample.catalogue import sample_interactions, sample_items, sample_users
from retrieval.store import Store, open_store
from retrieval.types import AttributeValue, Item
from service.chat.conversation import MOST_UTTERANCE
from service.chat.recommender import ChatRecommender
from service.chat.replies import ChatItem, ChatReply
from service.chat.types import Conversation, Facet
from service.chat.vocabularies import Vocabularies
from service.chat.wording import Wording, load_wordings

USER = "both-001"


@dataclass(frozen=True, kw_only=True, slots=True)
class Replies:
    """What all replies came to."""

    replies: int
    questions: int
    items: int
    facts: int
    violating: tuple[str, ...]
    """Shown items that break a condition as it was read, with their case."""
    against_expected: tuple[str, ...]
    """Shown items that break a condition that the case expects: misreading counts here."""
    ungrounded: tuple[str, ...]
    """Items that do not exist, and facts that the data do not bear out, with their case."""


def converse(cases: Sequence[Any], engine: Engine, embedder: Embedder, utterance_of: Any, *, llm: bool) -> Replies:
    """Holds every conversation, half of them as a known user, and checks all that is said.

    Without `llm` the signals rank alone, so that every case takes milliseconds.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        open_store(home=Path(folder), record_url=None, index_url=None, embedder=embedder) as store,
    ):
        store.record.put_items(sample_items())
        store.record.put_users(sample_users())
        store.record.put_interactions(sample_interactions())
        store.catch_up()
        settings = load_settings(None, fusion=None if llm else {"llm": 0.0})
        chat = ChatRecommender(
            recommender=compose(settings, store, engine, choose_template(settings)),
            record=store.record,
            vocabularies=Vocabularies(Catalogue(store.record).items),
        )
        return asyncio.run(_all(cases, chat, _Facts(store, chat), utterance_of))


async def _all(cases: Sequence[Any], chat: ChatRecommender, data: _Facts, utterance_of: Any) -> Replies:
    counted: Counter[str] = Counter()
    violating, expected, ungrounded = [], [], []
    for number, case in enumerate(cases):
        state, reply = Conversation(), None
        user = USER if number % 2 else None
        for said in case.turns:
            utterance = utterance_of(said)
            if len(utterance) > MOST_UTTERANCE:
                continue
            reply = await chat.turn(replace(state, shown=tuple(said.get("shown", ()))), utterance, user)
            state = reply.state
            counted.update(replies=1, questions=reply.question is not None, items=len(reply.items))
            counted.update(facts=sum(len(item.facts) for item in reply.items))
            violating += [f"{case.case_id}: {problem}" for problem in data.broken(reply)]
            ungrounded += [f"{case.case_id}: {problem}" for problem in data.unfounded(reply)]
        if reply is not None:
            expected += [f"{case.case_id}: {i}" for i in data.unexpected(reply, case.expected)]
    return Replies(
        replies=counted["replies"],
        questions=counted["questions"],
        items=counted["items"],
        facts=counted["facts"],
        violating=tuple(violating),
        against_expected=tuple(expected),
        ungrounded=tuple(ungrounded),
    )


class _Facts:
    """The data, to check replies by."""

    def __init__(self, store: Store, chat: ChatRecommender) -> None:
        self._store = store
        self._items = {item.item_id: item for item in store.record.iter_items()}
        self._takers: dict[str, set[str]] = {item_id: set() for item_id in self._items}
        for one in store.record.iter_interactions():
            self._takers[one.item_id].add(one.user_id)
        self._wordings = load_wordings(chat.lexicon)

    def broken(self, reply: ChatReply) -> list[str]:
        """Items of the reply that break a condition of its state."""
        state, shown = reply.state, [item.ranked.item for item in reply.items]
        barred = {*state.like, *state.unlike, *state.seen}
        found = [item.item_id for item in shown if item.item_id in barred or state.domain not in {None, item.domain}]
        for condition in state.conditions:
            for item in shown:
                value = item.attributes.get(condition.attribute)
                if isinstance(condition, Facet):
                    held = bool({v.casefold() for v in condition.values} & {v.casefold() for v in _words(value)})
                else:
                    number = value if isinstance(value, float) else float("nan")
                    low = -float("inf") if condition.low is None else condition.low
                    held = low <= number <= (float("inf") if condition.high is None else condition.high)
                if held == condition.refused:
                    found.append(f"{item.item_id} breaks {condition}")
        return found

    def unexpected(self, reply: ChatReply, expected: Mapping[str, Any]) -> list[str]:
        """Items of the reply that the case's own expectation forbids."""
        shown = [item.ranked.item for item in reply.items]
        found = [
            i.item_id
            for i in shown
            if expected.get("domain", "?").endswith("?") is False and i.domain != expected["domain"]
        ]
        found += [i.item_id for i in shown for ids in ("like", "unlike", "seen") if i.item_id in expected.get(ids, ())]
        for name, refused in (("wanted", False), ("refused", True)):
            for told in expected.get(name, ()):
                attribute, _, values = told.partition("=")
                if not told.endswith("?"):
                    wanted = set(values.split("|"))
                    found += [
                        i.item_id for i in shown if bool(wanted & set(_words(i.attributes.get(attribute)))) == refused
                    ]
        for name, refused in (("range", False), ("notrange", True)):
            for told in expected.get(name, ()):
                low, high = (float(part) if part else None for part in told.partition("=")[2].split(".."))
                years = [(i.item_id, float(str(i.attributes["year"]))) for i in shown]
                found += [i for i, y in years if ((low is None or y >= low) and (high is None or y <= high)) == refused]
        return found

    def unfounded(self, reply: ChatReply) -> list[str]:
        """Items that do not exist, lines that name another item, items without a fact, facts that do not hold."""
        wording = self._wordings[reply.state.language]
        found = []
        lines = [line for line in reply.text.splitlines() if re.match(r"\d+\. ", line)]
        if len(lines) != len(reply.items):
            found.append(f"{len(lines)} lines for {len(reply.items)} items")
        for line, shown in zip(lines, reply.items, strict=False):
            item = shown.ranked.item
            if self._items.get(item.item_id) != item or item.title not in line or not shown.facts:
                found.append(f"{item.item_id}: {line}")
            found += [
                f"{item.item_id}: {f.kind} {f.text}"
                for f in shown.facts
                if not self._holds(f.kind, f.text, shown, reply, wording)
            ]
        return found

    def _holds(self, kind: str, text: str, shown: ChatItem, reply: ChatReply, wording: Wording) -> bool:
        item = shown.ranked.item
        own = {wording.value(word) for value in item.attributes.values() for word in _words(value)}
        if kind == "meets":
            return set(re.split("[,，] ?", text)) <= own
        if kind == "shared":
            liked = [self._items[item_id] for item_id in reply.state.like]
            theirs = {wording.value(w) for other in liked for value in other.attributes.values() for w in _words(value)}
            told = re.sub("^(?:in common: |共同点：)", "", text)
            return set(re.split("[,，] ?", told)) <= own & theirs
        if kind == "because":
            because = shown.ranked.reason.because if shown.ranked.reason else ()
            known = {each.title for each in self._items.values()}
            return bool(because) and all(b.title in known and b.score_change > 0 and b.title in text for b in because)
        return self._measured(kind, text, shown, reply)

    def _measured(self, kind: str, text: str, shown: ChatItem, reply: ChatReply) -> bool:
        item, signals = shown.ranked.item, shown.ranked.signals
        numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", re.sub("“.*”", "", text))]
        if kind == "popular":
            user = reply.recommendation.user if reply.recommendation else None
            return numbers == [len(self._takers[item.item_id] - ({user.user_id} if user else set()))]
        if kind == "similar":
            return abs(numbers[0] - self._nearest(item, reply)) < 0.006
        if kind == "mood":
            return signals.query_similarity is not None and abs(numbers[0] - signals.query_similarity) < 0.006
        return kind == "source" and bool(shown.ranked.votes)

    def _nearest(self, item: Item, reply: ChatReply) -> float:
        user = reply.recommendation.user if reply.recommendation else None
        past = self._store.record.history(user.user_id) if user else ()
        liked = list(reply.state.like) or [entry.item.item_id for entry in past if entry.liked]
        vectors = self._store.index.vectors("items", [item.item_id, *liked])
        own = vectors[item.item_id]
        return max(float(np.dot(own, vectors[each])) for each in liked[-10:])


def _words(value: AttributeValue | None) -> Iterable[str]:
    return value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
