"""What a chat API can carry: prompts as whole turns, lengths without a tokenizer, labels read from its answer.

Shared by the engines that know their model only through such an API.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from prompts.budget import MARKUP_PER_TURN
from prompts.types import Dialogue, Message, Prompt
from ranking.engines.http import all_or_none
from ranking.errors import EngineError, PromptTooLongError
from ranking.types import BranchScore, PromptScores

_PIECE = re.compile(
    r"(?P<capitals>[A-Z]+(?![a-z]))|(?P<word>[A-Z]?[a-z]+)|(?P<one> ?\d|\s*\n\s*| ?[!-/:-@\[-`{-~])|(?P<other>\S)"
)

COMMON_CONTROL_TOKENS = frozenset(
    {
        *("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|begin_of_text|>", "<|eot_id|>", "<|start|>", "<|end|>"),
        *("<|channel|>", "<|message|>", "<|return|>", "<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"),
        *("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<think>", "</think>", "<tool_call>", "</tool_call>"),
    }
)
"""Control tokens of the common model families: which ones a server's model has is not told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """The turns of one request."""

    messages: tuple[Message, ...]
    tokens: int
    """Estimated from above, markup included."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenLogprob:
    """One of the likeliest next tokens."""

    token: str
    logprob: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelLogprobs:
    """Log-probabilities of labels, in their order."""

    values: tuple[float, ...]
    unseen: tuple[int, ...]
    """Places of the labels that are not among the likeliest tokens; their value is the upper bound that this sets."""


async def score_each(
    prompts: Sequence[Prompt], max_context: int, ask: Callable[[Prompt, Question], Coroutine[Any, Any, BranchScore]]
) -> list[PromptScores]:
    """Scores of prompts with labels, in order, by one question for each different branch of each prompt.

    Raises EngineError for a prompt without labels and PromptTooLongError for a branch that does not fit, both before
    anything is asked. Requests share nothing, so prefix_tokens is 0: a branch's n_tokens are those of its request.
    """
    if any(prompt.labels is None for prompt in prompts):
        raise EngineError("a chat API cannot tell how likely a text is; use a strategy that asks for labels or writes")
    asked = [
        (
            prompt,
            {branch: question(_turns(prompt, branch), 1, max_context) for branch in dict.fromkeys(prompt.branches)},
        )
        for prompt in prompts
    ]
    scored = iter(await all_or_none(ask(prompt, one) for prompt, questions in asked for one in questions.values()))
    found = [{branch: next(scored) for branch in questions} for _, questions in asked]
    return [
        PromptScores(branches=tuple(scores[one] for one in prompt.branches), prefix_tokens=0, cached_tokens=0)
        for prompt, scores in zip(prompts, found, strict=True)
    ]


def _turns(prompt: Prompt, branch: str) -> tuple[Message, ...]:
    """The turns sent to ask about one branch of a prompt with labels; the user's comes last.

    Few chat APIs let a turn of the assistant be opened and gone on with, and those that do not would take the opening
    for a finished turn. So the prompt's `answer` is the last line of the user's turn.
    """
    asked = f"{prompt.before}{branch}{prompt.after}"
    if prompt.slot_role == "assistant":
        return _gone_on(prompt.messages, asked)
    return (*prompt.messages, Message(role="user", content=_opened(asked, prompt.answer)))


def dialogue_question(dialogue: Dialogue, max_tokens: int, max_context: int) -> Question:
    """The turns sent for a dialogue, its opened answer moved to the end of the user's turn, as a prompt's is.

    Raises PromptTooLongError where they do not fit with max_tokens of an answer.
    """
    return question(_gone_on(dialogue.messages, dialogue.answer), max_tokens, max_context)


def _gone_on(messages: tuple[Message, ...], answer: str) -> tuple[Message, ...]:
    """The turns with the opened answer as the last line of the user's."""
    if answer and messages and messages[-1].role == "user":
        return (*messages[:-1], Message(role="user", content=_opened(messages[-1].content, answer)))
    return (*messages, Message(role="user", content=answer)) if answer else messages


def _opened(content: str, answer: str) -> str:
    return f"{content}\n{answer}" if answer else content


def estimated_tokens(text: str) -> int:
    """Tokens of a text, estimated from above for the byte-pair vocabularies in use, English ones too.

    One token for each 3 letters begun of a Latin word, for each 2 of capitals in a row, for each digit, ASCII mark or
    run with line breaks, with one more where a space stands before a digit or mark, and two for every 3 bytes (UTF-8)
    of anything else. On 1,668 prompts of eight titles (games, films, tools) it was 1.2 to 1.5 times what the default
    model's tokenizer counts, and never less.
    """
    total = 0.0
    for piece in _PIECE.finditer(text):
        found = piece.group()
        match piece.lastgroup:
            case "word":
                total += math.ceil(len(found) / 3)
            case "capitals":
                total += math.ceil(len(found) / 2)
            case "one":
                total += 2 if found.startswith(" ") else 1
            case _:
                total += len(found.encode("utf-8", "surrogatepass")) / 1.5
    return math.ceil(total)


def question(messages: tuple[Message, ...], answer_tokens: int, max_context: int) -> Question:
    """The turns with their estimated tokens. Raises PromptTooLongError where they do not fit with the answer."""
    tokens = sum(estimated_tokens(message.content) + MARKUP_PER_TURN for message in messages) + MARKUP_PER_TURN
    if tokens + answer_tokens > max_context:
        raise PromptTooLongError(
            f"a prompt of about {tokens} tokens with {answer_tokens} for the answer does not fit the {max_context} "
            "tokens of max_context; show less history or fewer candidates"
        )
    return Question(messages=messages, tokens=tokens)


def label_logprobs(likeliest: Sequence[TokenLogprob], labels: Sequence[str]) -> LabelLogprobs:
    """Log-probabilities of labels from the likeliest first tokens of an answer.

    A label is found by its text without outer spaces, whatever its case, and the probabilities of its spellings ("Yes",
    " yes") are added up. An API shows some 5 to 20 tokens, so a label can be missing. It is then at most as likely as
    the least likely token shown. That bound is taken as its value and its place is told as unseen: candidates keep
    their right side of the decision, and their order among those whose labels all were seen; only among those with
    unseen labels differences are too small. To refuse would lose a whole ranking for one clear No. Where no label was
    seen, nothing was measured, and EngineError is raised; so it is for a value that is no log-probability.
    """
    if any(math.isnan(one.logprob) or one.logprob > 1e-3 for one in likeliest):
        raise EngineError("a log-probability is not a number of at most 0")
    wanted = [_plain(label) for label in labels]
    if len(set(wanted)) < len(wanted):
        raise EngineError(f"labels {', '.join(map(repr, labels))} differ in nothing but spaces and case")
    finite = [one for one in likeliest if math.isfinite(one.logprob)]
    spelled = [[one.logprob for one in finite if _plain(one.token) == label] for label in wanted]
    if not any(spelled):
        raise EngineError(
            f"none of the labels {', '.join(map(repr, labels))} is among the {len(likeliest)} likeliest first tokens "
            "of the answer; the model may think first (turn that off) or not follow the question"
        )
    bound = min(one.logprob for one in finite)
    return LabelLogprobs(
        values=tuple(_added(found) if found else bound for found in spelled),
        unseen=tuple(place for place, found in enumerate(spelled) if not found),
    )


def _plain(token: str) -> str:
    return token.strip().casefold()


def _added(logprobs: Sequence[float]) -> float:
    """Log of the sum of probabilities."""
    top = max(logprobs)
    return top + math.log(sum(math.exp(one - top) for one in logprobs))
