"""What every engine must do. A test class inherits a suite and provides the fixture `engine`, each time a fresh one.

    class TestMyEngine(EngineSuite):
        @pytest.fixture
        def engine(self) -> Iterator[Engine]: ...

An adapter's test may also provide, where it can:

- `tolerance`: how far two scores of one branch may lie apart (1e-4; more for a server in bfloat16);
- `knows_tokens = False`: the engine only estimates tokens, so it cannot tell that a label is not one;
- `reached`: a function that counts the prompts which have come to the model or server, to prove that a prompt is
  refused before it is sent;
- `without_template`: the engine with a model that has no chat template (left out where there is none).

What an engine cannot do by its capabilities is left out. GeneratorSuite is for an engine that writes too.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar, Protocol

import pytest

from prompts.types import Dialogue, Dropped, Message, Prompt, TemplateRef
from ranking.errors import ModelError, PromptTooLongError
from ranking.protocol import Engine, Generator
from ranking.strategies.table import ENGINES
from ranking.types import BranchScore, Capability, GenerationLimits, JsonShape, Permutation

REF = TemplateRef(name="suite", version=1, language="en", digest="0" * 12)


def yes_no_prompt(*branches: str, before: str = "They watched:\n- Alien\nWill they watch this next?\nFilm:") -> Prompt:
    return Prompt(
        messages=(Message(role="system", content="You rank films."),),
        slot_role="user",
        before=before,
        branches=branches,
        after="",
        answer="Answer:",
        labels=(" Yes", " No"),
        template=REF,
        dropped=Dropped(),
    )


def likelihood_prompt(*branches: str, question: str = "Which film next?") -> Prompt:
    return Prompt(
        messages=(Message(role="user", content=question),),
        slot_role="assistant",
        before="Film:",
        branches=branches,
        after="",
        answer="",
        labels=None,
        template=REF,
        dropped=Dropped(),
    )


def dialogue(content: str = "Which film next?", *, answer: str = "") -> Dialogue:
    return Dialogue(
        messages=(Message(role="system", content="You rank films."), Message(role="user", content=content)),
        answer=answer,
        template=REF,
        dropped=Dropped(),
    )


class EngineSuite:
    tolerance: ClassVar[float] = 1e-4
    knows_tokens: ClassVar[bool] = True

    @pytest.fixture
    def reached(self) -> Callable[[], int] | None:
        return None

    @pytest.fixture
    def without_template(self) -> Engine | None:
        return None

    def same(self, one: Sequence[BranchScore], other: Sequence[BranchScore]) -> bool:
        return numbers(one) == pytest.approx(numbers(other), abs=self.tolerance)

    async def test_no_prompts_give_no_scores(self, engine: Engine) -> None:
        assert await engine.score([]) == []

    @pytest.mark.parametrize("n", [0, 1, 500])
    async def test_every_branch_is_scored(self, engine: Engine, n: int) -> None:
        (scores,) = await engine.score([yes_no_prompt(*[f" Film {index}" for index in range(n)])])
        assert len(scores.branches) == n
        for branch in scores.branches:
            assert branch.text_logprob is None
            assert branch.label_logits is not None
            assert len(branch.label_logits) == 2
            assert all(math.isfinite(logit) for logit in branch.label_logits)

    async def test_as_many_logits_as_labels(self, engine: Engine) -> None:
        prompt = replace(yes_no_prompt(" Aliens"), labels=(" Yes", " No", " word"))
        (scores,) = await engine.score([prompt])
        assert [len(branch.label_logits or ()) for branch in scores.branches] == [3]

    async def test_no_labels_give_one_finite_logprob_a_branch(self, engine: Engine) -> None:
        needs(engine, "likelihood")
        (scores,) = await engine.score([likelihood_prompt(" Aliens", " Big Fish")])
        assert len(scores.branches) == 2
        for branch in scores.branches:
            assert branch.label_logits is None
            assert branch.text_logprob is not None
            assert math.isfinite(branch.text_logprob)
            assert branch.text_logprob <= 0

    async def test_answers_come_in_the_order_of_the_prompts(self, engine: Engine) -> None:
        prompts = [yes_no_prompt(" Heat"), yes_no_prompt(" Aliens", " Big Fish"), yes_no_prompt(" A")]
        if "likelihood" in engine.info.capabilities:
            prompts += [likelihood_prompt(" Aliens"), likelihood_prompt(" Big Fish")]
        together = await engine.score(prompts)
        alone = [(await engine.score([prompt]))[0] for prompt in prompts]
        assert [len(scores.branches) for scores in together] == [len(prompt.branches) for prompt in prompts]
        for one, other in zip(together, alone, strict=True):
            assert self.same(one.branches, other.branches)

    async def test_a_branch_scores_the_same_beside_any_other(self, engine: Engine) -> None:
        branches = (" Aliens", " Big Fish, a film with a much longer title", " A", " Aliens")
        (together,) = await engine.score([yes_no_prompt(*branches)])
        for branch, scored in zip(branches, together.branches, strict=True):
            (alone,) = await engine.score([yes_no_prompt(branch)])
            assert self.same([scored], alone.branches)

    async def test_identical_titles_score_alike(self, engine: Engine) -> None:
        (scores,) = await engine.score([yes_no_prompt(*[" Aliens"] * 4)])
        for branch in scores.branches[1:]:
            assert self.same([branch], scores.branches[:1])

    async def test_concurrent_calls_each_get_their_own_answer(self, engine: Engine) -> None:
        prompts = [yes_no_prompt(f" {title}") for title in ("Aliens", "Big Fish", "Heat", "Brazil")]
        together = await asyncio.gather(*[engine.score([prompt]) for prompt in prompts])
        for prompt, (scores,) in zip(prompts, together, strict=True):
            (alone,) = await engine.score([prompt])
            assert self.same(scores.branches, alone.branches)

    async def test_a_cancelled_call_leaves_the_others_alone(self, engine: Engine) -> None:
        prompt = yes_no_prompt(" Aliens", " Big Fish")
        (before,) = await engine.score([prompt])
        doomed = asyncio.create_task(engine.score([yes_no_prompt(*[f" Film {index}" for index in range(300)])]))
        neighbour = asyncio.create_task(engine.score([prompt]))
        await asyncio.sleep(0)
        doomed.cancel()
        (after,) = await neighbour
        assert self.same(after.branches, before.branches)
        with pytest.raises(asyncio.CancelledError):
            await doomed

    @pytest.mark.parametrize("place", ["before", "branch"])
    async def test_a_prompt_too_long_is_refused_before_it_is_sent(
        self, engine: Engine, reached: Callable[[], int] | None, place: str
    ) -> None:
        text = " word" * (engine.info.max_context + 1)
        prompt = yes_no_prompt(" Aliens", text) if place == "branch" else yes_no_prompt(" Aliens", before=text)
        sent = None if reached is None else reached()
        with pytest.raises(PromptTooLongError, match=str(engine.info.max_context)):
            await engine.score([yes_no_prompt(" Heat"), prompt])
        assert sent == (None if reached is None else reached())

    async def test_the_end_of_a_long_prompt_is_read(self, engine: Engine) -> None:
        per_word = engine.count_tokens(" word" * 40) / 40
        text = " word" * int(engine.info.max_context * 0.8 / per_word)
        (scores,) = await engine.score([yes_no_prompt(f"{text} Alien", f"{text} Big Fish", before="Film:")])
        assert not self.same(scores.branches[:1], scores.branches[1:])

    async def test_a_label_of_several_tokens_is_refused_by_name(self, engine: Engine) -> None:
        if not self.knows_tokens:
            pytest.skip("this engine does not know the model's tokens")
        labels = (" Yes", " most certainly not")
        with pytest.raises(ModelError, match=labels[1]):
            await engine.score([replace(yes_no_prompt(" Aliens"), labels=labels)])

    async def test_a_model_without_a_chat_template_scores_too(self, without_template: Engine | None) -> None:
        if without_template is None:
            pytest.skip("no such model behind this engine")
        (scores,) = await without_template.score([yes_no_prompt(" Aliens", " Big Fish")])
        assert len(scores.branches) == 2

    def test_tokens_are_counted(self, engine: Engine) -> None:
        assert engine.count_tokens("") == 0
        assert engine.count_tokens("They watched Alien") >= 3

    def test_the_engine_says_what_it_is(self, engine: Engine) -> None:
        info = engine.info
        assert all((info.engine, info.model, info.revision, info.device, info.dtype))
        assert info.max_context > 0
        assert "labels" in info.capabilities
        offer = ENGINES.get(info.engine)
        assert offer is None or offer.always <= info.capabilities <= offer.always | offer.maybe
        assert "generate" not in info.capabilities or callable(getattr(engine, "generate", None))

    def test_control_tokens_are_known(self, engine: Engine) -> None:
        assert "<|im_start|>" in engine.control_tokens


class WritingEngine(Engine, Generator, Protocol):
    """An engine that scores and writes."""


class GeneratorSuite:
    """For an engine that can "generate"; needs the same fixture `engine`."""

    async def test_no_dialogues_give_no_completions(self, engine: WritingEngine) -> None:
        assert await engine.generate([], GenerationLimits(max_tokens=4)) == []

    async def test_one_completion_a_dialogue_in_order(self, engine: WritingEngine) -> None:
        dialogues = [dialogue(), dialogue("Which film after Alien, Aliens and Heat?"), dialogue("Name one.")]
        together = await engine.generate(dialogues, GenerationLimits(max_tokens=3))
        alone = [(await engine.generate([one], GenerationLimits(max_tokens=3)))[0] for one in dialogues]
        assert [one.prompt_tokens for one in together] == [one.prompt_tokens for one in alone]
        assert len({one.prompt_tokens for one in together}) == 3

    async def test_what_is_written_is_counted_and_bounded(self, engine: WritingEngine) -> None:
        (written,) = await engine.generate([dialogue()], GenerationLimits(max_tokens=5))
        assert written.prompt_tokens > 5
        assert written.completion_tokens <= 5
        assert written.finished == "stop" or written.completion_tokens == 5
        assert not written.constrained

    async def test_a_dialogue_too_long_is_refused_before_it_is_sent(self, engine: WritingEngine) -> None:
        long = dialogue("word " * (engine.info.max_context + 1))
        with pytest.raises(PromptTooLongError, match=str(engine.info.max_context)):
            await engine.generate([dialogue(), long], GenerationLimits(max_tokens=4))
        with pytest.raises(PromptTooLongError, match=str(engine.info.max_context)):
            await engine.generate([dialogue()], GenerationLimits(max_tokens=engine.info.max_context))

    @pytest.mark.parametrize("n", [1, 3, 12])
    async def test_a_permutation_has_every_number_once(self, engine: WritingEngine, n: int) -> None:
        limits = GenerationLimits(max_tokens=60, constraint=Permutation(n=n))
        for written in await engine.generate([dialogue(), dialogue("Order them.", answer="Order:")], limits):
            assert written.constrained == ("constrained" in engine.info.capabilities)
            if written.constrained:
                assert written.finished == "stop"
                assert sorted(map(int, written.text.split(", "))) == list(range(1, n + 1))

    async def test_json_has_the_shape_asked_for(self, engine: WritingEngine) -> None:
        schema = {
            "type": "object",
            "properties": {"seen": {"type": "boolean"}, "mood": {"enum": ["dark", "light"]}},
            "required": ["seen", "mood"],
            "additionalProperties": False,
        }
        limits = GenerationLimits(max_tokens=80, constraint=JsonShape(schema=schema))
        (written,) = await engine.generate([dialogue()], limits)
        assert written.constrained == ("constrained" in engine.info.capabilities)
        if written.constrained:
            value = json.loads(written.text)
            assert isinstance(value["seen"], bool)
            assert value["mood"] in {"dark", "light"}

    async def test_scores_come_while_it_writes(self, engine: WritingEngine) -> None:
        prompt = yes_no_prompt(" Aliens")
        (before,) = await engine.score([prompt])
        written, (during,) = await asyncio.gather(
            engine.generate([dialogue()], GenerationLimits(max_tokens=8)), engine.score([prompt])
        )
        assert len(written) == 1
        assert numbers(during.branches) == pytest.approx(numbers(before.branches), abs=0.1)


def numbers(branches: Sequence[BranchScore]) -> list[float]:
    """All numbers of the branches in a row; a missing one would be a failure of its own."""
    found: list[float] = []
    for branch in branches:
        values = (branch.text_logprob,) if branch.label_logits is None else branch.label_logits
        found += [value for value in values if value is not None]
    return found


def needs(engine: Engine, capability: Capability) -> None:
    """Leaves a test out for an engine that cannot do this."""
    if capability not in engine.info.capabilities:
        pytest.skip(f"{engine.info.engine} has no {capability!r}")
