"""How well an utterance is read, slot by slot: python -m benchmarks.chat. Half of the utterances are held out.

Utterances over the bundled sample, with what each must lead to, are in evaluation/chat/utterances.jsonl.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from retrieval.errors import InputError
from retrieval.sample.catalogue import sample_items
from service.chat.conversation import advance, checked
from service.chat.lexicon import load_lexicon
from service.chat.protocol import Reader
from service.chat.rules import RuleReader
from service.chat.types import Conversation, Facet, Span, Turn
from service.chat.vocabulary import Vocabulary, build_vocabulary

UTTERANCES = Path(__file__).parents[1] / "evaluation" / "chat" / "utterances.jsonl"
SLOTS = (
    "like",
    "unlike",
    "seen",
    "told",
    "wanted",
    "refused",
    "range",
    "domain",
    "count",
    "text",
    "ask",
    "unsupported",
    "refuse",
)
_RESAMPLES = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One conversation and what its last state must hold."""

    case_id: str
    language: str
    kind: str
    held_out: bool
    turns: tuple[Mapping[str, Any], ...]
    expected: Mapping[str, Any]


@dataclass(kw_only=True, slots=True)
class Counted:
    """Right, wrong and missing values of one slot in one case."""

    right: int = 0
    wrong: int = 0
    missing: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One case by slot."""

    case: Case
    slots: Mapping[str, Counted] = field(default_factory=dict)
    heard: Mapping[str, frozenset[str]] = field(default_factory=dict)
    readers: tuple[str, ...] = ()
    """Which reader's reading counted, turn by turn."""

    @property
    def exact(self) -> bool:
        """Whether every slot is right."""
        return all(counted.wrong == counted.missing == 0 for counted in self.slots.values())


def cases(path: Path = UTTERANCES) -> tuple[Case, ...]:
    """All cases of the file, in its order."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return tuple(
        Case(
            case_id=row["id"],
            language=row["language"],
            kind=row["kind"],
            held_out=row["held_out"],
            turns=tuple(row["turns"]),
            expected=row["expected"],
        )
        for row in rows
    )


def utterance_of(turn: Mapping[str, Any]) -> str:
    """What is said: some turns are padded to be very long."""
    return str(turn.get("padding", "")) * int(turn.get("times", 0)) + str(turn["say"])


def judge(case: Case, reader: Reader, vocabulary: Vocabulary) -> Judged:
    """`judged` outside of an event loop."""
    return asyncio.run(judged(case, reader, vocabulary))


async def judged(case: Case, reader: Reader, vocabulary: Vocabulary) -> Judged:
    """Reads a case's turns one after another, and compares the last state with what is expected."""
    state, turn = Conversation(), Turn(state=Conversation())
    refused, readers = False, list[str]()
    for said in case.turns:
        state = _with_shown(state, said)
        try:
            utterance = checked(utterance_of(said))
        except InputError:
            refused = True
            continue
        read = await reader.read(state, utterance, vocabulary)
        readers.append(read.reader)
        turn = advance(state, read.reading, vocabulary, utterance)
        state = turn.state
    heard = {"refuse": frozenset({"refuse"})} if refused else _heard(turn)
    slots = {slot: _count(slot, case.expected, heard) for slot in SLOTS}
    return Judged(case=case, slots=slots, heard=heard, readers=tuple(readers))


def _with_shown(state: Conversation, said: Mapping[str, Any]) -> Conversation:
    return replace(state, shown=tuple(said.get("shown", ())))


def _heard(turn: Turn) -> dict[str, frozenset[str]]:
    state = turn.state
    found: dict[str, set[str]] = defaultdict(set)
    for name in ("like", "unlike", "seen"):
        found[name] |= set(getattr(state, name))
    found["told"] = {("+" if told.liked else "-") + told.item_id for told in state.told}
    for condition in state.conditions:
        if isinstance(condition, Facet):
            values = "|".join(sorted(condition.values))
            if condition.refused:
                found["refused"] |= {f"{condition.attribute}={value}" for value in condition.values}
            else:
                found["wanted"].add(f"{condition.attribute}={values}")
        else:
            found["range"].add(_range(condition))
    if state.domain is not None:
        found["domain"] = {state.domain}
    if state.count is not None:
        found["count"] = {str(state.count)}
    if state.question is not None:
        found["ask"] = {state.question.kind}
    if state.text is not None:
        found["text"] = set(state.text.split())
    found["unsupported"] = set(turn.unsupported)
    return {name: frozenset(values) for name, values in found.items()}


def _range(span: Span) -> str:
    low = "" if span.low is None else f"{span.low:g}"
    high = "" if span.high is None else f"{span.high:g}"
    return f"{'not ' if span.refused else ''}{span.attribute}={low}..{high}"


def _expected(slot: str, expected: Mapping[str, Any]) -> list[str]:
    if slot == "range":
        return [*expected.get("range", ()), *(f"not {each}" for each in expected.get("notrange", ()))]
    told = expected.get(slot)
    if told is None:
        return []
    if slot == "wanted":
        return [
            "=".join((each.partition("=")[0], "|".join(sorted(each.partition("=")[2].split("|"))))) for each in told
        ]
    if isinstance(told, bool):
        return [slot] if told else []
    return [str(each) for each in told] if isinstance(told, list) else [str(told)]


def _count(slot: str, expected: Mapping[str, Any], heard: Mapping[str, frozenset[str]]) -> Counted:
    wanted = _expected(slot, expected)
    # A question mark behind a value: right with it and without it.
    must = [each for each in wanted if not each.endswith("?")]
    may = [each[:-1] for each in wanted if each.endswith("?")]
    found = heard.get(slot, frozenset())
    if slot == "text":
        joined = " ".join(found)
        right = sum(each in joined for each in must)
        extra = [word for word in found if not any(each in word or word in each for each in (*must, *may))]
        return Counted(right=right, wrong=len(extra), missing=len(must) - right)
    right = len(found & set(must))
    return Counted(right=right, wrong=len(found - set(must) - set(may)), missing=len(set(must) - found))


def table(judged: Sequence[Judged], title: str) -> Table:
    """Precision, recall and F1 of every slot and language, with a bootstrap interval of F1 over cases."""
    shown = Table(title=title)
    for column in ("slot", "language", "values", "precision", "recall", "F1", "95% interval"):
        shown.add_column(column, justify="left" if column in {"slot", "language"} else "right")
    for slot in (*SLOTS, "all slots"):
        for language in ("en", "zh"):
            rows = [_sums(each, slot) for each in judged if each.case.language == language]
            counts = np.array(rows, dtype=np.int64).reshape(-1, 3)
            right, wrong, missing = counts.sum(axis=0)
            if not right + wrong + missing:
                continue
            low, high = _interval(counts)
            shown.add_row(
                slot,
                language,
                str(right + missing),
                _share(right, right + wrong),
                _share(right, right + missing),
                f"{_f1(counts):.3f}",
                f"{low:.3f} to {high:.3f}",
            )
    return shown


def _sums(judged: Judged, slot: str) -> tuple[int, int, int]:
    counted = judged.slots.values() if slot == "all slots" else [judged.slots[slot]]
    return sum(c.right for c in counted), sum(c.wrong for c in counted), sum(c.missing for c in counted)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def _f1(counts: np.ndarray[Any, np.dtype[np.int64]]) -> float:
    right, wrong, missing = counts.sum(axis=0)
    return float(2 * right / max(2 * right + wrong + missing, 1))


def _interval(counts: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[float, float]:
    drawn = np.random.default_rng(7)
    scores = [_f1(counts[drawn.integers(0, len(counts), len(counts))]) for _ in range(_RESAMPLES)]
    return float(np.percentile(scores, 2.5)), float(np.percentile(scores, 97.5))


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables; --wrong shows the cases that are not read rightly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("open", "held-out", "both"), default="both")
    parser.add_argument("--wrong", action="store_true", help="show every case of the part that is not read rightly")
    parser.add_argument("--replies", action="store_true", help="hold the conversations and check every reply as well")
    parser.add_argument("--llm", type=int, metavar="N", help="hold N of them with the packaged LLM ranking")
    parser.add_argument("--reader", choices=("rules", "llm"), default="rules", help="llm: the packaged model reads")
    parser.add_argument("--first", type=int, metavar="N", help="N of the conversations, from all over the file")
    given = parser.parse_args(arguments)
    if given.reader == "llm":
        return _compare_readers(cases(), given.first, Console(width=140))
    vocabulary = build_vocabulary({item.item_id: item for item in sample_items()}, load_lexicon())
    reader, console = RuleReader(), Console(width=140)
    for part in ("open", "held-out"):
        if given.part not in {part, "both"}:
            continue
        judged = [judge(case, reader, vocabulary) for case in cases() if case.held_out == (part == "held-out")]
        exact = sum(each.exact for each in judged)
        console.print(table(judged, f"Reading utterances, {part} (n = {len(judged)}; wholly right {exact})"))
        for each in judged if given.wrong else ():
            if not each.exact:
                console.print(
                    each.case.case_id, [turn["say"] for turn in each.case.turns], markup=False, highlight=False
                )
                console.print("   expected", dict(each.case.expected), markup=False, highlight=False)
                console.print(
                    "   heard   ", {k: set(v) for k, v in each.heard.items() if v}, markup=False, highlight=False
                )
    if not given.replies and given.llm is None:
        return 0
    chosen = [case for case in cases() if given.part == "both" or case.held_out == (given.part == "held-out")]
    return _check_replies(
        chosen if given.llm is None else chosen[:: max(len(chosen) // given.llm, 1)], console, llm=given.llm is not None
    )


def _compare_readers(every: Sequence[Case], n: int | None, console: Console) -> int:
    """The same conversations read by the rules and by the packaged model; both halves, open and held out."""
    from ranking.factory import open_engine
    from ranking.settings import load_settings
    from service.chat.llm import reader_for

    chosen = every if n is None else every[:: max(len(every) // n, 1)][:n]
    vocabulary = build_vocabulary({item.item_id: item for item in sample_items()}, load_lexicon())
    rules, settings = RuleReader(), load_settings()
    console.print(table([judge(case, rules, vocabulary) for case in chosen], f"Read by rules (n = {len(chosen)})"))

    async def read() -> list[Judged]:
        with open_engine(settings) as engine:
            reader = reader_for(engine, "llm", rules)
            start = time.perf_counter()
            found = [await judged(case, reader, vocabulary) for case in chosen]
            turns = [name for each in found for name in each.readers]
            console.print(
                f"{engine.info.model}: {turns.count('llm')} of {len(turns)} turns read by it, the others by the rules; "
                f"{(time.perf_counter() - start) / max(len(turns), 1):.1f} s a turn"
            )
        return found

    found = asyncio.run(read())
    exact = sum(each.exact for each in found)
    console.print(table(found, f"Read by the LLM (n = {len(chosen)}; wholly right {exact})"))
    return 0


def _check_replies(chosen: Sequence[Case], console: Console, *, llm: bool) -> int:
    from contextlib import closing

    from benchmarks.chat_replies import converse
    from ranking.engines.transformers import TransformersEngine
    from ranking.settings import load_settings
    from retrieval.embedder import SentenceEmbedder

    settings = load_settings()
    embedder = SentenceEmbedder(settings.embedder.model, settings.embedder.batch_size)
    with closing(TransformersEngine(settings.model, settings.cache)) as engine:
        found = converse(chosen, engine, embedder, utterance_of, llm=llm)
    shown = Table(
        title=f"Replies to {len(chosen)} conversations, ranked by {'the LLM and signals' if llm else 'signals'}"
    )
    for column in ("replies", "that ask", "items", "facts", "break a condition as read", "as expected", "unfounded"):
        shown.add_column(column, justify="right")
    counts = (found.replies, found.questions, found.items, found.facts)
    broken = (found.violating, found.against_expected, found.ungrounded)
    shown.add_row(*map(str, counts), *(str(len(each)) for each in broken))
    console.print(shown)
    for problem in (*found.violating, *found.ungrounded):
        console.print(problem, markup=False, highlight=False)
    return 1 if found.violating or found.ungrounded else 0


if __name__ == "__main__":
    sys.exit(main())
