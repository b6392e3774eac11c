"""The self-supervised stage: titles become likelier, and what comes of it is a start for tuning."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
import torch

from prompts.render import render
from prompts.template import load_template
from prompts.types import PromptContext, TokenBudget
from ranking.engines.packed_model import load_model
from ranking.engines.packing import Share
from ranking.engines.transformers import TransformersEngine
from ranking.errors import TuningError
from ranking.settings import ModelSettings
from ranking.tuning.titles import learn_titles, title_losses
from tests.ranking.tiny_model import save_tiny_model
from tests.ranking.tuning.lists import MAX_TOKENS, TITLES, item, settings, tune_tiny, weights_of

CONTEXTS = [PromptContext(history=(), query="a film", candidates=(item(title),)) for title in TITLES]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def losses(tiny: Path, adapter: Path | None) -> list[float]:
    core = load_model(ModelSettings(name=str(tiny), device="cpu", dtype="float32", adapter=adapter), tiny / "cache")
    budget = TokenBudget(max_tokens=MAX_TOKENS, count_tokens=core.encoder.count_tokens)
    rendered = [render(load_template("likelihood"), one, budget, core.encoder.control_tokens) for one in CONTEXTS]
    prompts = [core.encoder.encode(one) for one in rendered]
    with torch.inference_mode():
        return [
            float(title_losses(core, prompts, [Share(prompt=at, start=0, stop=1)])[0]) for at in range(len(prompts))
        ]


def test_titles_become_likelier_and_tuning_starts_from_there(tiny: Path, tmp_path: Path) -> None:
    model = ModelSettings(name=str(tiny), device="cpu", dtype="float32")
    template = load_template("likelihood")

    def learn(contexts: list[PromptContext], folder: Path) -> None:
        learn_titles(settings(learning_rate=0.02), model, tiny / "cache", template, MAX_TOKENS, contexts, folder)

    learn(CONTEXTS * 4, tmp_path / "titles")
    before, after = losses(tiny, None), losses(tiny, tmp_path / "titles")
    assert sum(after) < 0.8 * sum(before)
    weights = weights_of(tmp_path / "titles")
    learn(CONTEXTS * 4, tmp_path / "titles")
    assert weights_of(tmp_path / "titles") == weights
    with pytest.raises(TuningError, match="other titles"):
        learn(CONTEXTS, tmp_path / "titles")
    with pytest.raises(TuningError, match="no titles"):
        learn([], tmp_path / "none")
    start = model.model_copy(update={"adapter": tmp_path / "titles"})
    tuned = tune_tiny(tiny, tmp_path / "next", model=start, validation=[], steps=1)
    assert (tuned.manifest.training.start_adapter or "").startswith("titles@")


def test_the_loss_is_the_likelihood_that_the_engine_measures(tiny: Path) -> None:
    model = ModelSettings(name=str(tiny), device="cpu", dtype="float32")
    with closing(TransformersEngine(model, tiny / "cache")) as engine:
        budget = TokenBudget(max_tokens=MAX_TOKENS, count_tokens=engine.count_tokens)
        rendered = [render(load_template("likelihood"), one, budget, engine.control_tokens) for one in CONTEXTS]
        scored = [one.branches[0] for one in asyncio.run(engine.score(rendered))]
    expected = [-(one.text_logprob or 0.0) / one.n_tokens for one in scored]
    assert losses(tiny, None) == pytest.approx(expected, rel=1e-4)
