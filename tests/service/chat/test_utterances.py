"""The bundled utterances, read by the rules; `python -m benchmarks.chat` prints the whole table."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.chat import SLOTS, Judged, cases, judge
from service.chat.rules import RuleReader
from service.chat.vocabulary import Vocabulary

HARD = tuple(slot for slot in SLOTS if slot != "text")
"""Slots that become conditions: a mood is only a nearness."""


def f1(judged: Sequence[Judged], slots: Sequence[str]) -> float:
    counted = [each.slots[slot] for each in judged for slot in slots]
    right = sum(c.right for c in counted)
    return 2 * right / (2 * right + sum(c.wrong + c.missing for c in counted))


def test_there_are_enough_utterances_of_every_kind() -> None:
    every = cases()
    assert len(every) >= 240
    assert sum(case.language == "zh" for case in every) >= 0.48 * len(every)
    assert {"single", "multi", "negation", "typo", "injection", "unicode", "long"} <= {case.kind for case in every}
    assert 0.4 < sum(case.held_out for case in every) / len(every) < 0.6
    assert len({case.case_id for case in every}) == len(every)


def test_conditions_are_read_rightly_in_both_halves(sample: Vocabulary, reader: RuleReader) -> None:
    judged = [judge(case, reader, sample) for case in cases()]
    for held_out, least in ((False, 0.98), (True, 0.90)):
        half = [each for each in judged if each.case.held_out == held_out]
        assert f1(half, HARD) >= least, f"held out: {held_out}"


def test_what_is_refused_is_never_wanted(sample: Vocabulary, reader: RuleReader) -> None:
    for case in cases():
        heard = judge(case, reader, sample).heard
        wanted = {value for one in heard.get("wanted", ()) for value in one.partition("=")[2].split("|")}
        assert not {one.partition("=")[2] for one in case.expected.get("refused", ())} & wanted, case.case_id
