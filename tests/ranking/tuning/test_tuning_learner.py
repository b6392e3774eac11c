from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prompts.render import render
from prompts.types import TokenBudget
from ranking.engines.encoding import EncodedBranch, EncodedPrompt
from ranking.engines.packed_model import PackedModel, load_model
from ranking.engines.packing import Share
from ranking.engines.transformers import TransformersEngine
from ranking.settings import ModelSettings
from ranking.strategies.yes_no import YesNo
from ranking.tuning.examples import EncodedExample, Encoder, Schedule
from ranking.tuning.learner import Learner
from ranking.tuning.lora import Lora
from ranking.tuning.optimizer import learning_rate
from ranking.tuning.weights import read_weights
from tests.ranking.tiny_model import save_tiny_model
from tests.ranking.tuning.lists import MAX_TOKENS, examples, one_thread, settings, template, tune_tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def model(tiny: Path, adapter: Path | None = None) -> ModelSettings:
    return ModelSettings(name=str(tiny), device="cpu", dtype="float32", adapter=adapter)


def encoded(core: PackedModel, n: int = 3) -> tuple[EncodedExample, ...]:
    return Encoder(template(), MAX_TOKENS, core.encoder, core.max_context).encode(examples(n), "examples").examples


def gradients(tiny: Path, *, structured: bool = True, max_pass_tokens: int = 4096) -> tuple[float, torch.Tensor]:
    """Loss and gradient of all matrices, in one row, after three lists."""
    core = load_model(model(tiny), tiny / "cache", structured=structured)
    chosen = settings(max_pass_tokens=max_pass_tokens)
    lora = Lora(core.model, chosen, seed=1)
    with torch.no_grad():  # as they start, half of the matrices are zero and hide the gradients of the others
        for number, parameter in enumerate(lora.parameters.values()):
            parameter.copy_(torch.sin(torch.arange(parameter.numel()) + number).view_as(parameter) / 10)
    with one_thread():
        loss = Learner(core, chosen, 4096, lambda: None).learn(encoded(core), step=0)
    return loss, torch.cat(
        [(p.grad if p.grad is not None else torch.zeros(0)).flatten() for p in lora.parameters.values()]
    )


def test_gradients_are_those_of_the_librarys_own_attention(tiny: Path) -> None:
    loss, packed = gradients(tiny)
    expected_loss, expected = gradients(tiny, structured=False)
    assert loss == pytest.approx(expected_loss, abs=1e-5)
    assert packed.abs().max() > 1e-2
    assert torch.allclose(packed, expected, atol=1e-5)


@pytest.mark.parametrize("max_pass_tokens", [64, 260, 700])
def test_a_list_in_parts_has_the_gradients_of_the_whole(tiny: Path, max_pass_tokens: int) -> None:
    loss, parts = gradients(tiny, max_pass_tokens=max_pass_tokens)
    expected_loss, expected = gradients(tiny)
    assert loss == pytest.approx(expected_loss, abs=1e-5)
    assert torch.allclose(parts, expected, atol=1e-5)


@pytest.mark.parametrize("layers", [None, 1])
async def test_a_tuned_score_is_the_served_score(tiny: Path, tmp_path: Path, layers: int | None) -> None:
    tuned = tune_tiny(tiny, tmp_path / "adapter", layers=layers)
    core = load_model(model(tiny), tiny / "cache", layers=layers)
    chosen = tuned.manifest.settings
    before = core.margins([encoded(core, 1)[0].prompt], [Share(prompt=0, start=0, stop=7)])[0]
    Lora(core.model, chosen, seed=5).load(read_weights(tuned.folder))
    engine = TransformersEngine(model(tiny, tuned.folder), tiny / "cache")
    lists = examples(4)
    served = await YesNo(engine, template(), MAX_TOKENS).score([one.context for one in lists])
    engine.close()
    with torch.no_grad():
        for one, verdict in zip(encoded(core, 4), served, strict=True):
            [margins] = core.margins([one.prompt], [Share(prompt=0, start=0, stop=7)])
            assert list(verdict.scores) == pytest.approx(margins.tolist(), rel=1e-5, abs=1e-5)
    assert engine.info.adapter == f"adapter@{tuned.manifest.weights_sha256[:12]}"
    assert (before - torch.tensor(served[0].scores)).abs().max() > 0.1, "an adapter without effect would prove nothing"
    text = render(
        template(),
        lists[0].context,
        TokenBudget(max_tokens=MAX_TOKENS, count_tokens=engine.count_tokens),
        engine.control_tokens,
    )
    assert text.digest == served[0].prompt_digest


def test_the_learning_rate_rises_and_falls_in_straight_lines() -> None:
    chosen = settings(learning_rate=1.0, warmup=0.2)
    rates = [learning_rate(chosen, step, 10) for step in range(10)]
    assert rates == pytest.approx([0.5, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    assert learning_rate(settings(learning_rate=1.0, warmup=1), 0, 1) == 1


@given(st.integers(1, 6), st.integers(0, 5), st.permutations(range(6)))
def test_every_epoch_sees_every_example_once(batch: int, seed: int, order: list[int]) -> None:
    made = [plain(number) for number in range(6)]
    schedule = Schedule(made, batch=batch, epochs=2, steps=None, seed=seed)
    batches = [schedule.batch(step, None) for step in range(schedule.steps)]
    seen = [one.example_id for examples_ in batches for one in examples_]
    assert sorted(seen[:6]) == sorted(seen[6:]) == sorted(one.example_id for one in made)
    shuffled = Schedule([made[at] for at in order], batch=batch, epochs=2, steps=None, seed=seed)
    assert [shuffled.batch(step, None) for step in range(shuffled.steps)] == batches
    assert [shuffled.batch(step, None) for step in reversed(range(shuffled.steps))] == batches[::-1]


def test_an_epoch_is_put_in_order_once() -> None:
    class Counted(list[EncodedExample]):
        rounds = 0

        def __iter__(self) -> Iterator[EncodedExample]:
            self.rounds += 1
            return super().__iter__()

    made = Counted(plain(number) for number in range(6))
    schedule = Schedule(made, batch=2, epochs=2, steps=None, seed=0)
    for step in range(schedule.steps):
        schedule.batch(step, None)
    assert (schedule.steps, made.rounds) == (6, 2)


def test_negatives_are_drawn_anew_each_epoch_and_offsets_go_with_them() -> None:
    whole = plain(1)
    drawn = [whole.narrowed(3, epoch, 2) for epoch in range(20)]
    for one in drawn:
        assert len(one.item_ids) == len(one.prompt.branches) == 4
        assert [whole.item_ids.index(name) for name in one.item_ids] == sorted(map(whole.item_ids.index, one.item_ids))
        assert one.offsets == tuple(float(ord(name)) for name in one.item_ids)
        assert {"b", "c"} <= set(one.item_ids), "what is relevant in part stays too"
    assert len({one.item_ids for one in drawn}) > 3
    assert whole.narrowed(3, 0, None) is whole.narrowed(3, 0, 4) is whole
    assert whole.narrowed(3, 0, 2) == whole.narrowed(3, 0, 2)


def plain(number: int) -> EncodedExample:
    names = "abcdef"
    branches = tuple(EncodedBranch(fed=(ord(name),), targets=(), n_tokens=1) for name in names)
    return EncodedExample(
        example_id=f"user-{number}",
        prompt=EncodedPrompt(prefix=(1, number + 2), branches=branches, labels=(0, 1)),
        item_ids=tuple(names),
        relevance=(0.0, 1.0, 0.5, 0.0, 0.0, 0.0),
        offsets=tuple(float(ord(name)) for name in names),
    )
