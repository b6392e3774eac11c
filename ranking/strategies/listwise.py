"""Listwise by generation: the model is shown all candidates by number and writes their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from prompts.dialogue import render_dialogue
from prompts.template import Template
from prompts.types import Dialogue, PromptContext, TokenBudget
from ranking.errors import ConfigError
from ranking.parsing.order import parse_order, written_order
from ranking.protocol import Engine, Generator
from ranking.settings import ListwiseSettings
from ranking.strategies.verdict import check_kind, scores_of_order
from ranking.types import Completion, GenerationLimits, Permutation, StrategyScores, Written

_FREE_FACTOR, _FREE_EXTRA = 3, 32
"""A model that writes freely puts signs and words around its numbers."""


class Listwise:
    """Score = n for the first of n candidates in the order that the model writes, down to 1 for the last.

    Where the engine can, it holds the model to a permutation of the numbers; whatever comes is read, and repaired where
    needed, by ranking.parsing. Where nothing could be read the model said nothing: all scores are 0.
    """

    name = "listwise"

    def __init__(self, engine: Engine, template: Template, max_tokens: int, settings: ListwiseSettings) -> None:
        """Raises ConfigError for a template of another kind, or an engine that does not write."""
        check_kind(template, "listwise", self.name)
        self._generator = _generator_of(engine)
        self._engine = engine
        self._template = template
        self._budget = TokenBudget(max_tokens=max_tokens, count_tokens=engine.count_tokens)
        self._settings = settings

    async def score(self, contexts: Sequence[PromptContext]) -> list[StrategyScores]:
        """One verdict per context, in order. Contexts with as many candidates go to the engine together."""
        verdicts: dict[int, StrategyScores] = {}
        for n in dict.fromkeys(len(context.candidates) for context in contexts):
            places = [place for place, context in enumerate(contexts) if len(context.candidates) == n]
            dialogues = [
                render_dialogue(self._template, contexts[place], self._budget, self._engine.control_tokens)
                for place in places
            ]
            completions = await self._generator.generate(dialogues, self._limits(n))
            for place, dialogue, completion in zip(places, dialogues, completions, strict=True):
                verdicts[place] = _verdict(contexts[place], dialogue, completion)
        return [verdicts[place] for place in range(len(contexts))]

    def _limits(self, n: int) -> GenerationLimits:
        constrained = "constrained" in self._engine.info.capabilities
        bare = self._engine.count_tokens(written_order(range(n))) + 1
        enough = bare if constrained else _FREE_FACTOR * bare + _FREE_EXTRA
        return GenerationLimits(
            max_tokens=self._settings.max_tokens or enough, constraint=Permutation(n=n) if constrained else None
        )


def _generator_of(engine: Engine) -> Generator:
    """The engine as what lets its model write. Raises ConfigError for an engine that does not."""
    if "generate" not in engine.info.capabilities:
        raise ConfigError(f"engine {engine.info.engine!r} does not let its model write, which this strategy needs")
    # An engine with this capability has the method; the protocols stay apart, as most engines have one of them only.
    return cast(Generator, engine)


def _verdict(context: PromptContext, dialogue: Dialogue, completion: Completion) -> StrategyScores:
    parsed = parse_order(completion.text, [item.title for item in context.candidates])
    scores = scores_of_order(parsed.order)
    return StrategyScores(
        scores=(0.0,) * len(scores) if parsed.report.fell_back else scores,
        branches=None,
        prompt_digest=dialogue.digest,
        template=dialogue.template,
        dropped=dialogue.dropped,
        prompt_tokens=completion.prompt_tokens,
        model_calls=1,
        completion_tokens=completion.completion_tokens,
        outputs=(Written(completion=completion, report=parsed.report),),
    )
