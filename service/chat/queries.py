"""What a conversation asks of the recommender, and what an earlier reply had shown. Pure but for the clock."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from retrieval.types import PastItem, Query
from service.chat.conditions import filter_of
from service.chat.lexicon import Lexicon
from service.chat.tokens import phrase_of
from service.chat.types import Conversation, Facet
from service.chat.vocabulary import Vocabulary

_LIST_LINE = re.compile(r"^\s*\d{1,3}\. (?P<name>.+?)(?: — .*)?$")
_ITEM_YEAR = re.compile(r"^(?P<title>.*?)(?: \((?P<year>\d{1,4})\))?$")


def query_of(state: Conversation, vocabulary: Vocabulary, user_id: str | None, past: Sequence[PastItem] = ()) -> Query:
    """What a state asks of the recommender. `past` is the user's own history, oldest first.

    Titles that were named stand for the user's taste in this conversation: they are the history that retrieval and the
    prompt go by, and what the user took before only must not come back. Without such titles the user's own history
    counts. The text holds what is wanted in words; what is refused is a filter and never a word.
    """
    items = vocabulary.items
    now = time.time()
    disliked = [PastItem(item=items[i], timestamp=now - 2, liked=False) for i in state.unlike if i in items]
    liked = [PastItem(item=items[i], timestamp=now - 1, liked=True) for i in state.like if i in items]
    own = () if liked else tuple(past)
    seen = {entry.item.item_id for entry in past} if liked else set()
    named = {entry.item.item_id for entry in (*disliked, *liked)}
    history = (*(entry for entry in own if entry.item.item_id not in named), *disliked, *liked)
    return Query(
        user_id=user_id,
        text=_text(state, vocabulary.lexicon),
        filters=tuple(filter_of(condition) for condition in state.conditions),
        exclude=frozenset({*state.seen, *state.like, *state.unlike, *seen}),
        domain=state.domain,
        history=history if named else None,
    )


def listed_in(text: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The items of a reply's numbered list, in its order; lines that name no item of the catalogue are passed over."""
    found: list[str] = []
    for line in text[:50_000].splitlines():
        match = _LIST_LINE.match(line)
        named = _ITEM_YEAR.match(match["name"]) if match else None
        if named is None:
            continue
        ids = vocabulary.titles.get(phrase_of(named["title"], vocabulary.lexicon.traditional), ())
        year = named["year"]
        fitting = [i for i in ids if year is None or vocabulary.items[i].attributes.get("year") == float(year)]
        found += fitting[:1] or list(ids[:1])
    return tuple(found)


def _text(state: Conversation, lexicon: Lexicon) -> str | None:
    """The mood in words that the embedding model knows; without a mood, the values that are wanted."""
    if state.text:
        text = state.text
        for english, words in lexicon.moods.items():
            for word in words:
                text = text.replace(word, f" {english} ")
        return " ".join(text.split())
    values = [value for c in state.conditions if isinstance(c, Facet) and not c.refused for value in c.values]
    return ", ".join(dict.fromkeys(values))[:400] or None
