from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from prompts.types import Prompt
from ranking.engine_settings import TransformersSettings
from ranking.engines.transformers import TransformersEngine
from ranking.errors import EngineError, ModelError, PromptTooLongError
from ranking.protocol import Streamer
from ranking.settings import ModelSettings
from ranking.types import GenerationLimits, JsonShape
from tests.contracts.engine_suite import (
    EngineSuite,
    GeneratorSuite,
    WritingEngine,
    dialogue,
    likelihood_prompt,
    numbers,
    yes_no_prompt,
)
from tests.ranking.tiny_model import save_tiny_model

TITLES = (" Aliens", " Big Fish, a film with a much longer title", " A", " Heat", " Aliens")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def load(folder: Path, **options: Any) -> TransformersEngine:
    settings = ModelSettings(name=str(folder), device="cpu", dtype="float32", **options.pop("settings", {}))
    return TransformersEngine(settings, folder / "cache", **options)


@pytest.fixture
def plain(tiny: Path) -> Iterator[TransformersEngine]:
    """The library's attention, no prefix cache: one branch at a time it is the reference."""
    engine = load(tiny, structured=False)
    yield engine
    engine.close()


class TestStructured(EngineSuite, GeneratorSuite):
    @pytest.fixture
    def engine(self, tiny: Path) -> Iterator[WritingEngine]:
        with closing(load(tiny)) as engine:
            yield engine

    @pytest.fixture
    def without_template(self, tmp_path: Path) -> Iterator[WritingEngine]:
        with closing(load(save_tiny_model(tmp_path, chat_template=None))) as engine:
            yield engine


class TestDenseMask(EngineSuite, GeneratorSuite):
    @pytest.fixture
    def engine(self, plain: TransformersEngine) -> WritingEngine:
        return plain


async def one_by_one(engine: TransformersEngine, prompt: Prompt) -> list[float]:
    alone = [(await engine.score([replace(prompt, branches=(branch,))]))[0] for branch in prompt.branches]
    return [number for scores in alone for number in numbers(scores.branches)]


@pytest.mark.parametrize("prompt", [yes_no_prompt(*TITLES), likelihood_prompt(*TITLES)], ids=["yes-no", "likelihood"])
@pytest.mark.parametrize("prefix_tokens", [0, 2048])
@pytest.mark.parametrize("max_packed_tokens", [64, 4096])
async def test_packed_equals_one_by_one(
    tiny: Path, plain: TransformersEngine, prompt: Prompt, prefix_tokens: int, max_packed_tokens: int
) -> None:
    engine = load(
        tiny,
        batching=TransformersSettings(prefix_tokens=prefix_tokens),
        settings={"max_packed_tokens": max_packed_tokens},
    )
    expected = await one_by_one(plain, prompt)
    other = yes_no_prompt(" Brazil", before="They watched nothing.\nFilm:")
    for _ in range(2):  # the second time from the prefix cache
        _, scores = await engine.score([other, prompt])
        assert numbers(scores.branches) == pytest.approx(expected, abs=1e-4)
    assert (scores.cached_tokens > 0) == (prefix_tokens > 0)
    assert max(expected) - min(expected) > 1e-2, "all alike would prove nothing"


@pytest.mark.parametrize("with_labels", [True, False])
async def test_scores_are_those_of_the_library_alone(tiny: Path, with_labels: bool) -> None:
    prompt = yes_no_prompt(" Aliens") if with_labels else likelihood_prompt(" Aliens")
    (scores,) = await load(tiny).score([prompt])
    tokenizer: Any = AutoTokenizer.from_pretrained(str(tiny))
    model: Any = AutoModelForCausalLM.from_pretrained(str(tiny), dtype=torch.float32)
    if with_labels:
        text = (
            "<|im_start|>system\nYou rank films.<|im_end|>\n<|im_start|>user\n"
            "They watched:\n- Alien\nWill they watch this next?\nFilm: Aliens<|im_end|>\n<|im_start|>assistant\nAnswer:"
        )
        with torch.inference_mode():
            logits = model(**tokenizer(text, return_tensors="pt")).logits[0, -1]
        labels = [tokenizer(label)["input_ids"][0] for label in (" Yes", " No")]
        assert scores.branches[0].label_logits == pytest.approx(logits[labels].tolist(), abs=1e-4)
        return
    before = tokenizer("<|im_start|>user\nWhich film next?<|im_end|>\n<|im_start|>assistant\nFilm:")["input_ids"]
    branch = tokenizer(" Aliens")["input_ids"]
    with torch.inference_mode():
        logprobs = model(torch.tensor([before + branch])).logits[0].log_softmax(-1)
    expected = sum(logprobs[len(before) - 1 + at, token].item() for at, token in enumerate(branch))
    assert scores.branches[0].text_logprob == pytest.approx(expected, abs=1e-4)
    assert (scores.prefix_tokens, scores.branches[0].n_tokens) == (len(before), len(branch))


async def test_labels_are_read_at_the_end_of_an_answer_that_holds_the_branch(tiny: Path) -> None:
    prompt = replace(likelihood_prompt(" Aliens"), after="?", labels=(" Yes", " No"))
    (scores,) = await load(tiny).score([prompt])
    tokenizer: Any = AutoTokenizer.from_pretrained(str(tiny))
    model: Any = AutoModelForCausalLM.from_pretrained(str(tiny), dtype=torch.float32)
    text = "<|im_start|>user\nWhich film next?<|im_end|>\n<|im_start|>assistant\nFilm: Aliens?"
    with torch.inference_mode():
        logits = model(**tokenizer(text, return_tensors="pt")).logits[0, -1]
    labels = [tokenizer(label)["input_ids"][0] for label in prompt.labels or ()]
    assert scores.branches[0].label_logits == pytest.approx(logits[labels].tolist(), abs=1e-4)
    assert scores.branches[0].n_tokens == len(tokenizer(" Aliens?")["input_ids"])


async def test_control_tokens_in_a_branch_are_text(tiny: Path) -> None:
    engine = load(tiny)
    (scores,) = await engine.score([likelihood_prompt(" <|im_end|>")])
    assert scores.branches[0].n_tokens == engine.count_tokens(" <|im_end|>") > 3


@pytest.mark.parametrize(
    "before", ["\ue000slot\ue000 Film:", "Film: \ue000slot\ue000", "Film: \ue000slot", "Film: \ue000"]
)
async def test_a_private_character_is_text_wherever_it_stands(tiny: Path, before: str) -> None:
    prompts = [yes_no_prompt(" Aliens", before=before.replace("\ue000", mark)) for mark in ("\ue000", "\uf8ff")]
    odd, ordinary = await load(tiny).score(prompts)
    assert odd.prefix_tokens == ordinary.prefix_tokens
    assert odd.branches[0].n_tokens == ordinary.branches[0].n_tokens


async def test_a_model_without_chat_template_reads_plain_text(tmp_path: Path) -> None:
    engine = load(save_tiny_model(tmp_path, chat_template=None))
    prompt = likelihood_prompt(*TITLES)
    (scores,) = await engine.score([prompt])
    # The tokenizer's start token, the question, a line break, the opened answer.
    assert scores.prefix_tokens == 1 + engine.count_tokens("Which film next?\nFilm:")


async def test_a_template_that_refuses_or_hides_turns_is_named(tmp_path: Path) -> None:
    refusing = load(save_tiny_model(tmp_path / "a", chat_template="{{ raise_exception('no system turn') }}"))
    with pytest.raises(ModelError, match="no system turn"):
        await refusing.score([yes_no_prompt(" Aliens")])
    hiding = load(save_tiny_model(tmp_path / "b", chat_template="nothing"))
    with pytest.raises(EngineError, match="0 times"):
        await hiding.score([yes_no_prompt(" Aliens")])


async def test_a_label_of_several_tokens_is_refused(tiny: Path) -> None:
    with pytest.raises(ModelError, match="Certainly"):
        await load(tiny).score([replace(yes_no_prompt(" Aliens"), labels=(" Certainly", " No"))])


async def test_an_empty_branch_is_refused(tiny: Path) -> None:
    with pytest.raises(EngineError, match="branch 1 is empty"):
        await load(tiny).score([likelihood_prompt(" Aliens", "")])


async def test_the_length_error_names_the_lengths(tmp_path: Path) -> None:
    engine = load(save_tiny_model(tmp_path, max_context=64))
    n_branch = engine.count_tokens(" word" * 70)
    with pytest.raises(PromptTooLongError, match=rf"branch of {n_branch} does not fit the 64 tokens"):
        await engine.score([likelihood_prompt(" word" * 70)])


async def test_a_model_that_gives_no_numbers_is_an_error(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path)
    model: Any = AutoModelForCausalLM.from_pretrained(str(folder))
    model.model.norm.weight.data.fill_(float("nan"))
    model.save_pretrained(str(folder))
    for prompt in (yes_no_prompt(" Aliens"), likelihood_prompt(" Aliens")):
        with pytest.raises(EngineError, match="not a finite number"):
            await load(folder).score([prompt])


async def test_one_bad_call_does_not_spoil_another(tiny: Path) -> None:
    engine = load(tiny)
    good, bad = await asyncio.gather(
        engine.score([likelihood_prompt(" Aliens")]),
        engine.score([likelihood_prompt(" word" * 600)]),
        return_exceptions=True,
    )
    assert isinstance(good, list)
    assert isinstance(bad, PromptTooLongError)


@pytest.mark.parametrize("structured", [True, False])
async def test_it_writes_what_the_library_alone_writes(tiny: Path, structured: bool) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(str(tiny))
    model: Any = AutoModelForCausalLM.from_pretrained(str(tiny), dtype=torch.float32)
    asked = [dialogue(), dialogue("Which film after Alien, Aliens and Heat?", answer="Film:")]
    with closing(load(tiny, structured=structured)) as engine:
        together = await engine.generate(asked, GenerationLimits(max_tokens=12))
    for one, written in zip(asked, together, strict=True):
        turns = [{"role": message.role, "content": message.content} for message in one.messages]
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True) + one.answer
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        new = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, pad_token_id=1
        )
        assert written.text == tokenizer.decode(new[0, ids.shape[1] :], skip_special_tokens=True)
        assert written.prompt_tokens == ids.shape[1]


async def test_a_text_is_told_while_it_is_written(tiny: Path) -> None:
    pieces: list[str] = []
    limits = GenerationLimits(max_tokens=12)
    with closing(load(tiny)) as engine:
        assert isinstance(engine, Streamer)
        (written,) = await engine.generate([dialogue()], limits)
        streamed = await engine.stream(dialogue(), limits, pieces.append)
    assert streamed == written
    assert "".join(pieces) == written.text
    assert len(pieces) > 3


async def test_a_text_that_nobody_waits_for_is_given_up(tiny: Path) -> None:
    with closing(load(tiny)) as engine:
        text = asyncio.create_task(engine.generate([dialogue()], GenerationLimits(max_tokens=400)))
        await asyncio.sleep(0.05)
        text.cancel()
        (written,) = await asyncio.wait_for(engine.generate([dialogue()], GenerationLimits(max_tokens=2)), 20)
    assert written.completion_tokens <= 2


async def test_a_schema_of_no_use_is_refused(tiny: Path) -> None:
    limits = GenerationLimits(max_tokens=4, constraint=JsonShape(schema={"type": "nonsense"}))
    with closing(load(tiny)) as engine, pytest.raises(EngineError, match="nonsense"):
        await engine.generate([dialogue()], limits)


async def test_sixteen_users_share_passes(tiny: Path) -> None:
    prompts = [yes_no_prompt(*TITLES, before=f"They watched film {user}.\nFilm:") for user in range(16)]
    with closing(load(tiny, batching=TransformersSettings(batch_wait_ms=20, prefix_tokens=0))) as engine:
        together = await asyncio.gather(*[engine.score([prompt]) for prompt in prompts])
        for prompt, (scores,) in zip(prompts, together, strict=True):
            (alone,) = await engine.score([prompt])
            assert numbers(scores.branches) == pytest.approx(numbers(alone.branches), abs=1e-4)


async def test_a_full_queue_refuses(tiny: Path) -> None:
    with closing(load(tiny, batching=TransformersSettings(batch_wait_ms=500, max_waiting=2))) as engine:
        found = await asyncio.gather(
            *[engine.score([yes_no_prompt(*TITLES)]) for _ in range(4)], return_exceptions=True
        )
    assert [type(one).__name__ for one in found] == ["list", "list", "EngineBusyError", "EngineBusyError"]


def test_an_adapter_that_is_not_there_is_refused_and_not_ignored(tiny: Path) -> None:
    with pytest.raises(ModelError, match="adapter is no folder"):
        load(tiny, settings={"adapter": Path("adapter")})


@pytest.mark.model
async def test_the_default_model_packed_equals_one_by_one(model_cache: Path) -> None:
    settings = ModelSettings(dtype="float32")
    engine = TransformersEngine(settings, model_cache)
    reference = TransformersEngine(settings, model_cache, structured=False)
    for prompt in (yes_no_prompt(*TITLES), likelihood_prompt(*TITLES)):
        (scores,) = await engine.score([prompt])
        assert numbers(scores.branches) == pytest.approx(await one_by_one(reference, prompt), abs=1e-4)
