from __future__ import annotations

import math

import pytest

from service.chat.conversation import advance, language_of
from service.chat.numbers import number_of
from service.chat.rules import RuleReader
from service.chat.types import Conversation, Facet, Question, Span, Turn
from service.chat.vocabulary import Vocabulary


def heard(vocabulary: Vocabulary, *utterances: str, state: Conversation | None = None) -> Turn:
    turn = Turn(state=state or Conversation())
    for utterance in utterances:
        turn = advance(turn.state, RuleReader().reading(turn.state, utterance, vocabulary), vocabulary, utterance)
    return turn


UNDER_30 = Span(attribute="price_eur", high=math.nextafter(30.0, -math.inf))


@pytest.mark.parametrize(
    ("utterance", "span"),
    [
        ("under 30 euros", UNDER_30),
        ("30欧元以下", Span(attribute="price_eur", high=30.0)),
        ("between 10 and 20 euros", Span(attribute="price_eur", low=10.0, high=20.0)),
        ("€12 or more", Span(attribute="price_eur", low=12.0)),
        ("两小时以内", Span(attribute="runtime", high=120.0)),
        ("一个半小时以内", Span(attribute="runtime", high=90.0)),
        ("at least two and a half", None),
        ("at most 2 hours and a half", None),
        ("at most an hour and a half", Span(attribute="runtime", high=90.0)),
        ("a 100 minute film", Span(attribute="runtime", low=85.0, high=115.0)),
        ("before the 80s", Span(attribute="year", high=1979.0)),
        ("nothing after 1990", Span(attribute="year", high=1990.0)),
        ("2000年及以后", Span(attribute="year", low=2000.0)),
        ("mid-90s", Span(attribute="year", low=1994.0, high=1996.0)),
        ("20世纪30年代", Span(attribute="year", low=1930.0, high=1939.0)),
        ("20th century", Span(attribute="year", low=1901.0, high=2000.0)),
    ],
)
def test_ranges(shop: Vocabulary, utterance: str, span: Span | None) -> None:
    spans = [condition for condition in heard(shop, utterance).state.conditions if isinstance(condition, Span)]
    if span is not None:
        assert spans == [span]


def test_a_price_in_another_currency_is_not_held_to_and_told(shop: Vocabulary) -> None:
    turn = heard(shop, "under $20")
    assert (turn.state.conditions, turn.unsupported) == ((), ("price",))


def test_a_measure_the_catalogue_does_not_tell_is_told(sample: Vocabulary) -> None:
    assert heard(sample, "under 30 euros and two hours at most").unsupported == ("price", "duration")
    assert heard(sample, "something in French").unsupported == ("language",)


@pytest.mark.parametrize("utterance", ["the second one but cheaper", "像第二部，但更便宜"])
def test_cheaper_than_the_second(shop: Vocabulary, utterance: str) -> None:
    turn = heard(shop, utterance, state=Conversation(shown=("shrek", "aliens", "heat")))
    assert turn.state.conditions == (Span(attribute="price_eur", high=math.nextafter(12.5, -math.inf)),)


def test_newer_than_nothing_is_told(shop: Vocabulary) -> None:
    assert heard(shop, "newer ones").without_basis == ("year",)
    assert heard(shop, "like Alien but newer").state.conditions == (Span(attribute="year", low=1980.0),)


def test_a_list_that_ends_in_or_is_one_condition(shop: Vocabulary) -> None:
    state = heard(shop, "comedy, crime or romance").state
    assert state.conditions == (Facet(attribute="genres", values=("Comedy", "Crime", "Romance")),)


def test_a_refused_list_goes_on_over_commas(shop: Vocabulary) -> None:
    refused = [
        c.values
        for c in heard(shop, "no horror, crime or romance").state.conditions
        if c.refused and isinstance(c, Facet)
    ]
    assert refused == [("Horror",), ("Crime",), ("Romance",)]


@pytest.mark.parametrize(
    "utterance", ["I don't mind horror", "horror is fine", "不介意恐怖片", "恐怖片也可以", "not only horror"]
)
def test_what_is_allowed_is_neither_wanted_nor_refused(shop: Vocabulary, utterance: str) -> None:
    assert heard(shop, "no horror", utterance).state.conditions == ()


def test_the_later_word_counts(shop: Vocabulary) -> None:
    wanted = Facet(attribute="genres", values=("Horror",))
    assert heard(shop, "horror", "no horror").state.conditions == (
        Facet(attribute="genres", values=("Horror",), refused=True),
    )
    assert heard(shop, "no horror", "horror please").state.conditions == (wanted,)
    assert heard(shop, "comedy", "horror instead").state.conditions == (wanted,)
    assert heard(shop, "directed by Michael Mann", "directed by James Cameron").state.conditions == (
        Facet(attribute="director", values=("James Cameron",)),
    )


def test_ranges_narrow_or_replace(shop: Vocabulary) -> None:
    assert heard(shop, "after 1980", "before 1990").state.conditions == (
        Span(attribute="year", low=1981.0, high=1989.0),
    )
    assert heard(shop, "after 1980", "before 1970").state.conditions == (Span(attribute="year", high=1969.0),)
    assert heard(shop, "after 1980", "any year is fine").state.conditions == ()
    assert heard(shop, "the 60s or the 90s").state.conditions == (
        Span(attribute="year", low=1960.0, high=1999.0),
        Span(attribute="year", low=1970.0, high=1989.0, refused=True),
    )


def test_a_typo_between_two_titles_asks_and_an_answer_settles(shop: Vocabulary) -> None:
    turn = heard(shop, "something like Alienz")
    assert turn.state.question == Question(kind="which", item_ids=("alien", "aliens"))
    for answer in ("the second", "1986", "Aliens please: the second one"):
        settled = heard(shop, answer, state=turn.state).state
        assert (settled.like, settled.question) == (("aliens",), None)
    assert heard(shop, "both", state=turn.state).state.like == ("alien", "aliens")
    other = heard(shop, "a comedy", state=turn.state)
    assert (other.state.like, other.assumed) == (("alien",), ("alien",))


def test_an_exact_title_never_asks(shop: Vocabulary) -> None:
    assert heard(shop, "like Alien").state.like == ("alien",)
    assert heard(shop, "like 'Dune' (2021)").state.like == ("dune-film",)


@pytest.mark.parametrize("number", ["1" + ",000" * 103, "1" * 400, "1" * 400 + ",000", "1" * 400 + ".5"])
@pytest.mark.parametrize("said", ["{} films", "the top {}", "under {} euros", "between 1 and {} euros", "before {}"])
def test_a_number_beyond_all_numbers_is_none(shop: Vocabulary, said: str, number: str) -> None:
    turn = heard(shop, said.format(number))
    assert all(math.isfinite(c.high or 0.0) for c in turn.state.conditions if isinstance(c, Span))


def test_thousands_may_be_parted_by_commas() -> None:
    assert number_of("1,000,000") == 1_000_000
    assert number_of("1,000,000,000,000,000") is None
    assert number_of("9" * 13) is None


def test_a_number_is_never_a_slip(sample: Vocabulary) -> None:
    assert heard(sample, "like 1916").state.like == ()
    assert heard(sample, "like 1917").state.like != ()


def test_a_quoted_title_that_is_not_there_is_told(shop: Vocabulary) -> None:
    assert heard(shop, "like “Batman Begins”").unknown == ("Batman Begins",)


def test_moods_are_kept_and_refused_moods_are_told(shop: Vocabulary) -> None:
    turn = heard(shop, "a melancholic comedy, nothing scary")
    assert (turn.state.text, turn.unchecked) == ("melancholic", ("scary",))


def test_start_over_keeps_only_the_agreement(shop: Vocabulary) -> None:
    state = Conversation(like=("alien",), text="dark", consent=True)
    for utterance in ("start over", "重新开始"):
        assert heard(shop, utterance, state=state).state == Conversation(
            language=language_of(utterance, "en"), consent=True
        )


def test_lists_of_a_state_stay_bounded(sample: Vocabulary) -> None:
    state = Conversation()
    ids = tuple(sample.items)
    for start in range(0, 200, 10):
        state = heard(sample, "others please", state=Conversation(seen=state.seen, shown=ids[start : start + 10])).state
    assert len(state.seen) == 50
    assert state.seen[-1] == ids[199]
