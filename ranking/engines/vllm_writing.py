"""Writing on a vLLM server: freely, to a JSON Schema, or an order of numbers, each of them once."""

from __future__ import annotations

from typing import Any

from ranking.engines.encoding import PromptEncoder
from ranking.engines.vllm_client import Text, VllmClient
from ranking.errors import ServerAnswerError
from ranking.types import Completion, GenerationLimits, JsonShape, Permutation

_BETWEEN = ", "


class Writer:
    """Lets one model of a server write, held to the form asked for where the server does that."""

    def __init__(self, client: VllmClient, *, held: bool) -> None:
        self._client = client
        self._held = held

    async def write(self, prompt: tuple[int, ...], limits: GenerationLimits, encoder: PromptEncoder) -> Completion:
        """What the model writes after a prompt.

        A permutation is no form that a grammar of bearable size describes. It is written number by number, each a
        choice among those that are left together with the comma behind it, so that 1 and 12 differ in what follows; the
        last one is not asked for. The server's prefix cache keeps what was read so far.
        """
        if self._held and isinstance(limits.constraint, Permutation):
            return await self._permutation(prompt, limits.constraint.n, limits.max_tokens, encoder)
        held = self._held and isinstance(limits.constraint, JsonShape)
        shape: dict[str, Any] | None = None
        if held and isinstance(limits.constraint, JsonShape):
            shape = {"json": dict(limits.constraint.schema)}
        text = await self._client.write(prompt, limits.max_tokens, shape)
        return _completion(text.text, len(prompt), text.tokens, cut=_is_cut(text), constrained=held)

    async def _permutation(
        self, prompt: tuple[int, ...], n: int, max_tokens: int, encoder: PromptEncoder
    ) -> Completion:
        left = [str(number) for number in range(1, n + 1)]
        order: list[str] = []
        tokens = 0
        while len(left) > 1:
            choices = [number + _BETWEEN for number in left]
            longest = max(encoder.count_tokens(choice) for choice in choices)
            if tokens + longest > max_tokens:
                return _completion(_BETWEEN.join(order), len(prompt), tokens, cut=True, constrained=True)
            read = prompt + encoder.encode_text("".join(number + _BETWEEN for number in order))
            # Some spare tokens: the model need not cut the choice up as the tokenizer does.
            text = await self._client.write(read, longest + 4, {"choice": choices})
            if text.text not in choices:
                raise ServerAnswerError("the server wrote none of the choices that it was held to; see its log")
            order.append(text.text.removesuffix(_BETWEEN))
            left.remove(order[-1])
            tokens += text.tokens
        return _completion(_BETWEEN.join(order + left), len(prompt), tokens, cut=False, constrained=True)


def _completion(text: str, prompt_tokens: int, tokens: int, *, cut: bool, constrained: bool) -> Completion:
    return Completion(
        text=text,
        prompt_tokens=prompt_tokens,
        completion_tokens=tokens,
        finished="length" if cut else "stop",
        constrained=constrained,
    )


def _is_cut(text: Text) -> bool:
    return text.finish_reason == "length"
