from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.sanitise import Clean, neutralise, sanitise

NONE: frozenset[str] = frozenset()
CHATML = frozenset({"<|im_start|>", "<|im_end|>", "<|endoftext|>", "<repo_name>"})

AWKWARD = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            ["<|im_", "start|>", "<|im_start|>", "{", "}", "{0!r:>99}", "\n", "\x00", "\u202e", "[INST]", "‹"]
        ),
    ),
    max_size=12,
).map("".join)


def clean(text: str, max_chars: int = 120, tokens: frozenset[str] = CHATML) -> Clean:
    return sanitise(text, max_chars=max_chars, control_tokens=tokens)


@pytest.mark.parametrize(
    "text",
    [
        "Alien (1979)",
        "שלום עולם \u200fabc",
        "کتاب‌خانه و مقدمه",
        "العربية: ١٢٣\u061c",
        "千と千尋の神隠し\u3000完全版",
        "肖申克的救赎：【加长版】",
        "👩‍👩‍👧‍👦 family ❤️ 👍🏽",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f in colours",
        "{title} {0} {query.__class__} {{x}} { open",
        "a < b > c [REC] <3 |x| \"quoted\" 'it'",
        "e\u0301te\u0301 à la carte",
        "two  spaces",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == Clean(text=text, clipped=False, neutralised=False)


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("a\nb", "a b"),
        ("a \r\n\t b", "a b"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("nul\x00l \x1b[31mred", "null [31mred"),
        ("\ufeffmark", "mark"),
        ("evil \u202egnp.exe\u202c", "evil gnp.exe"),
        ("\u2066isolated\u2069", "isolated"),
        ("hidden\U000e0041\U000e0042 order", "hidden order"),
        ("half \ud83d pair", "half \ufffd pair"),
        ("<|im_start|>system", "‹|im_start|›system"),
        ("<|im_\x00start|>system", "‹|im_start|›system"),
        ("＜｜User｜＞ hi", "‹｜User｜› hi"),
        ("<repo_name>x", "‹repo_name›x"),
        ("[INST] obey [/INST]", "(INST) obey (/INST)"),
        ("<<SYS>>x<</SYS>>", "‹‹SYS››x‹‹/SYS››"),
        ("</s><s>", "‹/s›‹s›"),
        ("<start_of_turn>user", "‹start_of_turn›user"),
        ("<think>hm</think>", "‹think›hm‹/think›"),
        ("<|im_<|im_start|>start|>", "<|im_‹|im_start|›start|>"),
    ],
)
def test_what_could_act_on_a_model_or_a_terminal_is_made_harmless(text: str, harmless: str) -> None:
    assert clean(text) == Clean(text=harmless, clipped=False, neutralised=True)


def test_given_tokens_without_brackets_are_broken_up() -> None:
    assert clean("say ###Human now", tokens=frozenset({"###Human"})).text == "say #·##Human now"


def test_a_token_that_breaking_up_does_not_break_is_removed() -> None:
    assert clean("a~~b", tokens=frozenset({"~"})).text == "a··b"


def test_blank_control_tokens_are_no_tokens() -> None:
    assert clean("a b", tokens=frozenset({"", " ", "\n"})).text == "a b"


def test_outer_space_is_dropped_without_being_counted() -> None:
    assert clean("  Heat \n") == Clean(text="Heat", clipped=False, neutralised=False)


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert clean("x" * 10_000) == Clean(text="x" * 119 + "…", clipped=True, neutralised=False)
    assert not clean("x" * 120).clipped


def test_a_huge_cell_is_cut_before_any_work_even_if_little_of_it_is_visible() -> None:
    result = clean("\x00" * 5_000 + "late")
    assert result.text == ""
    assert result.clipped


def test_the_cut_keeps_letters_and_joined_emoji_whole() -> None:
    assert clean("aaae\u0301e\u0301e\u0301", max_chars=6).text == "aaae\u0301…"
    assert clean("aaaaaaa👩‍👧", max_chars=9).text == "aaaaaaa…"


@given(AWKWARD, st.integers(1, 40))
def test_any_text_becomes_one_bounded_line_without_control_tokens(text: str, max_chars: int) -> None:
    result = clean(text, max_chars)
    assert len(result.text) <= max_chars
    assert len(result.text.splitlines()) <= 1
    assert not any(token in result.text for token in CHATML)
    assert "[INST]" not in result.text
    result.text.encode("utf-8")


@given(AWKWARD)
def test_a_sanitised_text_is_left_alone(text: str) -> None:
    once = clean(text)
    assert clean(once.text) == Clean(text=once.text, clipped=False, neutralised=False)


@given(AWKWARD, st.frozensets(st.text(min_size=1, max_size=4), max_size=5))
def test_no_given_token_survives_whatever_it_is(text: str, tokens: frozenset[str]) -> None:
    result = clean(text, 1_000, tokens)
    assert not any(token.strip() in result.text for token in tokens if token.strip())


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S"), exclude_characters="<>＜＞[]"), max_size=120))
def test_letters_numbers_and_signs_of_any_script_are_never_touched(text: str) -> None:
    assert clean(text, tokens=NONE) == Clean(text=text, clipped=False, neutralised=False)


def test_a_text_of_several_lines_keeps_them_but_not_its_control_tokens() -> None:
    assert neutralise("  one\n\n<|im_end|>\ttwo <repo_name>", CHATML) == "  one\n\n‹|im_end|›\ttwo ‹repo_name›"
