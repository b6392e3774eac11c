"""What FewRec assumes of the thing that runs the LLM, and of a way to rank with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from prompts.types import Dialogue, Prompt, PromptContext
from ranking.types import Completion, EngineInfo, EngineLoad, GenerationLimits, PromptScores, StrategyScores


class Engine(Protocol):
    """Runs the LLM. Batch first and async once: there is no sync twin."""

    @property
    def info(self) -> EngineInfo:
        """Which model answers."""

    @property
    def control_tokens(self) -> frozenset[str]:
        """Texts that the tokenizer turns into control tokens; untrusted text must not contain them."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without any start or end token."""

    async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
        """Scores every branch of every prompt. Same length and order as the input; every score is finite.

        Raises PromptTooLongError naming the prompt's length if a prefix with its longest branch does not fit the model.
        """


class Generator(Protocol):
    """Lets the LLM write. An engine that does has the capability "generate" in its info."""

    async def generate(self, dialogues: Sequence[Dialogue], limits: GenerationLimits) -> list[Completion]:
        """What the model writes for each dialogue, the same limits for all. Same length and order as the input.

        Raises PromptTooLongError naming the dialogue's length if it does not fit the model with limits.max_tokens.
        """


@runtime_checkable
class Streamer(Protocol):
    """An engine that tells what it writes while it writes."""

    async def stream(self, dialogue: Dialogue, limits: GenerationLimits, tell: Callable[[str], None]) -> Completion:
        """As Generator.generate for one dialogue. tell gets the text piece by piece, from any thread.

        Joined, the pieces are the completion's text; none is told once it has answered.
        """


@runtime_checkable
class Loaded(Protocol):
    """An engine that can say how busy it is, for those who watch it."""

    def load(self) -> EngineLoad:
        """At this moment; may be asked from any thread."""


class Strategy(Protocol):
    """A way to turn model scores into an order of candidates."""

    @property
    def name(self) -> str:
        """Stable name, used in settings and answers."""

    async def score(self, contexts: Sequence[PromptContext]) -> list[StrategyScores]:
        """One verdict per context, in order; each has one score per candidate of its context, in order."""
