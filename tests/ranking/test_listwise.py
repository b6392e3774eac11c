"""Listwise by generation on a scripted engine: what is asked, and what is made of what was written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from prompts.template import load_template
from prompts.types import Dialogue, PromptContext
from ranking.engines.scripted import ScriptedEngine, Write
from ranking.errors import ConfigError
from ranking.settings import ListwiseSettings
from ranking.strategies.listwise import Listwise
from ranking.types import Completion, EngineInfo, GenerationLimits, ParseReport, Permutation, StrategyScores
from retrieval.types import Item, PastItem


class WritingEngine(ScriptedEngine):
    """The scripted engine; also remembers the limits, and may claim that it holds its model to a form."""

    def __init__(self, write: Write, *, constrained: bool = False) -> None:
        super().__init__(lambda _, __: 0.0, write=write)
        self._constrained = constrained
        self.limits: list[GenerationLimits] = []

    @property
    def info(self) -> EngineInfo:
        """With the capability "constrained" if so asked."""
        if not self._constrained:
            return super().info
        return replace(super().info, capabilities=frozenset({"generate", "constrained"}))

    async def generate(self, dialogues: Sequence[Dialogue], limits: GenerationLimits) -> list[Completion]:
        self.limits.append(limits)
        return await super().generate(dialogues, limits)


def _context(*titles: str) -> PromptContext:
    def item(title: str) -> Item:
        return Item(item_id=title.lower(), title=title, domain="films")

    return PromptContext(
        history=(PastItem(item=item("Heat"), timestamp=1.0),), candidates=tuple(item(title) for title in titles)
    )


def _listwise(engine: ScriptedEngine, max_tokens: int | None = None) -> Listwise:
    return Listwise(engine, load_template("listwise"), 512, ListwiseSettings(max_tokens=max_tokens))


def _ask(written: str, *titles: str) -> StrategyScores:
    [verdict] = asyncio.run(_listwise(WritingEngine(lambda _: written)).score([_context(*titles)]))
    return verdict


def test_scores_fall_by_place() -> None:
    verdict = _ask("2, 3, 1]", "Up", "Alien", "Jaws")
    assert verdict.scores == (1.0, 3.0, 2.0)
    assert verdict.branches is None
    assert verdict.template.name == "listwise"
    assert (verdict.model_calls, verdict.completion_tokens) == (1, 6)


def test_what_was_wrong_is_kept_beside_the_text() -> None:
    [output] = _ask("2, 2, 9", "Up", "Alien", "Jaws").outputs
    assert output.completion.text == "2, 2, 9"
    assert output.report == ParseReport(missing=2, duplicate=1, invented=1, repaired=2)


def test_a_model_that_said_nothing_prefers_nothing() -> None:
    verdict = _ask("I would not know.", "Up", "Alien")
    assert verdict.scores == (0.0, 0.0)
    assert verdict.outputs[0].report.fell_back


def test_the_engine_is_asked_for_a_permutation_where_it_can_hold_its_model_to_one() -> None:
    free, held = WritingEngine(lambda _: "1, 2"), WritingEngine(lambda _: "1, 2", constrained=True)
    for engine in (free, held):
        asyncio.run(_listwise(engine).score([_context("Up", "Alien")]))
    assert held.limits == [GenerationLimits(max_tokens=4, constraint=Permutation(n=2))]
    assert free.limits == [GenerationLimits(max_tokens=44)]


def test_the_length_can_be_set() -> None:
    engine = WritingEngine(lambda _: "1, 2, 3")
    [verdict] = asyncio.run(_listwise(engine, 3).score([_context("Up", "Alien", "Jaws")]))
    assert verdict.outputs[0].completion.finished == "length"
    assert verdict.outputs[0].report.missing == 1


def test_contexts_of_all_sizes_come_back_in_order() -> None:
    engine = WritingEngine(lambda dialogue: "2, 1" if "Jaws" in dialogue.messages[0].content else "1, 2")
    contexts = [_context("Up", "Alien"), _context("Up", "Jaws", "Heat"), _context("Jaws", "Alien")]
    verdicts = asyncio.run(_listwise(engine).score(contexts))
    assert [verdict.scores for verdict in verdicts] == [(2.0, 1.0), (2.0, 3.0, 1.0), (1.0, 2.0)]
    assert len(engine.limits) == 2


def test_what_cannot_work_is_refused() -> None:
    silent = ScriptedEngine(lambda _, __: 0.0)
    with pytest.raises(ConfigError, match="engine 'scripted' does not let its model write"):
        _listwise(silent)
    with pytest.raises(ConfigError, match="'sequential' is made for 'yes-no', not for listwise"):
        Listwise(silent, load_template("sequential"), 512, ListwiseSettings())
