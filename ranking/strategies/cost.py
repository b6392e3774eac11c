"""What a strategy will cost, before any model is asked: the strategy itself, run on an engine that only counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prompts.types import Dialogue, Prompt, PromptContext
from ranking.protocol import Engine, Strategy
from ranking.types import BranchScore, Completion, EngineInfo, GenerationLimits, PromptScores


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Of one list of candidates."""

    model_calls: int
    """Prompts and dialogues. The embedded engine reads each in one go, with all its questions."""
    questions: int
    """Branches and dialogues: requests to a server that takes one question at a time."""
    rounds: int
    """Questions of one round can be asked at the same time; a round waits for the one before it."""
    prompt_tokens: int
    """Tokens read, cached ones included; a prompt's shared part once where the engine reads it once."""
    completion_tokens: int
    """Tokens written at most."""


class CountingEngine:
    """Implements ranking.protocol.Engine and Generator: counts what a real engine would read, and asks no model.

    Every label is as likely as the others, every title too, and nothing is written. The answers are worth nothing.
    """

    def __init__(self, engine: Engine) -> None:
        """The engine tells how long texts are, and what it can do."""
        self._engine = engine
        self.questions = 0
        self.rounds = 0

    @property
    def info(self) -> EngineInfo:
        """The real engine's."""
        return self._engine.info

    @property
    def control_tokens(self) -> frozenset[str]:
        """The real engine's."""
        return self._engine.control_tokens

    def count_tokens(self, text: str) -> int:
        """As the real engine counts."""
        return self._engine.count_tokens(text)

    async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
        """Even scores. Tokens are counted without chat markup."""
        self.rounds += 1
        self.questions += sum(len(prompt.branches) for prompt in prompts)
        return [self._scored(prompt) for prompt in prompts]

    async def generate(self, dialogues: Sequence[Dialogue], limits: GenerationLimits) -> list[Completion]:
        """Empty texts of full length. Tokens are counted without chat markup."""
        self.rounds += 1
        self.questions += len(dialogues)
        return [
            Completion(
                text="",
                prompt_tokens=self.count_tokens("\n".join([*(m.content for m in dialogue.messages), dialogue.answer])),
                completion_tokens=limits.max_tokens,
                finished="length",
                constrained=False,
            )
            for dialogue in dialogues
        ]

    def _scored(self, prompt: Prompt) -> PromptScores:
        closing = self.count_tokens(f"{prompt.after}\n{prompt.answer}") if prompt.labels else 0
        shared = self.count_tokens("\n".join([*(message.content for message in prompt.messages), prompt.before]))
        prefix, again = (shared, 0) if self.info.shares_prefix else (0, shared)
        return PromptScores(
            branches=tuple(
                BranchScore(
                    label_logits=None if prompt.labels is None else (0.0,) * len(prompt.labels),
                    text_logprob=0.0 if prompt.labels is None else None,
                    n_tokens=again + self.count_tokens(branch) + closing,
                )
                for branch in prompt.branches
            ),
            prefix_tokens=prefix,
            cached_tokens=0,
        )


async def cost_of(build: Callable[[Engine], Strategy], engine: Engine, context: PromptContext) -> Cost:
    """What the strategy that `build` makes would cost for this context on this engine.

    Exact but for chat markup, for what is remembered of titles, and for strategies whose questions depend on the
    answers before them (setwise), where it is that of even answers.
    """
    counting = CountingEngine(engine)
    [verdict] = await build(counting).score([context])
    return Cost(
        model_calls=verdict.model_calls,
        questions=counting.questions,
        rounds=counting.rounds,
        prompt_tokens=verdict.prompt_tokens,
        completion_tokens=verdict.completion_tokens,
    )
