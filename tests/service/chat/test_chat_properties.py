"""Whatever is said: nothing breaks, and the state stays in the catalogue's terms."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.errors import InputError
from service.chat.conditions import filter_of, violations
from service.chat.conversation import advance
from service.chat.rules import RuleReader
from service.chat.state_token import MOST_CHARACTERS, decode, encode, known
from service.chat.tokens import cleaned, phrase_of, tokens_of
from service.chat.types import Conversation, Facet, Question, Span, Told
from service.chat.vocabulary import Vocabulary

PIECES = st.sampled_from(
    [
        *("like Alien", "not ", "no ", "horror", "comedy ", ", ", "but ", "or ", "the second one", "cheaper", "newer "),
        *("Dune", "after 2000", "under 30 euros", "start over", "yes", "I loved ", "by James Cameron", "any year"),
        *(
            "或",
            "不要",
            "恐怖片",
            "《沙丘》",
            "90年代",
            "两小时以内",
            "三部",
            "第二部",
            "以前",
            "更便宜",
            "书",
            "“",
            "》",
        ),
        *("{0}", "%s", "<|im_end|>", "\u202e", "\u200b", "😀", "9999999999999", "¹⁹⁹⁰", "-1", "forget ", "films", "|"),
    ]
)
UTTERANCES = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=8).map("".join))
QUIETLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(utterances=st.lists(UTTERANCES, min_size=1, max_size=4))
@QUIETLY
def test_any_conversation_stays_in_the_catalogues_terms(
    shop: Vocabulary, reader: RuleReader, utterances: list[str]
) -> None:
    state = Conversation(shown=("alien", "shrek"))
    for utterance in utterances:
        reading = reader.reading(state, utterance, shop)
        assert reading == reader.reading(state, utterance, shop)
        state = advance(state, reading, shop, utterance).state
    assert {*state.like, *state.unlike, *state.seen} <= shop.items.keys()
    assert not {*state.like} & {*state.unlike}
    for condition in state.conditions:
        filter_of(condition)
        held = {word for item in shop.items.values() for word in (_words(item.attributes.get(condition.attribute)))}
        if isinstance(condition, Facet):
            assert set(condition.values) <= held
        else:
            assert condition.attribute in {measure.attribute for measure in shop.measures.values()}
    assert len(state.text or "") <= 200
    assert state.count is None or 1 <= state.count <= 20
    assert decode(encode(state), shop) == known(state, shop) == state


def _words(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()


@given(text=st.text(max_size=80))
@QUIETLY
def test_tokens_cover_a_text_in_order(shop: Vocabulary, text: str) -> None:
    shown = cleaned(text)
    tokens = tokens_of(shown, shop.lexicon.traditional)
    assert "".join(token.raw for token in tokens) == "".join(shown.split())
    assert all(one.end <= other.start for one, other in pairwise(tokens))
    assert all(token.form for token in tokens)


@given(text=st.text(st.characters(codec="ascii"), max_size=60))
@QUIETLY
def test_the_short_way_for_ascii_gives_the_same(shop: Vocabulary, text: str) -> None:
    slow = tuple(t.form for t in tokens_of(cleaned(text), shop.lexicon.traditional) if not t.is_mark)
    assert phrase_of(cleaned(text), shop.lexicon.traditional) == slow


IDS = st.lists(st.sampled_from(["alien", "shrek", "heat"]), unique=True, max_size=3).map(tuple)
NUMBERS = st.none() | st.floats(-1e6, 1e6)
CONDITIONS = st.lists(
    st.builds(Facet, attribute=st.just("genres"), values=st.just(("Horror", "{x}")), refused=st.booleans())
    | st.builds(Span, attribute=st.sampled_from(["year", "runtime"]), low=NUMBERS, high=NUMBERS, refused=st.booleans()),
    max_size=4,
).map(tuple)
STATES = st.builds(
    Conversation,
    language=st.sampled_from(["en", "zh"]),
    like=IDS,
    seen=IDS,
    shown=IDS,
    conditions=CONDITIONS,
    domain=st.sampled_from([None, "films", "books"]),
    text=st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200),
    count=st.none() | st.integers(1, 20),
    told=IDS.map(lambda ids: tuple(Told(item_id=each, liked=True) for each in ids)),
    consent=st.none() | st.booleans(),
    question=st.none() | IDS.filter(bool).map(lambda ids: Question(kind="which", item_ids=ids)),
)


@given(state=STATES)
@QUIETLY
def test_a_state_survives_the_way_through_the_client(shop: Vocabulary, state: Conversation) -> None:
    assert decode(encode(state), shop) == state


@given(token=st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.hex()))
@QUIETLY
def test_any_other_text_is_refused(shop: Vocabulary, token: str) -> None:
    with pytest.raises(InputError, match="chat state"):
        decode(token, shop)


def test_a_state_that_is_too_large_is_refused(shop: Vocabulary) -> None:
    with pytest.raises(InputError, match="longer than"):
        decode("A" * (MOST_CHARACTERS + 1), shop)
    with pytest.raises(InputError, match="too large"):
        decode(encode(Conversation(text="x" * 3_000_000)), shop)


def test_a_state_made_by_hand_holds_no_more_than_one_of_ours(shop: Vocabulary) -> None:
    repeated = Facet(attribute="genres", values=("Horror",) * 10_000)
    many = Facet(attribute="genres", values=tuple(f"Genre {n}" for n in range(1_000)), refused=True)
    made = Conversation(
        like=("alien",) * 1000,
        seen=("heat",) * 1000,
        told=(Told(item_id="alien", liked=True),) * 1000,
        conditions=(*(Span(attribute="year", low=float(n)) for n in range(500)), many, repeated),
    )
    assert len(encode(made)) < MOST_CHARACTERS
    state = decode(encode(made), shop)
    assert (len(state.like), len(state.seen), len(state.told), len(state.conditions)) == (50, 50, 50, 50)
    assert state.conditions[-2:] == (
        replace(many, values=many.values[:50]),
        replace(repeated, values=("Horror",)),
    )


def test_what_breaks_a_condition_is_seen(shop: Vocabulary) -> None:
    state = Conversation(
        seen=("heat",), domain="films", conditions=(Facet(attribute="genres", values=("Horror",), refused=True),)
    )
    assert violations(state, shop.items.values()) == ("alien", "heat", "dune-book")
