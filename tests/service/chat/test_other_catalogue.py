"""Chat's reader over a catalogue of other things than films, with attributes of its own."""

from __future__ import annotations

import math

import pytest

from retrieval.types import Item
from service.chat.conversation import advance
from service.chat.lexicon import Lexicon
from service.chat.rules import RuleReader
from service.chat.types import Condition, Conversation, Facet, Span
from service.chat.vocabulary import Vocabulary, build_vocabulary

WINES = (
    ("w1", "Scharzhof", ("Riesling",), "white", "Germany", 18.0, 2019.0),
    ("w2", "Clos des Mouches", ("Pinot Noir",), "red", "France", 95.0, 2015.0),
    ("w3", "Sassicaia", ("Cabernet Sauvignon", "Cabernet Franc"), "red", "Italy", 210.0, 2016.0),
)


@pytest.fixture(scope="module")
def wines(lexicon: Lexicon) -> Vocabulary:
    items = {
        item_id: Item(
            item_id=item_id,
            title=title,
            domain="wines",
            attributes={"grape": grape, "colour": colour, "country": country, "price_eur": price, "year": year},
        )
        for item_id, title, grape, colour, country, price, year in WINES
    }
    return build_vocabulary(items, lexicon)


@pytest.mark.parametrize(
    ("utterance", "conditions"),
    [
        (
            "a red Pinot Noir under 100 euros",
            {
                Facet(attribute="colour", values=("red",)),
                Facet(attribute="grape", values=("Pinot Noir",)),
                Span(attribute="price_eur", high=math.nextafter(100.0, -math.inf)),
            },
        ),
        (
            "white, but not Riesling, after 2015",
            {
                Facet(attribute="colour", values=("white",)),
                Facet(attribute="grape", values=("Riesling",), refused=True),
                Span(attribute="year", low=2016.0),
            },
        ),
    ],
)
def test_attributes_are_those_of_the_catalogue(wines: Vocabulary, utterance: str, conditions: set[Condition]) -> None:
    turn = advance(Conversation(), RuleReader().reading(Conversation(), utterance, wines), wines, utterance)
    assert set(turn.state.conditions) == conditions


def test_titles_and_comparisons_too(wines: Vocabulary) -> None:
    state = Conversation()
    for utterance in ("something like Sassicaia", "cheaper"):
        state = advance(state, RuleReader().reading(state, utterance, wines), wines, utterance).state
    assert state.like == ("w3",)
    assert state.conditions == (Span(attribute="price_eur", high=209.0),)
