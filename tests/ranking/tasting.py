"""A fake engine with a taste, for the tests of strategies: it answers every kind of question by it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from prompts.types import Dialogue, Prompt, PromptContext
from ranking.engines.scripted import ScriptedEngine
from ranking.types import BranchScore, Completion, GenerationLimits, PromptScores
from retrieval.types import Item, PastItem

Taste: TypeAlias = Callable[[str], float]

_OPTION = re.compile(r"^(?:[A-Z]|\d+)\. (.*)$", re.MULTILINE)


class TastingEngine(ScriptedEngine):
    """FAKE engine: likes a title as much as `taste` says, whatever it is asked.

    Options are weighed by the taste of their titles plus `bias` for the first one; grades by how near they are to it;
    a written order follows it.
    """

    def __init__(self, taste: Taste, *, bias: float = 0.0) -> None:
        super().__init__(lambda _, branch: taste(branch.strip()), write=lambda _: "")
        self.rounds: list[list[Prompt]] = []
        self._taste, self._bias = taste, bias

    async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
        self.rounds.append(list(prompts))
        return [
            PromptScores(
                branches=tuple(self._answer(prompt, branch) for branch in prompt.branches),
                prefix_tokens=10,
                cached_tokens=0,
            )
            for prompt in prompts
        ]

    def _answer(self, prompt: Prompt, branch: str) -> BranchScore:
        if prompt.labels is None:
            return BranchScore(label_logits=None, text_logprob=self._taste(branch.strip()), n_tokens=5)
        return BranchScore(label_logits=tuple(self._logits(prompt.labels, branch)), text_logprob=None, n_tokens=5)

    def _logits(self, labels: tuple[str, ...], branch: str) -> list[float]:
        if branch.startswith("\n"):
            logits = [self._taste(title) for title in _OPTION.findall(branch)]
            logits[0] += self._bias
            return logits + [9.0] * (len(labels) - len(logits))  # an option that is not shown must not count
        liking = self._taste(branch.strip())
        if labels[0] == "1":
            return [liking * grade for grade in range(len(labels))]
        return [liking, *[0.0] * (len(labels) - 1)]

    async def generate(self, dialogues: Sequence[Dialogue], limits: GenerationLimits) -> list[Completion]:
        self.dialogues += dialogues
        return [self._written(dialogue) for dialogue in dialogues]

    def _written(self, dialogue: Dialogue) -> Completion:
        titles = _OPTION.findall(dialogue.messages[-1].content)
        order = sorted(range(len(titles)), key=lambda index: -self._taste(titles[index]))
        text = ", ".join(str(index + 1) for index in order)
        return Completion(text=text, prompt_tokens=10, completion_tokens=7, finished="stop", constrained=False)


def by_number(title: str) -> float:
    """Likes Film 7 better than Film 3; no more than that many labels can tell apart."""
    found = re.search(r"\d+", title)
    return float(found.group()) / 10 if found else 0.0


def films(numbers: Sequence[int], *past: str) -> PromptContext:
    """Candidates named Film N in that order, for somebody who saw the others."""
    return PromptContext(
        history=tuple(PastItem(item=_film(title, title), timestamp=0.0) for title in past or ("Heat",)),
        candidates=tuple(_film(f"{place}", f"Film {number}") for place, number in enumerate(numbers)),
    )


def _film(item_id: str, title: str) -> Item:
    return Item(item_id=item_id, title=title, domain="films")
