"""What every engine must do. A test class inherits EngineSuite and provides the fixture `engine`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from prompts.types import Dropped, Message, Prompt, TemplateRef
from ranking.errors import PromptTooLongError
from ranking.protocol import Engine
from ranking.types import BranchScore

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


class EngineSuite:
    async def test_no_prompts_give_no_scores(self, engine: Engine) -> None:
        assert await engine.score([]) == []

    async def test_a_prompt_without_branches_has_none_scored(self, engine: Engine) -> None:
        (scores,) = await engine.score([yes_no_prompt()])
        assert scores.branches == ()

    async def test_labels_give_two_finite_logits_a_branch(self, engine: Engine) -> None:
        (scores,) = await engine.score([yes_no_prompt(" Aliens", " Big Fish")])
        assert len(scores.branches) == 2
        for branch in scores.branches:
            assert branch.text_logprob is None
            assert branch.label_logits is not None
            assert all(math.isfinite(logit) for logit in branch.label_logits)

    async def test_no_labels_give_one_finite_logprob_a_branch(self, engine: Engine) -> None:
        (scores,) = await engine.score([likelihood_prompt(" Aliens", " Big Fish")])
        assert len(scores.branches) == 2
        for branch in scores.branches:
            assert branch.label_logits is None
            assert branch.text_logprob is not None
            assert math.isfinite(branch.text_logprob)
            assert branch.text_logprob <= 0

    async def test_answers_come_in_the_order_of_the_prompts(self, engine: Engine) -> None:
        prompts = [likelihood_prompt(" Aliens"), yes_no_prompt(" Aliens", " Big Fish"), likelihood_prompt(" Big Fish")]
        together = await engine.score(prompts)
        alone = [(await engine.score([prompt]))[0] for prompt in prompts]
        assert [len(scores.branches) for scores in together] == [1, 2, 1]
        for one, other in zip(together, alone, strict=True):
            assert numbers(one.branches) == pytest.approx(numbers(other.branches), abs=1e-4)

    async def test_a_branch_scores_the_same_beside_any_other(self, engine: Engine) -> None:
        branches = (" Aliens", " Big Fish, a film with a much longer title", " A", " Aliens")
        (together,) = await engine.score([yes_no_prompt(*branches)])
        for branch, scored in zip(branches, together.branches, strict=True):
            (alone,) = await engine.score([yes_no_prompt(branch)])
            assert numbers([scored]) == pytest.approx(numbers(alone.branches), abs=1e-4)

    async def test_concurrent_calls_each_get_their_own_answer(self, engine: Engine) -> None:
        prompts = [likelihood_prompt(f" {title}") for title in ("Aliens", "Big Fish", "Heat", "Brazil")]
        together = await asyncio.gather(*[engine.score([prompt]) for prompt in prompts])
        for prompt, (scores,) in zip(prompts, together, strict=True):
            (alone,) = await engine.score([prompt])
            assert numbers(scores.branches) == pytest.approx(numbers(alone.branches), abs=1e-4)

    async def test_a_prompt_too_long_is_refused_with_its_length(self, engine: Engine) -> None:
        text = "word " * (engine.info.max_context + 1)
        with pytest.raises(PromptTooLongError, match=str(engine.info.max_context)):
            await engine.score([replace(yes_no_prompt(" Aliens"), before=text)])

    def test_tokens_are_counted(self, engine: Engine) -> None:
        assert engine.count_tokens("") == 0
        assert engine.count_tokens("They watched Alien") >= 3

    def test_the_engine_says_what_it_is(self, engine: Engine) -> None:
        info = engine.info
        assert all((info.engine, info.model, info.revision, info.device, info.dtype))
        assert info.max_context > 0

    def test_control_tokens_are_known(self, engine: Engine) -> None:
        assert "<|im_start|>" in engine.control_tokens


def numbers(branches: Sequence[BranchScore]) -> list[float]:
    """All numbers of the branches in a row; a missing one would be a failure of its own."""
    found: list[float] = []
    for branch in branches:
        values = (branch.text_logprob,) if branch.label_logits is None else branch.label_logits
        found += [value for value in values if value is not None]
    return found
