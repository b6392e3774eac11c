"""The engine over a real local HTTP server: a stand-in for vLLM that does what vLLM does, and ones that do not."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ranking.engine_settings import VllmSettings
from ranking.engines.encoding import PromptEncoder
from ranking.engines.vllm import VllmEngine, digest_name
from ranking.errors import (
    EngineError,
    ModelError,
    RankingError,
    ServerAnswerError,
    ServerBusyError,
    ServerDownError,
    ServerRefusedError,
    ServerTimeoutError,
)
from ranking.factory import open_engine
from ranking.models.manifest import weights_digest
from ranking.models.pretrained import load_tokenizer
from ranking.settings import ModelSettings, Settings
from ranking.types import GenerationLimits, Permutation
from tests.contracts.engine_suite import (
    EngineSuite,
    GeneratorSuite,
    dialogue,
    likelihood_prompt,
    numbers,
    yes_no_prompt,
)
from tests.ranking.fake_vllm import MODEL, FakeVllmApi, logprobs_after
from tests.ranking.misbehaving_server import MisbehavingServer, Reply, misbehaving, nobody_listens
from tests.ranking.tiny_model import save_tiny_model

SECRET = "A Film Nobody May Read Of"
PROMPT = yes_no_prompt(" Aliens", " Big Fish")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("vllm") / MODEL)


@dataclass(frozen=True, kw_only=True)
class Opened:
    engine: VllmEngine
    server: MisbehavingServer
    api: FakeVllmApi

    @property
    def last(self) -> Any:
        return self.server.requests[-1].body


Open = Callable[..., Opened]


@pytest.fixture
def opened(folder: Path) -> Iterator[Open]:
    """Opens an engine over a server that behaves as the given fields say; the rest are settings of the engine."""
    with ExitStack() as stack:

        def open_one(settings: dict[str, Any] | None = None, at: Path = folder, **api: Any) -> Opened:
            behaviour = FakeVllmApi(**({"cards": [{"id": str(at), "max_model_len": 300}]} | api))
            server = stack.enter_context(misbehaving(behaviour))
            given = VllmSettings(url=server.url, **({"retries": 0} | (settings or {})))
            engine = VllmEngine(ModelSettings(name=str(at)), given, at / "cache")
            return Opened(engine=stack.enter_context(closing(engine)), server=server, api=behaviour)

        yield open_one


class TestVllm(EngineSuite, GeneratorSuite):
    @pytest.fixture
    def here(self, opened: Open) -> Opened:
        return opened()

    @pytest.fixture
    def engine(self, here: Opened) -> VllmEngine:
        return here.engine

    @pytest.fixture
    def reached(self, here: Opened) -> Callable[[], int]:
        return lambda: len(here.server.requests)

    @pytest.fixture
    def without_template(self, opened: Open, tmp_path: Path) -> VllmEngine:
        return opened(at=save_tiny_model(tmp_path / "plain", chat_template=None)).engine


class TestVllmGenerativeScoring(EngineSuite):
    @pytest.fixture
    def engine(self, opened: Open) -> VllmEngine:
        return opened(token_ids=False).engine

    async def test_as_many_logits_as_labels(self, engine: Any) -> None:
        with pytest.raises(EngineError, match="two labels"):
            await engine.score([replace(PROMPT, labels=(" Yes", " No", " word"))])


async def test_one_request_carries_all_candidates_as_token_ids(opened: Open, folder: Path) -> None:
    here = opened()
    encoded = PromptEncoder(load_tokenizer(folder).tokenizer, MODEL).encode(PROMPT)
    before = len(here.server.requests)
    (scores,) = await here.engine.score([PROMPT])
    assert len(here.server.requests) == before + 1
    assert here.last["prompt"] == [list(encoded.prefix + branch.fed) for branch in encoded.branches]
    assert here.last["logprob_token_ids"] == list(encoded.labels or ())
    for branch, scored in zip(encoded.branches, scores.branches, strict=True):
        expected = logprobs_after(encoded.prefix + branch.fed)[list(encoded.labels or ())]
        assert scored.label_logits == pytest.approx(tuple(expected))
    assert (scores.prefix_tokens, scores.cached_tokens) == (len(encoded.prefix), 32)


async def test_both_routes_tell_labels_equally_far_apart(opened: Open) -> None:
    one, other = opened(), opened({"route": "generative_scoring"})
    assert (one.engine.info.route, other.engine.info.route) == ("logprob_token_ids", "generative_scoring")
    (first,), (second,) = await one.engine.score([PROMPT]), await other.engine.score([PROMPT])
    for a, b in zip(first.branches, second.branches, strict=True):
        assert _margin(a.label_logits) == pytest.approx(_margin(b.label_logits))


def _margin(logits: tuple[float, ...] | None) -> float:
    assert logits is not None
    return logits[0] - logits[1]


async def test_a_likelihood_is_the_sum_over_the_branch(opened: Open, folder: Path) -> None:
    prompt = likelihood_prompt(" Aliens", " Big Fish")
    encoded = PromptEncoder(load_tokenizer(folder).tokenizer, MODEL).encode(prompt)
    (scores,) = await opened().engine.score([prompt])
    for branch, scored in zip(encoded.branches, scores.branches, strict=True):
        expected = sum(
            logprobs_after(encoded.prefix + branch.targets[:n])[token] for n, token in enumerate(branch.targets)
        )
        assert scored.text_logprob == pytest.approx(expected)


class TestProbe:
    def test_everything_a_server_offers(self, opened: Open) -> None:
        info = opened().engine.info
        assert info.capabilities == {"labels", "likelihood", "generate", "constrained"}
        assert (info.engine, info.max_context) == ("vllm", 299)

    async def test_likelihoods_that_contradict_the_labels_are_not_offered(self, opened: Open) -> None:
        engine = opened(text_shift=0.5).engine
        assert "likelihood" not in engine.info.capabilities
        with pytest.raises(EngineError, match="yes-no"):
            await engine.score([likelihood_prompt(" Aliens")])

    async def test_a_choice_that_is_ignored_is_not_offered(self, opened: Open) -> None:
        engine = opened(structured=False).engine
        assert "constrained" not in engine.info.capabilities
        limits = GenerationLimits(max_tokens=4, constraint=Permutation(n=3))
        (written,) = await engine.generate([dialogue()], limits)
        assert not written.constrained

    def test_a_server_without_any_route_is_refused(self, opened: Open) -> None:
        with pytest.raises(ServerAnswerError, match="leaves out a log-probability"):
            opened(token_ids=False, generative_scoring=False)

    @pytest.mark.parametrize(
        ("route", "missing"),
        [("logprob_token_ids", {"token_ids": False}), ("generative_scoring", {"generative_scoring": False})],
    )
    def test_a_route_that_is_asked_for_is_not_replaced(
        self, opened: Open, route: str, missing: dict[str, bool]
    ) -> None:
        with pytest.raises((ServerAnswerError, ServerRefusedError)):
            opened({"route": route}, **missing)

    def test_probabilities_of_more_than_one_are_refused(self, opened: Open) -> None:
        def certain(answer: dict[str, Any]) -> dict[str, Any]:
            for choice in answer.get("choices", []):
                for place in (choice.get("logprobs") or {}).get("top_logprobs", []):
                    place.update(dict.fromkeys(place, -0.01))
            return answer

        with pytest.raises(ServerAnswerError, match="more than certainty"):
            opened({"route": "logprob_token_ids"}, change=certain)


class TestServedModel:
    def test_another_model_is_refused_by_name(self, opened: Open) -> None:
        with pytest.raises(ServerAnswerError, match=r"serves llama, .* fewrec vllm serve"):
            opened(cards=[{"id": "llama"}])

    def test_a_model_of_another_name_can_be_asked_for(self, opened: Open) -> None:
        here = opened({"served_model": "llama"}, cards=[{"id": "llama"}])
        assert here.last["model"] == "llama"
        assert here.engine.info.max_context == 511  # its own, where the server does not tell

    def test_the_weights_digest_is_compared_where_it_is_told(self, opened: Open, folder: Path) -> None:
        def cards(digest: str) -> list[dict[str, Any]]:
            return [{"id": str(folder)}, {"id": digest_name(str(folder), digest)}]

        digest = weights_digest(folder)
        assert opened(cards=cards(digest)).engine.info.revision == digest
        assert opened().engine.info.revision == "unverified"
        with pytest.raises(ServerAnswerError, match=r"serves .*@0000"):
            opened(cards=cards("0" * 64))

    def test_an_adapter_has_the_context_of_its_model(self, opened: Open, folder: Path) -> None:
        cards = [{"id": str(folder), "max_model_len": 200}, {"id": "films@1", "parent": str(folder)}]
        assert opened({"served_model": "films@1"}, cards=cards).engine.info.max_context == 199

    def test_a_longer_context_than_the_models_own_is_not_used(self, opened: Open, folder: Path) -> None:
        assert opened(cards=[{"id": str(folder), "max_model_len": 9999}]).engine.info.max_context == 511

    def test_a_model_that_is_not_prepared_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="fewrec models prepare"):
            VllmEngine(ModelSettings(), VllmSettings(url=nobody_listens()), tmp_path)

    def test_the_factory_opens_it(self, folder: Path, tmp_path: Path) -> None:
        with misbehaving(FakeVllmApi(cards=[{"id": str(folder)}])) as server:
            settings = Settings(
                home=tmp_path,
                cache=tmp_path,
                model=ModelSettings(name=str(folder)),
                engine=VllmSettings(url=server.url),
            )
            with open_engine(settings) as engine:
                assert (engine.info.engine, engine.info.route) == ("vllm", "logprob_token_ids")


def _first_label(value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(answer: dict[str, Any]) -> dict[str, Any]:
        for choice in answer["choices"]:
            place = choice["logprobs"]["top_logprobs"][0]
            place.update(dict.fromkeys(list(place), value))
        return answer

    return change


def _without(answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"choices": answer["choices"][1:]}


def _twice(answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"choices": answer["choices"][:1] * 2}


class TestMisbehaving:
    @pytest.mark.parametrize(
        ("fields", "error", "message"),
        [
            ({"change": _first_label(math.nan)}, ServerAnswerError, "nan is not"),
            ({"change": _first_label(None)}, ServerAnswerError, "leaves out a log-probability"),
            ({"change": _first_label(-9999.0)}, ServerAnswerError, "probability above zero"),
            ({"change": _first_label(0.5)}, ServerAnswerError, "probability above zero"),
            ({"change": _without}, ServerAnswerError, "1 results for 2 prompts"),
            ({"change": _twice}, ServerAnswerError, "not one for each"),
            ({"change": lambda answer: answer | {"model": "llama"}}, ServerAnswerError, "model 'llama' answered"),
            ({"change": lambda answer: {"choices": []}}, ServerAnswerError, "cannot be read"),
            ({"reply": {"send": 40}}, ServerAnswerError, "broke off"),
            ({"reply": {"body": b'{"model": "t'}}, ServerAnswerError, "cannot be read"),
            ({"reply": {"status": 500}}, ServerAnswerError, "500"),
            ({"reply": {"status": 429, "headers": {"Retry-After": "1"}}}, ServerBusyError, "wait 1 s"),
            ({"reply": {"status": 400}}, ServerRefusedError, "400"),
            ({"reply": {"hang_up": True}}, ServerAnswerError, "broke off"),
            ({"reply": {"half_open": True}}, ServerTimeoutError, "silent for 0.3 s"),
            ({"reply": {"drip_s": 0.01}}, ServerTimeoutError, "within 0.6 s"),
        ],
    )
    async def test_one_line_names_the_server_and_nothing_that_was_sent(
        self, opened: Open, fields: dict[str, Any], error: type[RankingError], message: str
    ) -> None:
        here = opened({"read_timeout_s": 0.3, "timeout_s": 0.6})
        here.server.behave = FakeVllmApi(cards=here.api.cards, **fields)
        with pytest.raises(error, match=message) as raised:
            await here.engine.score([yes_no_prompt(f" {SECRET}", " Aliens")])
        said = str(raised.value)
        assert here.server.url in said
        assert "\n" not in said
        assert SECRET not in said

    @pytest.mark.parametrize("value", [0.0, 1.0, math.nan, None])
    async def test_a_score_that_is_no_probability_is_refused(self, opened: Open, value: float | None) -> None:
        here = opened({"route": "generative_scoring"})
        changed = [{"index": index, "score": value} for index in range(2)]
        here.server.behave = FakeVllmApi(change=lambda answer: answer | {"data": changed})
        with pytest.raises(ServerAnswerError, match="is not a probability between 0 and 1"):
            await here.engine.score([PROMPT])

    async def test_too_few_tokens_of_a_text_are_refused(self, opened: Open) -> None:
        here = opened()

        def cut(answer: dict[str, Any]) -> dict[str, Any]:
            for choice in answer["choices"]:
                choice["prompt_logprobs"] = choice["prompt_logprobs"][1:]
            return answer

        here.server.behave = FakeVllmApi(change=cut)
        with pytest.raises(ServerAnswerError, match="log-probabilities for"):
            await here.engine.score([likelihood_prompt(" Aliens")])

    def test_a_dead_server_is_named(self, folder: Path) -> None:
        url = nobody_listens()
        with pytest.raises(ServerDownError, match=url):
            VllmEngine(ModelSettings(name=str(folder)), VllmSettings(url=url, retries=0), folder)

    async def test_it_comes_back_after_the_server_was_busy(self, opened: Open) -> None:
        here = opened({"retries": 2, "retry_wait_s": 0.01})
        calm, replies = here.api, [Reply(status=503), Reply(status=429)]
        here.server.behave = lambda request: replies.pop() if replies else calm(request)
        (scores,) = await here.engine.score([PROMPT])
        assert len(numbers(scores.branches)) == 4


class TestWriting:
    async def test_a_permutation_is_chosen_number_by_number(self, opened: Open) -> None:
        here = opened()
        before = len(here.server.requests)
        limits = GenerationLimits(max_tokens=60, constraint=Permutation(n=4))
        (written,) = await here.engine.generate([dialogue()], limits)
        asked = [request.body["structured_outputs"]["choice"] for request in here.server.requests[before:]]
        assert [len(choices) for choices in asked] == [4, 3, 2]
        assert sorted(written.text.split(", ")) == ["1", "2", "3", "4"]
        assert written.completion_tokens == 6

    async def test_a_permutation_that_outgrows_its_tokens_is_cut(self, opened: Open) -> None:
        limits = GenerationLimits(max_tokens=7, constraint=Permutation(n=9))
        (written,) = await opened().engine.generate([dialogue()], limits)
        assert written.finished == "length"
        assert 0 < len(written.text.split(", ")) < 9

    async def test_none_of_the_choices_is_refused(self, opened: Open) -> None:
        here = opened()
        here.server.behave = FakeVllmApi(structured=False)
        with pytest.raises(ServerAnswerError, match="none of the choices"):
            await here.engine.generate([dialogue()], GenerationLimits(max_tokens=60, constraint=Permutation(n=2)))

    async def test_a_server_that_does_not_count_is_refused(self, opened: Open) -> None:
        here = opened()
        here.server.behave = FakeVllmApi(change=lambda answer: answer | {"usage": {}})
        with pytest.raises(ServerAnswerError, match="how many tokens it wrote"):
            await here.engine.generate([dialogue()], GenerationLimits(max_tokens=4))

    async def test_the_schema_is_sent_as_structured_outputs(self, opened: Open) -> None:
        here = opened()
        await here.engine.generate([dialogue()], GenerationLimits(max_tokens=4))
        assert "structured_outputs" not in here.last
        assert json.dumps(here.last["prompt"]).count("[") == 2
