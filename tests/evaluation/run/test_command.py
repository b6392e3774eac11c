"""Carrying a run out: aggregates, gates, the table, and what Ctrl-C leaves behind."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from rich.console import Console

from evaluation.config import parse_config
from evaluation.errors import RunConfigError
from evaluation.gate import parse_gate
from evaluation.metrics.facts import Facts
from evaluation.run.assemble import Assembled
from evaluation.run.command import Order, bars, carry_out, parse_gates, reported, show
from evaluation.run.journal import read_keys
from evaluation.run.questions import Asking
from evaluation.run.runner import Arm
from evaluation.types import Case, Ranked
from ranking.settings import Settings
from tests.evaluation.run.small_run import ITEMS, Cases, Guess, arm, spec

CONFIG = b"""
data: {kind: store}
protocol: {kind: sampled}
baseline: a
metrics: [ndcg@10, recall@3, mrr@10, ndcg@1, ndcg@5]
arms: {a: {kind: random}, b: {kind: popularity}, right: {kind: bm25}}
"""


@dataclass(frozen=True)
class Consoles:
    out: Console = field(default_factory=lambda: Console(file=io.StringIO(), width=200))
    err: Console = field(default_factory=lambda: Console(file=io.StringIO(), width=200))

    def settings(self) -> Settings:
        return Settings()

    def said(self, console: Console) -> str:
        return cast("io.StringIO", console.file).getvalue()


class Right(Guess):
    async def rank(self, cases: Sequence[Case]) -> list[Ranked]:
        return [Ranked(scores=tuple(float(item.item_id == case.target) for item in case.candidates)) for case in cases]


class Stopped(Guess):
    async def rank(self, cases: Sequence[Case]) -> list[Ranked]:
        if len(self.batches) == 2:
            raise KeyboardInterrupt
        return await super().rank(cases)


def assembled(*rankers: Guess) -> Assembled:
    arms: tuple[Arm, ...] = tuple(arm(ranker) for ranker in rankers)
    known = tuple(sorted(item.item_id for item in ITEMS))
    described = spec([each.name for each in arms])
    return Assembled(
        config=parse_config(CONFIG, source="x", base=Path(), name="small").config,
        arms=arms,
        llm_arms=frozenset(),
        cases=Cases(40),
        facts=Facts(item_ids=known, counts=np.ones(len(known), dtype=np.int64)),
        spec=type(described)(name="small", config={}, digests=described.digests, seeds={}, data={"name": "toys [odd]"}),
        notes=("a note [with brackets]",),
    )


def nothing(stage: str, done: int, total: int) -> None:
    del stage, done, total


def test_a_run_ends_with_a_table_and_verdicts(tmp_path: Path) -> None:
    given, run = Consoles(), assembled(Guess("a"), Guess("b"), Right("right"))
    gates = [parse_gate(text, ["a", "b", "right"]) for text in ("right.ndcg@10 > a.ndcg@10", "b.mrr@10 > right.mrr@10")]
    with bars(given.err) as progress:
        finished = carry_out(given, tmp_path, run, gates, progress)
    assert show(given, tmp_path, run, finished) is False
    shown, told = given.said(given.out), given.said(given.err)
    for part in ("toys [odd]", "difference of NDCG@10 to a", "100.0", "(", f"Results: {tmp_path}"):
        assert part in shown
    assert "ndcg@5" not in shown
    assert "gate 'right.ndcg@10 > a.ndcg@10' holds" in told
    assert "gate 'b.mrr@10 > right.mrr@10' does not hold" in told
    assert "a note [with brackets]" in told


@pytest.mark.parametrize("wanted", [True, False])
def test_a_run_ends_with_what_its_report_says_first(tmp_path: Path, wanted: bool) -> None:
    carry_out(Consoles(), tmp_path, assembled(Guess("a"), Right("right")), [], nothing)
    told = reported(tmp_path, Order(config="x", asking=Asking(), output=None, gates=(), report=wanted))
    if wanted:
        verdict, place = told
        assert verdict.startswith("Not worth it here: the best LLM arm, a ")
        assert f"**{verdict[:40]}" in (tmp_path / "report.md").read_text("utf-8")
        assert place == f"Report: {tmp_path / 'report.html'}"
    else:
        assert told == (f"Report: fewrec report {tmp_path}",)


def test_all_arms_of_the_folder_are_aggregated_whichever_were_asked_for(tmp_path: Path) -> None:
    given = Consoles()
    carry_out(given, tmp_path, assembled(Guess("a"), Guess("b")), [], nothing)
    before = (tmp_path / "metrics.json").read_bytes()
    carry_out(given, tmp_path, assembled(Guess("b")), [], nothing)
    assert (tmp_path / "metrics.json").read_bytes() == before


def test_without_the_baseline_there_are_no_differences(tmp_path: Path) -> None:
    given, run = Consoles(), assembled(Guess("b"))
    finished = carry_out(given, tmp_path, run, [], nothing)
    assert show(given, tmp_path, run, finished) is True
    assert "Holm" not in given.said(given.out)
    assert json.loads((tmp_path / "metrics.json").read_text())["baseline"] is None


def test_a_gate_on_a_metric_without_values_is_refused_before_anything_is_run() -> None:
    file = parse_config(CONFIG, source="x", base=Path(), name="small")
    order = Order(config="x", asking=Asking(), output=None, gates=("right.auc > a.auc",))
    with pytest.raises(RunConfigError, match=r"gate 'right\.auc > a\.auc': auc has no value under protocol"):
        parse_gates(file, order)


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    given = Consoles()
    with pytest.raises(KeyboardInterrupt):
        carry_out(given, tmp_path, assembled(Stopped("a")), [], nothing)
    assert "8 outcomes are kept" in given.said(given.err)
    assert "goes on from there" in given.said(given.err)
    assert {name: len(keys) for name, keys in read_keys(tmp_path).items()} == {"a": 8}
    carry_out(given, tmp_path, assembled(Guess("a")), [], nothing)
    assert len(read_keys(tmp_path)["a"]) == 40
