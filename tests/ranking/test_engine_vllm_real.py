"""The engine over a real vLLM server. Start one with `fewrec vllm serve` and name it in FEWREC_TEST_VLLM_URL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import platformdirs
import pytest

from ranking.engine_settings import VllmSettings
from ranking.engines.transformers import TransformersEngine
from ranking.engines.vllm import VllmEngine
from ranking.settings import ModelSettings
from ranking.types import GenerationLimits, Permutation
from tests.contracts.engine_suite import dialogue, likelihood_prompt, numbers, yes_no_prompt

URL = os.environ.get("FEWREC_TEST_VLLM_URL")
CACHE = Path(os.environ.get("FEWREC_CACHE", platformdirs.user_cache_dir("fewrec")))
MODEL = ModelSettings(device="cpu", dtype="float32")

pytestmark = [pytest.mark.model, pytest.mark.skipif(URL is None, reason="FEWREC_TEST_VLLM_URL names no server")]


@pytest.fixture(scope="module")
def engine() -> Iterator[VllmEngine]:
    patient = VllmSettings(url=URL or "", read_timeout_s=600, timeout_s=600)
    with closing(VllmEngine(MODEL, patient, CACHE)) as engine:
        yield engine


async def test_it_scores_like_the_embedded_engine(engine: VllmEngine) -> None:
    prompts = [yes_no_prompt(" Aliens", " Big Fish", " Heat"), likelihood_prompt(" Aliens", " Big Fish")]
    found = await engine.score(prompts)
    with closing(TransformersEngine(MODEL, CACHE)) as embedded:
        expected = await embedded.score(prompts)
    for one, other in zip(found[0].branches, expected[0].branches, strict=True):
        assert _margin(one.label_logits) == pytest.approx(_margin(other.label_logits), abs=1e-2)
    assert numbers(found[1].branches) == pytest.approx(numbers(expected[1].branches), abs=1e-1)


def _margin(logits: tuple[float, ...] | None) -> float:
    assert logits is not None
    return logits[0] - logits[1]


async def test_it_offers_everything(engine: VllmEngine) -> None:
    assert engine.info.route == "logprob_token_ids"
    assert engine.info.capabilities == {"labels", "likelihood", "generate", "constrained"}
    assert engine.info.revision != "unverified"
    limits = GenerationLimits(max_tokens=60, constraint=Permutation(n=5))
    (written,) = await engine.generate([dialogue("Order the numbers 1 to 5.")], limits)
    assert sorted(written.text.split(", ")) == ["1", "2", "3", "4", "5"]
