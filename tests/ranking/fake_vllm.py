"""A stand-in for a vLLM server: the parts of its HTTP interface that FewRec uses, over a model made of hashes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.ranking.misbehaving_server import Reply, Request

MODEL = "tiny"
_NOT_THERE = Reply(body={"detail": "Not Found"}, status=404)


def logprobs_after(tokens: Sequence[int]) -> NDArray[np.float64]:
    """The made-up model: log-probabilities of 1,000 tokens after a sequence of tokens."""
    seed = int.from_bytes(hashlib.sha256(json.dumps(list(tokens)).encode()).digest()[:8], "big")
    logits = np.random.default_rng(seed).normal(size=1000)
    found: NDArray[np.float64] = logits - np.log(np.exp(logits).sum())
    return found


@dataclass
class FakeVllmApi:
    """How such a server behaves. Recorded from vLLM 0.32: what it answers, and that it ignores unknown fields."""

    cards: list[dict[str, Any]] = field(default_factory=lambda: [{"id": MODEL, "max_model_len": 300}])
    token_ids: bool = True
    """False: logprob_token_ids is ignored, as before the field was there."""
    generative_scoring: bool = True
    text_shift: float = 0.0
    """Error of the prompt's log-probabilities, in nats a token."""
    structured: bool = True
    """False: structured_outputs is ignored, as guided_choice is today."""
    change: Callable[[dict[str, Any]], Any] = lambda answer: answer
    """Laid over every answer but that of /v1/models."""
    reply: Mapping[str, Any] = field(default_factory=dict)
    """Fields of every Reply but that of /v1/models."""

    def __call__(self, request: Request) -> Reply:
        if request.path == "/v1/models":
            return Reply(body={"object": "list", "data": self.cards})
        if request.path == "/v1/completions":
            answer = self._completions(request.body)
        elif request.path == "/generative_scoring" and self.generative_scoring:
            answer = self._scores(request.body)
        else:
            return _NOT_THERE
        return Reply(**{"body": self.change(answer), **self.reply})

    def _completions(self, body: dict[str, Any]) -> dict[str, Any]:
        choices = [self._choice(index, prompt, body) for index, prompt in enumerate(body["prompt"])]
        usage = {
            "completion_tokens": sum(choice.pop("n") for choice in choices),
            "prompt_tokens_details": {"cached_tokens": 32},
        }
        # The order of the answers is not promised; each tells its place.
        return {"model": body["model"], "choices": choices[::-1], "usage": usage}

    def _choice(self, index: int, prompt: list[int], body: dict[str, Any]) -> dict[str, Any]:
        held = body.get("structured_outputs", {}) if self.structured else {}
        text, n = _written(prompt, body["max_tokens"], held)
        choice: dict[str, Any] = {"index": index, "text": text, "n": n, "finish_reason": "stop" if held else "length"}
        if body.get("logprobs") is not None:
            known = logprobs_after(prompt)
            sampled = int(known.argmax())
            wanted = body["logprob_token_ids"] if self.token_ids else range(body["logprobs"])
            told = {f"token_id:{token}": float(known[token]) for token in [sampled, *wanted]}
            choice["logprobs"] = {"top_logprobs": [told]}
        if body.get("prompt_logprobs") is not None:
            choice["prompt_logprobs"] = [None] + [
                {str(prompt[n]): {"logprob": float(logprobs_after(prompt[:n])[prompt[n]]) - self.text_shift}}
                for n in range(1, len(prompt))
            ]
        return choice

    def _scores(self, body: dict[str, Any]) -> dict[str, Any]:
        first, *others = body["label_token_ids"]
        scores = []
        for index, item in enumerate(body["items"]):
            known = logprobs_after(body["query"] + item)
            total = sum(math.exp(known[label]) for label in [first, *others])
            scores.append({"index": index, "score": math.exp(known[first]) / total})
        return {"model": body["model"], "data": scores}


def _written(prompt: Sequence[int], max_tokens: int, held: Mapping[str, Any]) -> tuple[str, int]:
    choices = held.get("choice")
    if choices:
        return choices[int(logprobs_after(prompt).argmax()) % len(choices)], 2
    if "json" in held:
        return json.dumps({"seen": True, "mood": held["json"]["properties"]["mood"]["enum"][0]}), 9
    return " film" * max_tokens, max_tokens
