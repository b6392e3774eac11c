from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from ranking.engines.forms import Form, Forms, OrderForm
from ranking.errors import EngineError
from ranking.types import JsonShape, Permutation
from tests.ranking.tiny_model import save_tiny_model

# Tokens such as real vocabularies have: numbers of several digits, and separators in one piece and in two.
TEXTS = dict(enumerate(["0", "1", "2", "3", "9", "10", "11", "12", "123", ",", " ", ", ", " 1", ",  ", "1,", "2,"]))


def written(form: Form, choose: Any, texts: dict[int, str]) -> str:
    text = ""
    while not form.complete:
        tokens = np.flatnonzero(form.allowed()).tolist()
        assert tokens, f"stuck after {text!r}"
        token = choose(tokens)
        form.take(token)
        text += texts[token]
    return text


@given(st.integers(1, 12), st.randoms())
def test_whatever_is_chosen_becomes_a_permutation(n: int, random: Any) -> None:
    digits = TEXTS | {100 + digit: str(digit) for digit in range(10)}
    text = written(OrderForm(n, digits, 200), random.choice, digits)
    assert sorted(map(int, text.split(", "))) == list(range(1, n + 1))


def test_a_number_may_go_on_only_to_one_that_is_left() -> None:
    form = OrderForm(11, TEXTS, len(TEXTS))
    texts = {text: token for token, text in TEXTS.items()}

    def allowed() -> set[str]:
        return {TEXTS[token] for token in np.flatnonzero(form.allowed()).tolist()}

    assert allowed() == {"1", "2", "3", "9", "10", "11", "1,", "2,"}
    form.take(texts["1"])
    assert allowed() == {"0", "1", ",", ", ", "1,"}
    form.take(texts[", "])
    form.take(texts["1"])
    assert allowed() == {"0", "1", "1,"}, "1 was there already, 10 and 11 were not"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    loader: Any = AutoTokenizer
    return loader.from_pretrained(str(save_tiny_model(tmp_path_factory.mktemp("tiny"))))


def forms(tokenizer: Any, extra: int = 0) -> Forms:
    return Forms(tokenizer, len(tokenizer) + extra, [tokenizer.eos_token_id])


def test_json_is_what_the_schema_says_and_ends(tokenizer: Any) -> None:
    schema = {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "maxItems": 2}
    start = forms(tokenizer, extra=7).start(JsonShape(schema=schema))
    for last in (0, -1):  # each text has a form of its own
        text = ""
        form = start()
        while not form.complete:
            allowed = np.flatnonzero(form.allowed()).tolist()
            assert max(allowed) < len(tokenizer)
            token = allowed[last]
            form.take(token)
            text += tokenizer.decode([token], skip_special_tokens=True)
        assert json.loads(text) in [["a", "a"], ["b", "b"], ["a", "b"], ["b", "a"]]
        assert ": " not in text


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"type": object()}, {"minLength": "many"}])
def test_a_schema_of_no_use_is_refused(tokenizer: Any, schema: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="JSON Schema"):
        forms(tokenizer).start(JsonShape(schema=schema))


def test_a_token_against_the_form_is_an_error(tokenizer: Any) -> None:
    form = forms(tokenizer).start(JsonShape(schema={"type": "boolean"}))()
    with pytest.raises(EngineError, match="cannot be held to"):
        form.take(tokenizer("{")["input_ids"][0])


def test_without_an_end_token_no_form_is_offered(tokenizer: Any) -> None:
    assert forms(tokenizer).offered
    assert not Forms(tokenizer, len(tokenizer), []).offered


def test_orders_come_with_the_tokens_of_the_model(tokenizer: Any, tmp_path: Path) -> None:
    form = forms(tokenizer).start(Permutation(n=2))()
    texts = {token: tokenizer.decode([token]) for token in range(len(tokenizer))}
    assert written(form, max, texts) in {"1, 2", "2, 1"}
