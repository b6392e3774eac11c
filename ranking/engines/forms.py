"""Forms that what a model writes is held to: which tokens may come next. JSON by llguidance, permutations by hand."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ranking.errors import EngineError
from ranking.types import JsonShape, Permutation
from retrieval.errors import one_line

SEPARATOR = ", "
_ORDER_TOKEN = re.compile(r"[0-9, ]+")


class Form(Protocol):
    """The state of one text that is being written."""

    @property
    def complete(self) -> bool:
        """Whether the form leaves nothing more to write."""

    def allowed(self) -> NDArray[np.bool_]:
        """Which tokens may come next, shape (vocabulary,); at least one may."""

    def take(self, token: int) -> None:
        """Goes on by an allowed token."""


class Forms:
    """Makes forms for one tokenizer. Thread-safe; what is dear (about a second) is done at the first form.

    vocabulary is the number of logits, which may be more than the tokenizer has; ends are the tokens that end a text.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, ends: Sequence[int]) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._ends = tuple(ends)
        self._lock = threading.Lock()
        self._made: _Tokens | None = None

    @property
    def offered(self) -> bool:
        """Whether the tokenizer and its end tokens let a text be held to a form."""
        return bool(self._tokenizer.is_fast and self._ends)

    def start(self, constraint: Permutation | JsonShape) -> Callable[[], Form]:
        """Gives a function that makes forms for texts not yet begun. Raises EngineError for a schema of no use."""
        tokens = self._tokens()
        if isinstance(constraint, Permutation):
            order = constraint
            return lambda: OrderForm(order.n, tokens.order, self._vocabulary)
        first = _json_matcher(tokens.library, constraint)
        return lambda: JsonForm(first.deep_copy(), self._vocabulary)

    def _tokens(self) -> _Tokens:
        from llguidance.hf import from_tokenizer

        with self._lock:
            if self._made is None:
                library = from_tokenizer(self._tokenizer, n_vocab=self._vocabulary, eos_token=list(self._ends))
                texts = {token: library.decode_str([token]) for token in range(len(self._tokenizer))}
                order = {token: text for token, text in texts.items() if _ORDER_TOKEN.fullmatch(text)}
                self._made = _Tokens(library=library, order=order)
            return self._made


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tokens:
    library: Any
    """The tokenizer as llguidance has it."""
    order: Mapping[int, str]
    """The tokens that orders are written with, and their texts."""


class OrderForm:
    """The numbers 1 to n, each once, in any order, with a comma and a space between them."""

    def __init__(self, n: int, tokens: Mapping[int, str], vocabulary: int) -> None:
        self._left = {str(number) for number in range(1, n + 1)}
        self._tokens = tokens
        self._vocabulary = vocabulary
        self._begun = ""
        """What was written after the last whole number and the separator behind it."""

    @property
    def complete(self) -> bool:
        """Whether all numbers are written."""
        return self._left == {self._begun} or not self._left

    def allowed(self) -> NDArray[np.bool_]:
        """The tokens after which the rest can still be written."""
        mask = np.zeros(self._vocabulary, dtype=np.bool_)
        mask[[token for token, text in self._tokens.items() if self._leads_on(self._begun + text)]] = True
        return mask

    def take(self, token: int) -> None:
        """Goes on by an allowed token."""
        *whole, self._begun = (self._begun + self._tokens[token]).split(SEPARATOR)
        self._left -= set(whole)

    def _leads_on(self, begun: str) -> bool:
        *whole, last = begun.split(SEPARATOR)
        left = self._left - set(whole)
        if len(self._left) - len(left) != len(whole) or not left:
            return False  # a number comes twice or is none of them, or a separator follows the last one
        if last.endswith(SEPARATOR[0]):
            return last[:-1] in left and len(left) > 1
        return any(number.startswith(last) for number in left)


class JsonForm:
    """A JSON value that a schema describes, written without any white space that it could do without."""

    def __init__(self, matcher: Any, vocabulary: int) -> None:
        self._matcher = matcher
        self._vocabulary = vocabulary

    @property
    def complete(self) -> bool:
        """Whether the value is whole and nothing can follow."""
        return bool(self._matcher.is_stopped())

    def allowed(self) -> NDArray[np.bool_]:
        """Raises EngineError if the schema turns out to take more work than the library allows."""
        bits = self._matcher.compute_bitmask()
        self._check()
        return np.unpackbits(np.frombuffer(bits, dtype=np.uint8), bitorder="little")[: self._vocabulary].astype(
            np.bool_
        )

    def take(self, token: int) -> None:
        """Goes on by an allowed token."""
        self._matcher.consume_token(token)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise EngineError(f"the JSON Schema cannot be held to: {one_line(self._matcher.get_error())[:300]}")


def _json_matcher(tokens: Any, shape: JsonShape) -> Any:
    from llguidance import LLMatcher

    try:
        grammar = LLMatcher.grammar_from_json_schema(dict(shape.schema), overrides={"whitespace_flexible": False})
    except (TypeError, ValueError) as error:
        raise EngineError(f"the JSON Schema is no JSON: {one_line(error)[:300]}") from error
    matcher = LLMatcher(tokens, grammar, log_level=0)
    if matcher.is_error():
        raise EngineError(f"the JSON Schema cannot be held to: {one_line(matcher.get_error())[:300]}")
    return matcher
