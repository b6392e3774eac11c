"""Writing with a loaded model: the library's own greedy loop with its key-value cache, over a batch of dialogues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from ranking.engines.batching import Wanted
from ranking.engines.forms import Form, Forms
from ranking.types import Completion, GenerationLimits


@dataclass(frozen=True, kw_only=True, slots=True)
class Writing:
    """One dialogue to go on with."""

    prompt: tuple[int, ...]
    """Its tokens, at least one."""
    limits: GenerationLimits
    form: Callable[[], Form] | None
    """Makes the form that the text is held to; None lets the model write freely."""
    told: Callable[[str], None] | None = None
    """Gets the whole text so far after each token and at the end, in the worker thread; characters come whole."""

    @property
    def cost(self) -> int:
        """Tokens read and written at most."""
        return len(self.prompt) + self.limits.max_tokens


class Writer:
    """Writes in the engine's worker thread. A text ends with the model's own end of turn, which is left out of it."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._ends = _end_tokens(model, tokenizer)
        vocabulary = int(model.get_output_embeddings().weight.shape[0])
        self.forms = Forms(tokenizer, vocabulary, self._ends)

    def write(self, asked: Sequence[Writing], wanted: Wanted, between: Callable[[], None]) -> list[Completion | None]:
        """What the model writes for each, in order; None where nobody waits any more.

        Neighbours with the same limits share a batch. between is called before every token: other work of the worker
        thread need not wait for the end of a text. For a call under torch.inference_mode.
        """
        written: list[Completion | None] = []
        for _, group in groupby(enumerate(asked), key=lambda at: at[1].limits):
            places, batch = zip(*group, strict=True)
            rows = [_Row(one, places[row], wanted) for row, one in enumerate(batch)]
            tokens = self._generate(rows, between)
            written += [self._completion(row, ids) for row, ids in zip(rows, tokens, strict=True)]
        return written

    def _generate(self, rows: Sequence[_Row], between: Callable[[], None]) -> list[list[int]]:
        """The tokens written for each row, ends and padding behind them included."""
        from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

        pad = self._ends[0] if self._ends else 0
        longest = max(len(row.asked.prompt) for row in rows)
        ids = torch.full((len(rows), longest), pad)
        mask = torch.zeros_like(ids)
        for place, row in enumerate(rows):
            prompt = row.asked.prompt
            ids[place, longest - len(prompt) :] = torch.tensor(prompt)
            mask[place, longest - len(prompt) :] = 1

        # Everything that a model's own configuration could turn from greedy is named.
        configured: Any = GenerationConfig
        config = configured(
            max_new_tokens=rows[0].asked.limits.max_tokens,
            do_sample=False,
            num_beams=1,
            temperature=1.0,
            top_p=1.0,
            top_k=50,
            repetition_penalty=1.0,
            no_repeat_ngram_size=0,
            eos_token_id=list(self._ends) or None,
            pad_token_id=pad,
        )
        device = self._model.device
        output: Any = self._model.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            generation_config=config,
            logits_processor=LogitsProcessorList([_Held(rows)]),
            stopping_criteria=StoppingCriteriaList([_Stop(rows, between), _Telling(rows, longest, self._text)]),
        )
        return [list(map(int, row)) for row in output[:, longest:].tolist()]

    def _completion(self, row: _Row, ids: Sequence[int]) -> Completion | None:
        if not row.wanted():
            return None
        end = self._end(ids)
        complete = row.form is not None and row.form.complete
        # The end is a token that the model wrote, too; behind a complete form it is padding.
        n_written = len(ids) if end is None else end if complete else end + 1
        text = self._text(ids)
        if row.asked.told is not None:
            row.asked.told(text)
        return Completion(
            text=text,
            prompt_tokens=len(row.asked.prompt),
            completion_tokens=n_written,
            finished="stop" if end is not None or complete else "length",
            constrained=row.form is not None,
        )

    def _text(self, ids: Sequence[int]) -> str:
        return str(
            self._tokenizer.decode(ids[: self._end(ids)], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )

    def _end(self, ids: Sequence[int]) -> int | None:
        """The place of the first end token."""
        return next((place for place, token in enumerate(ids) if token in self._ends), None)


class _Row:
    """One text of a batch while it is written."""

    def __init__(self, asked: Writing, index: int, wanted: Wanted) -> None:
        self.asked = asked
        self.form = None if asked.form is None else asked.form()
        self._index = index
        self._wanted = wanted

    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        return self._wanted(self._index)


class _Held:
    """Lets each row be gone on with by the tokens only that its form allows."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self._rows = rows

    def __call__(self, _input_ids: Tensor, scores: Tensor) -> Tensor:
        """The library's protocol: scores is (rows, vocabulary)."""
        for place, row in enumerate(self._rows):
            if row.form is None or row.form.complete:
                continue
            allowed = torch.from_numpy(row.form.allowed()).to(scores.device)
            scores[place].masked_fill_(~allowed, float("-inf"))
        return scores


class _Stop:
    """Ends a row whose form is complete or for which nobody waits; lets other work go first."""

    def __init__(self, rows: Sequence[_Row], between: Callable[[], None]) -> None:
        self._rows = rows
        self._between = between

    def __call__(self, input_ids: Tensor, _scores: Tensor, **_unused: Any) -> Tensor:
        """The library's protocol: which rows are done, shape (rows,)."""
        self._between()
        last = input_ids[:, -1].tolist()
        done = []
        for row, token in zip(self._rows, last, strict=True):
            if row.form is not None and not row.form.complete:
                row.form.take(token)
            done.append(not row.wanted() or (row.form is not None and row.form.complete))
        return torch.tensor(done, device=input_ids.device)


class _Telling:
    """Tells each text that somebody follows; ends none."""

    def __init__(self, rows: Sequence[_Row], start: int, text: Callable[[Sequence[int]], str]) -> None:
        self._rows = rows
        self._start = start
        self._text = text

    def __call__(self, input_ids: Tensor, _scores: Tensor, **_unused: Any) -> Tensor:
        """The library's protocol: which rows are done, shape (rows,)."""
        for place, row in enumerate(self._rows):
            if row.asked.told is not None and row.wanted():
                # The stand-in for bytes that are no character yet.
                row.asked.told(self._text(input_ids[place, self._start :].tolist()).rstrip("\ufffd"))
        return torch.zeros(len(self._rows), dtype=torch.bool, device=input_ids.device)


def _end_tokens(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """The tokens that end a turn: those of the model's own configuration and the tokenizer's."""
    named = getattr(model.generation_config, "eos_token_id", None)
    found = [named] if isinstance(named, int) else list(named or ())
    if tokenizer.eos_token_id is not None:
        found.append(tokenizer.eos_token_id)
    return tuple(dict.fromkeys(int(token) for token in found))
