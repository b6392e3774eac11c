"""The output contract: what is read from usual answers, and that no text whatever loses or invents a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.parsing.order import ParsedOrder, parse_order, read_order, written_order
from ranking.parsing.titles import DEPTH, Found, Titles
from ranking.parsing.tokens import LONGEST_READ
from ranking.types import ParseReport

TITLES = ("Halo 3", "Tetris", "The Sims 2: University", "1942", "It", "霸王别姬", "Toy Story 2 (1999)", "Tetris")


def _named(text: str, titles: Sequence[str] = TITLES) -> list[int]:
    """The numbers that were read, without those that were filled in."""
    parsed = parse_order(text, titles)
    return [index + 1 for index in parsed.order[: len(titles) - parsed.report.missing]]


@pytest.mark.parametrize(
    "text",
    [
        "3, 1, 2",
        "[3] > [1] > [2]",
        "3>1>2",
        "3 1 2",
        "3\n1\n2",
        "3. 1. 2.",
        "(3) (1) (2)",
        "[3, 1, 2]",
        '{"ranking": [3, 1, 2]}',
        '{"1": 3, "2": 1, "3": 2}',
        '```json\n[{"rank": 1, "id": 3}, {"rank": 2, "id": 1}, {"rank": 3, "id": "2"}]\n```',
        "Ranking: 3, 1 and 2",
        "Item 3, Item 1, Item 2",
        "Item_3 then item-1 then #2",
        "Rank 1: Item 3\nRank 2: Item 1\nRank 3: Item 2",
        "1. 3\n2. 1\n3. 2",
        "1. [3]\n2. [1]\n3. [2]",
        "3) The Sims 2: University\n1) Halo 3\n2) Tetris",
        "- **3. The Sims 2: University** - fits\n- **1. Halo 3**: fits\n- **2. Tetris**",
        "1. The Sims 2 - University\n2. HALO 3!\n3. Tetris",
        "1. The Sims\n2. Halo\n3. Tetris",
        "The Sims 2: University\nHalo 3\nTetris",
        '["The Sims 2: University", "Halo 3", "Tetris"]',
        "I would take The Sims 2 University, then Halo 3 and then: Tetris.",
        "３，１、２",
        "【３】＞【１】＞【２】",
        "③ → ① → ②",
        "第3个、第1个、第2个",
        "编号：3\n编号：1\n编号：2",
        "<think>Perhaps 2, 1, 3?</think>\n3, 1, 2",
        "<think>2, 1</think> 3, 1, 2 <think>or 2, 1",
        "They like old games, so 2 first?</think>3, 1, 2",
        "Here are the 20 games, best first:\n3, 1, 2",
        "20 games were given.\n[3] > [1] > [2]",
        "3 is best for somebody who bought 20 games, with 1 behind it, and 2 last",
    ],
)
def test_usual_answers_are_read(text: str) -> None:
    assert _named(text) == [3, 1, 2]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("1. 霸王别姬\n2. Halo 3", [6, 1]),
        ("推荐：霸王别姬，然后 Tetris", [6, 2]),
        ("Tetris, Tetris, Halo 3", [2, 8, 1]),
        ("It is worth it: It", [5]),
        ("1. Toy Story 2 (1999)\n2. 1942", [7, 4]),
        ("<think>3, 1, 2", []),
        ("[3, 1,", [3, 1]),
        ("3rd, 1st", []),
        ("I cannot rank these.", []),
        ("", []),
    ],
)
def test_titles_are_told_from_labels(text: str, named: list[int]) -> None:
    assert _named(text) == named


def test_what_is_not_named_follows_in_the_given_order() -> None:
    assert parse_order("3, 5", "abcde").order == (2, 4, 0, 1, 3)


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ("3, 1, 2", ParseReport()),
        ("3, 1", ParseReport(missing=1, repaired=1)),
        ("3, 1, 3, 2, 3", ParseReport(duplicate=2)),
        ("3, 1, 99, 2, 0", ParseReport(invented=2)),
        ('["A", "Zork", "C", "B"]', ParseReport(invented=1)),
        ("1. C\n2. Zork\n3. A", ParseReport(missing=1, repaired=1, invented=1)),
        ("no", ParseReport(missing=3, repaired=3, fell_back=True)),
        ("7, 8", ParseReport(missing=3, repaired=3, invented=2, fell_back=True)),
    ],
)
def test_what_was_wrong_is_counted(text: str, report: ParseReport) -> None:
    assert parse_order(text, "ABC").report == report


def test_no_candidates_and_one() -> None:
    assert parse_order("3, 1", ()) == ParsedOrder(order=(), report=ParseReport(invented=2))
    assert parse_order("[1]", ("A",)) == ParsedOrder(order=(0,), report=ParseReport())


PIECES = (
    "1", "2", "3", "7", "12", "0", "-1", "99", "1999", "3.5", "٣", "３", "③", "½", "1e9", "9" * 40,
    "[", "]", "{", "}", "(", ")", "【", "】", '"', "'", "`", "```", "```json", ":", ".", ",", ">", "、", "，", ";", "-",
    "\n", "\r\n", "\u2028", "\t", " ", "  ", "\x00", "\ud800", "\u0301", "\ufdfa", "🙂", "<think>", "</think>",
    "<thinking>", "</s>", "<|im_end|>", "Item", "item", "#", "No.", "第", "号", "and", "then", "id", '"id": ', "null",
    "true", "NaN", "\\", *TITLES, "The Sims", "Tetri", "halo", "Zork",
)  # fmt: skip


def garbage(random: Random) -> str:
    kind = random.randrange(5)
    if kind == 0:
        return "".join(chr(random.choice((random.randrange(128), random.randrange(0x11000)))) for _ in range(40))
    if kind == 1:
        return random.choice(PIECES) * random.randrange(1, 60)
    if kind == 2:
        numbers = [str(random.randrange(-2, 14)) for _ in range(random.randrange(30))]
        return random.choice((", ", " > ", "\n", "] > [", "")).join(numbers)
    pieces = [random.choice(PIECES) for _ in range(random.randrange(40))]
    return random.choice(("", " ")).join(pieces)


def _is_kept(text: str, titles: Sequence[str]) -> None:
    parsed = parse_order(text, titles)
    report = parsed.report
    assert sorted(parsed.order) == list(range(len(titles)))
    assert report.repaired == report.missing
    assert report.fell_back == (len(titles) > 0 and report.missing == len(titles))
    tail = parsed.order[len(titles) - report.missing :]
    assert list(tail) == sorted(tail)
    assert parse_order(written_order(parsed.order), titles) == ParsedOrder(order=parsed.order, report=ParseReport())


def test_ten_thousand_made_up_outputs_keep_every_candidate() -> None:
    random = Random(0)
    for _ in range(10_000):
        titles = random.sample(TITLES, random.randrange(len(TITLES) + 1))
        _is_kept(garbage(random), titles)


@given(st.text(), st.lists(st.text(max_size=12), max_size=12))
def test_any_text_about_any_titles_keeps_every_candidate(text: str, titles: list[str]) -> None:
    _is_kept(text, titles)


@given(st.permutations(list(range(7))), st.sampled_from(["{}, ", "[{}] > ", "Item {}\n", "{}. ", "【{}】", "第{}个，"]))
def test_every_permutation_in_every_form_is_read_as_it_is(order: list[int], form: str) -> None:
    text = "".join(form.format(index + 1) for index in order)
    assert parse_order(text, "abcdefg") == ParsedOrder(order=tuple(order), report=ParseReport())


@given(st.permutations(list(range(len(TITLES) - 1))))
def test_every_permutation_of_numbered_titles_is_read_by_title(order: list[int]) -> None:
    lines = "\n".join(f"{place}. {TITLES[index]}" for place, index in enumerate(order, start=1))
    assert parse_order(lines, TITLES[:-1]).order == tuple(order)


class CountingTitles(Titles):
    """The real titles; also counts the tokens it is asked to look through."""

    tokens = 0

    def find(self, tokens: Sequence[str]) -> list[Found]:
        self.tokens += len(tokens)
        return super().find(tokens)


@pytest.mark.parametrize(
    "piece",
    ["1 ", "1\n", "[", "[1] > ", "9", "1.", "<think>", "</think><think>", "`", '{"a":', "the the ", "the x\n", "\ufdfa",
     "> ", "item #"],
)  # fmt: skip
def test_a_text_without_end_costs_a_bounded_number_of_steps(piece: str) -> None:
    titles = CountingTitles([("the " * 40) + str(i) for i in range(50)])
    read_order(piece * (1_000_000 // len(piece)), titles, 50)
    assert titles.tokens <= LONGEST_READ
    assert titles.steps <= (DEPTH + 1) * titles.tokens
