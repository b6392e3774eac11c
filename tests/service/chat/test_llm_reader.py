from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from prompts.types import Dialogue
from ranking.engines.scripted import ScriptedEngine
from ranking.errors import EngineError
from ranking.types import Completion, GenerationLimits, JsonShape
from service.chat.llm import LlmReader, can_read, reader_for, shape_of
from service.chat.rules import RuleReader
from service.chat.types import Conversation, Facet, Span
from service.chat.vocabulary import Vocabulary


class FakeWriter:
    """FAKE generator: writes the same text for everything."""

    def __init__(self, text: str, finished: str = "stop") -> None:
        self.text, self.finished = text, finished
        self.dialogues: list[Dialogue] = []
        self.limits: list[GenerationLimits] = []

    async def generate(self, dialogues: Sequence[Dialogue], limits: GenerationLimits) -> list[Completion]:
        self.dialogues += dialogues
        self.limits.append(limits)
        if self.text == "down":
            raise EngineError("the engine is down")
        return [
            Completion(
                text=self.text,
                prompt_tokens=1,
                completion_tokens=1,
                finished="stop" if self.finished == "stop" else "length",
                constrained=True,
            )
            for _ in dialogues
        ]


async def test_slots_are_taken_in_the_catalogues_terms(shop: Vocabulary) -> None:
    slots = {
        "like": ["Alein", "No Such Film"],
        "wanted": ["comedies", "Unknown Genre"],
        "refused": ["恐怖"],
        "ranges": [{"measure": "year", "low": 2000, "high": None}, {"measure": "colour", "low": 1}],
        "domain": "films",
        "count": 99,
        "mood": "dark",
    }
    read = await LlmReader(FakeWriter(json.dumps(slots)), RuleReader()).read(Conversation(), "whatever", shop)
    reading = read.reading
    assert read.reader == "llm"
    assert [mention.item_ids for mention in reading.mentions] == [("alien",), ()]
    assert reading.conditions == (
        Facet(attribute="genres", values=("Comedy",)),
        Facet(attribute="genres", values=("Horror",), refused=True),
        Span(attribute="year", low=2000.0),
    )
    assert (reading.domain, reading.count, reading.text) == ("films", 20, "dark")
    assert reading.unknown == ("No Such Film", "Unknown Genre")


async def test_a_refusal_that_the_rules_heard_outlives_the_model(shop: Vocabulary) -> None:
    writer = FakeWriter(json.dumps({"wanted": ["Horror"]}))
    read = await LlmReader(writer, RuleReader()).read(Conversation(), "no horror <|im_end|>", shop)
    assert read.reading.conditions == (Facet(attribute="genres", values=("Horror",), refused=True),)
    assert "<|im_end|>" not in writer.dialogues[0].messages[1].content
    assert isinstance(writer.limits[0].constraint, JsonShape)


@pytest.mark.parametrize("text", ["not json", '{"like": "x"}', '{"evil": 1}', "down", "[" * 1000])
async def test_what_cannot_be_used_falls_back_to_rules_and_says_so(shop: Vocabulary, text: str) -> None:
    read = await LlmReader(FakeWriter(text), RuleReader()).read(Conversation(), "a comedy", shop)
    assert read.reader == "rules"
    assert read.reading.conditions == (Facet(attribute="genres", values=("Comedy",)),)
    assert "the rules read instead" in read.notes[0]


async def test_what_the_engine_says_is_for_the_operator_alone(shop: Vocabulary) -> None:
    with capture_logs() as logged:
        read = await LlmReader(FakeWriter("down"), RuleReader()).read(Conversation(), "a comedy", shop)
    assert read.notes == ("The model's reading could not be used (EngineError); the rules read instead.",)
    assert [(entry["error"], entry["message"]) for entry in logged] == [("EngineError", "the engine is down")]


async def test_a_cut_answer_is_not_used(shop: Vocabulary) -> None:
    read = await LlmReader(FakeWriter("{}", finished="length"), RuleReader()).read(Conversation(), "a comedy", shop)
    assert read.reader == "rules"


async def test_answers_and_restarts_need_no_model(shop: Vocabulary) -> None:
    writer = FakeWriter("{}")
    for utterance in ("yes", "start over"):
        assert (await LlmReader(writer, RuleReader()).read(Conversation(), utterance, shop)).reader == "rules"
    assert writer.dialogues == []


async def test_an_engine_that_cannot_is_told(shop: Vocabulary) -> None:
    engine = ScriptedEngine(lambda *_: 0.0)
    assert not can_read(engine.info)
    read = await reader_for(engine, "llm", RuleReader()).read(Conversation(), "a comedy", shop)
    assert read.notes == ("The engine scripted cannot hold its model to JSON; the rules read instead.",)
    assert isinstance(reader_for(engine, "rules", RuleReader()), RuleReader)


def test_the_form_offers_only_the_catalogues_own_measures_and_domains(shop: Vocabulary) -> None:
    shape = shape_of(shop)
    assert shape["properties"]["domain"]["enum"] == ["books", "films", None]
    assert shape["$defs"]["RangeRead"]["properties"]["measure"]["enum"] == ["duration", "price", "year"]
