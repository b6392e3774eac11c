"""Prompts as token ids: the chat template applied around the slot, prefix and branches tokenized apart."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prompts.types import Dialogue, Prompt
from ranking.engines.packing import Shape
from ranking.errors import EngineError, ModelError


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedBranch:
    """One branch as the model reads it."""

    fed: tuple[int, ...]
    """Tokens to compute. With labels: the branch and what closes it. Without: the branch but for its last token."""
    targets: tuple[int, ...]
    """Without labels: the branch's tokens, whose probability is asked for. With labels: empty."""
    n_tokens: int
    """Tokens of the branch, with what closes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedPrompt:
    """One prompt as the model reads it."""

    prefix: tuple[int, ...]
    branches: tuple[EncodedBranch, ...]
    labels: tuple[int, ...] | None

    @property
    def shape(self) -> Shape:
        """Lengths of what is to be computed."""
        return Shape(prefix=len(self.prefix), branches=tuple(len(branch.fed) for branch in self.branches))

    @property
    def longest(self) -> int:
        """Tokens of the prefix with the longest branch."""
        return len(self.prefix) + max((branch.n_tokens for branch in self.branches), default=0)


class PromptEncoder:
    """Turns prompts into token ids with a model's tokenizer and chat template. Thread-safe."""

    def __init__(self, tokenizer: Any, model: str) -> None:
        self._tokenizer = tokenizer
        self._model = model
        # A tokenizer switches its handling of control tokens from call to call, in place.
        self._lock = threading.Lock()
        self.control_tokens = frozenset(
            token.content for token in tokenizer.added_tokens_decoder.values() if token.content.strip()
        )

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without any start or end token."""
        return len(self._content(text))

    def encode_text(self, text: str) -> tuple[int, ...]:
        """Tokens of plain text, without any start or end token: a control token written in it is not one."""
        return self._content(text)

    def encode(self, prompt: Prompt) -> EncodedPrompt:
        """Tokens of a prompt.

        A branch is tokenized by itself and as plain text: a control token written in it is not one. Raises ModelError
        if a label is not a single token or the chat template refuses the turns, EngineError for an empty branch.
        """
        left, right = self._around_slot(prompt)
        prefix = self._markup(left)
        if not prefix:
            raise EngineError("the prompt has nothing before its branches, so there is nothing to predict them from")
        labels = None if prompt.labels is None else self._labels(prompt.labels)
        closing = () if prompt.labels is None else self._markup(right + prompt.answer)
        branches = []
        for index, text in enumerate(prompt.branches):
            ids = self._content(text)
            if not ids:
                raise EngineError(f"branch {index} is empty; the model cannot score nothing")
            with_labels = labels is not None
            branches.append(
                EncodedBranch(
                    fed=ids + closing if with_labels else ids[:-1],
                    targets=() if with_labels else ids,
                    n_tokens=len(ids) + len(closing),
                )
            )
        return EncodedPrompt(prefix=prefix, branches=tuple(branches), labels=labels)

    def encode_dialogue(self, dialogue: Dialogue) -> tuple[int, ...]:
        """Tokens of a dialogue up to where the model goes on. Raises ModelError if the chat template refuses it."""
        turns = [{"role": message.role, "content": message.content} for message in dialogue.messages]
        return self._markup(self._rendered(turns, ask=True) + dialogue.answer)

    def _around_slot(self, prompt: Prompt) -> tuple[str, str]:
        turns = [{"role": message.role, "content": message.content} for message in prompt.messages]
        texts = "".join([*(turn["content"] for turn in turns), prompt.before, prompt.after])
        # Stands for the branch while the chat template is applied: the first private character that no text holds.
        slot = next(mark for mark in map(chr, itertools.count(0xE000)) if mark not in texts)
        turns.append({"role": prompt.slot_role, "content": prompt.before + slot + prompt.after})
        rendered = self._rendered(turns, ask=prompt.slot_role == "user")
        parts = rendered.split(slot)
        if len(parts) != 2:
            raise EngineError(f"the chat template of {self._model} shows the slot {len(parts) - 1} times, not once")
        # The assistant's turn stays open: what the model says next is asked for, not what ends the turn.
        return parts[0], parts[1] if prompt.slot_role == "user" else prompt.after

    def _rendered(self, turns: list[dict[str, str]], *, ask: bool) -> str:
        if self._tokenizer.chat_template is None:
            # A base model was never taught turns: it gets the text alone.
            return (self._tokenizer.bos_token or "") + "\n".join([turn["content"] for turn in turns] + [""] * ask)
        try:
            return str(self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=ask))
        except Exception as error:  # the template is a program that came with the model and may raise anything
            raise ModelError(f"the chat template of {self._model} refuses the prompt's turns: {error}") from error

    def _labels(self, texts: Sequence[str]) -> tuple[int, ...]:
        ids = tuple(self._label(text) for text in texts)
        if len(set(ids)) < len(ids) or len(ids) < 2:
            raise ModelError(f"labels {', '.join(map(repr, texts))} are not two or more different tokens")
        return ids

    def _label(self, text: str) -> int:
        ids = self._content(text)
        if len(ids) != 1:
            raise ModelError(
                f"label {text!r} is {len(ids)} tokens for {self._model}, not one; the template needs other labels"
            )
        return ids[0]

    def _content(self, text: str) -> tuple[int, ...]:
        return self._ids(text, plain=True)

    def _markup(self, text: str) -> tuple[int, ...]:
        return self._ids(text, plain=False)

    def _ids(self, text: str, *, plain: bool) -> tuple[int, ...]:
        with self._lock:
            encoded = self._tokenizer(text, add_special_tokens=False, split_special_tokens=plain, verbose=False)
        return tuple(encoded["input_ids"])
