"""An engine without a model, for unit tests only: a function says what each branch scores. No setting offers it."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from prompts.types import Dialogue, Prompt
from ranking.errors import EngineError, ModelError, PromptTooLongError
from ranking.types import BranchScore, Capability, Completion, EngineInfo, GenerationLimits, PromptScores

ScoreBranch: TypeAlias = Callable[[Prompt, str], float]
"""The score of one branch of a prompt: margin of the first label over the second, or log-probability of the text."""

Write: TypeAlias = Callable[[Dialogue], str]
"""What is written for a dialogue."""

_WORD = re.compile(r"\w+|[^\w\s]")


class ScriptedEngine:
    """Implements ranking.protocol.Engine for unit tests: real interface, scores by the given function.

    A prompt with labels gets label logits (score, 0.0, …), one without gets score as text_logprob. A token is a word or
    a punctuation mark. `prompts` and `dialogues` keep what was asked, `calls` how often. Without write it has no
    capability "generate"; with it, what it writes is that text up to max_tokens, whatever the constraint.
    """

    def __init__(self, score_branch: ScoreBranch, *, write: Write | None = None, max_context: int = 8192) -> None:
        self._score_branch = score_branch
        self._write = write
        self.prompts: list[Prompt] = []
        self.dialogues: list[Dialogue] = []
        self.calls = 0
        capabilities: set[Capability] = (
            {"labels", "likelihood"} if write is None else {"labels", "likelihood", "generate"}
        )
        self._info = EngineInfo(
            engine="scripted",
            model="scripted",
            revision="none",
            adapter=None,
            device="cpu",
            dtype="float64",
            max_context=max_context,
            parameters=None,
            capabilities=frozenset(capabilities),
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
        await asyncio.sleep(0)  # like a real engine it can be cancelled while it is waited for
        return [self._scored(prompt) for prompt in prompts]

    async def generate(self, dialogues: Sequence[Dialogue], limits: GenerationLimits) -> list[Completion]:
        """What the function writes for each dialogue. Raises EngineError if there is no such function."""
        if self._write is None:
            raise EngineError("this scripted engine writes nothing; give it a function `write`")
        self.calls += 1
        self.dialogues.extend(dialogues)
        return [self._completed(dialogue, self._write(dialogue), limits.max_tokens) for dialogue in dialogues]

    def _completed(self, dialogue: Dialogue, text: str, max_tokens: int) -> Completion:
        n_prompt = sum(self.count_tokens(message.content) for message in dialogue.messages)
        self._check_fits(n_prompt + max_tokens)
        ends = [match.end() for match in _WORD.finditer(text)]
        cut = len(ends) > max_tokens
        return Completion(
            text=text[: ends[max_tokens - 1]] if cut else text,
            prompt_tokens=n_prompt,
            completion_tokens=min(len(ends), max_tokens),
            finished="length" if cut else "stop",
            constrained=False,
        )

    def _check_fits(self, n_tokens: int) -> None:
        if n_tokens > self._info.max_context:
            raise PromptTooLongError(f"a prompt of {n_tokens} tokens does not fit the {self._info.max_context} tokens")

    def _scored(self, prompt: Prompt) -> PromptScores:
        for label in prompt.labels or ():
            if self.count_tokens(label) != 1:
                raise ModelError(f"label {label!r} is {self.count_tokens(label)} tokens, not one")
        shared = [*(message.content for message in prompt.messages), prompt.before, prompt.after, prompt.answer]
        prefix = sum(self.count_tokens(text) for text in shared)
        longest = prefix + max((self.count_tokens(branch) for branch in prompt.branches), default=0)
        self._check_fits(longest)
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
