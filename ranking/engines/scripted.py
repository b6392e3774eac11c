"""An engine without a model, for unit tests only: a function says what each branch scores. No setting offers it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from prompts.types import Prompt
from ranking.errors import EngineError, PromptTooLongError
from ranking.types import BranchScore, EngineInfo, PromptScores

ScoreBranch: TypeAlias = Callable[[Prompt, str], float]
"""The score of one branch of a prompt: margin of the first label over the second, or log-probability of the text."""

_WORD = re.compile(r"\w+|[^\w\s]")


class ScriptedEngine:
    """Implements ranking.protocol.Engine for unit tests: real interface, scores by the given function.

    A prompt with labels gets label logits (score, 0.0, …), one without gets score as text_logprob. A token is a word or
    a punctuation mark. `prompts` keeps what was asked, `calls` how often.
    """

    def __init__(self, score_branch: ScoreBranch, *, max_context: int = 8192) -> None:
        self._score_branch = score_branch
        self.prompts: list[Prompt] = []
        self.calls = 0
        self._info = EngineInfo(
            engine="scripted",
            model="scripted",
            revision="none",
            adapter=None,
            device="cpu",
            dtype="float64",
            max_context=max_context,
            parameters=0,
        )

    @property
    def info(self) -> EngineInfo:
        """Names the scripted engine, so that its answers cannot pass for a model's."""
        return self._info

    @property
    def control_tokens(self) -> frozenset[str]:
        """The two turn markers of the default model."""
        return frozenset({"<|im_start|>", "<|im_end|>"})

    def count_tokens(self, text: str) -> int:
        """Words and punctuation marks of a text."""
        return len(_WORD.findall(text))

    async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
        """Scores every branch with the function. Raises EngineError if the function gives no finite number."""
        self.calls += 1
        self.prompts.extend(prompts)
        return [self._scored(prompt) for prompt in prompts]

    def _scored(self, prompt: Prompt) -> PromptScores:
        shared = [*(message.content for message in prompt.messages), prompt.before, prompt.after, prompt.answer]
        prefix = sum(self.count_tokens(text) for text in shared)
        longest = prefix + max((self.count_tokens(branch) for branch in prompt.branches), default=0)
        if longest > self._info.max_context:
            raise PromptTooLongError(f"a prompt of {longest} tokens does not fit the {self._info.max_context} tokens")
        return PromptScores(
            branches=tuple(self._branch(prompt, branch) for branch in prompt.branches),
            prefix_tokens=prefix,
            cached_tokens=0,
        )

    def _branch(self, prompt: Prompt, branch: str) -> BranchScore:
        value = self._score_branch(prompt, branch)
        if not math.isfinite(value):
            raise EngineError(f"the scripted score of branch {branch!r} is {value}, not a finite number")
        return BranchScore(
            label_logits=None if prompt.labels is None else (value, *[0.0] * (len(prompt.labels) - 1)),
            text_logprob=value if prompt.labels is None else None,
            n_tokens=self.count_tokens(branch),
        )
