"""Running arms: nothing twice, nothing lost, and the same results whatever the batch, the order or the interruption."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from evaluation.errors import EvaluationError
from evaluation.run.folder import RunFolder
from evaluation.run.journal import FILE_NAME, read_keys, read_outcomes
from evaluation.run.runner import blocks, run_arms
from evaluation.types import Case, Ranked
from retrieval.types import Item
from tests.evaluation.run.small_run import SEED, Cases, Guess, arm, case, run, spec


def test_results_do_not_depend_on_batch_order_or_shards(tmp_path: Path) -> None:
    one = run(tmp_path / "one", [Guess("a"), Guess("b")], Cases(40), batch=1)
    many = run(tmp_path / "many", [Guess("a"), Guess("b")], Cases(40), batch=64)
    assert many == one

    shards = tmp_path / "shards"
    for ranker, start, stop in (("b", 25, 40), ("a", 10, 40), ("b", 0, 25), ("a", 0, 10)):
        with RunFolder(shards, spec()) as folder:
            asyncio.run(run_arms(folder, [arm(Guess(ranker))], Cases(stop, start), seed=SEED))
    assert run(shards, [Guess("a"), Guess("b")], Cases(40)) == one


def test_what_is_there_is_not_run_again_and_its_arm_not_loaded(tmp_path: Path) -> None:
    run(tmp_path, [Guess("a")], Cases(10))
    first, second = Guess("a"), Guess("b")
    run(tmp_path, [first, second], Cases(10))
    assert (first.opened, second.opened) == (0, 1)
    longer = Guess("a")
    run(tmp_path, [longer, Guess("b")], Cases(13))
    assert sum(longer.batches) == 3
    assert {name: len(keys) for name, keys in read_keys(tmp_path).items()} == {"a": 13, "b": 13}


def test_progress_counts_what_was_done_before(tmp_path: Path) -> None:
    run(tmp_path, [Guess("a")], Cases(5))
    heard: list[tuple[str, int, int]] = []
    with RunFolder(tmp_path, spec()) as folder:
        heard_by = run_arms(folder, [arm(Guess("a"))], Cases(10), seed=SEED, progress=lambda *step: heard.append(step))
        asyncio.run(heard_by)
    assert heard == [("a", 5, 10), ("a", 9, 10), ("a", 10, 10)]


def test_killed_at_any_moment_it_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", [Guess("a"), Guess("b")], Cases(200), batch=50)
    folder, journal = tmp_path / "killed", tmp_path / "killed" / FILE_NAME
    program = [sys.executable, "-m", "tests.evaluation.run.small_run", str(folder)]
    for lines in (1, 90, 230):
        worker = subprocess.Popen(program)
        deadline = time.monotonic() + 60
        while not (journal.exists() and journal.read_bytes().count(b"\n") >= lines) and time.monotonic() < deadline:
            time.sleep(0.005)
        worker.kill()
        assert worker.wait() == -9
        with journal.open("ab") as file:
            file.write(b'{"arm":"a","case_id":"torn')
    assert not (folder / "metrics.json").exists()
    assert run(folder, [Guess("a"), Guess("b")], Cases(200)) == whole
    assert len(list(read_outcomes(folder))) == 400


class TooFew(Guess):
    async def rank(self, cases: Sequence[Case]) -> list[Ranked]:
        return (await super().rank(cases))[1:]


class NotANumber(Guess):
    async def rank(self, cases: Sequence[Case]) -> list[Ranked]:
        return [Ranked(scores=(float("nan"),) * len(case.candidates)) for case in cases]


@pytest.mark.parametrize(("kind", "told"), [(TooFew, "gave 3 answers to 4 cases"), (NotANumber, "as nan")])
def test_an_arm_that_breaks_its_promise_is_told(tmp_path: Path, kind: type[Guess], told: str) -> None:
    with RunFolder(tmp_path, spec()) as folder, pytest.raises(EvaluationError, match=told):
        asyncio.run(run_arms(folder, [arm(kind("a"))], Cases(10), seed=SEED))


def test_aggregates_are_sorted_rounded_and_free_of_times(tmp_path: Path) -> None:
    text = run(tmp_path, [Guess("b"), Guess("a")], Cases(40)).decode()
    value = json.loads(text)
    assert text == json.dumps(value, indent=2, sort_keys=True) + "\n"
    assert "seconds" not in text
    assert set(json.loads((tmp_path / "costs.json").read_text())) == {"a", "b"}


def test_blocks_of_whole_catalogues_are_smaller() -> None:
    many = (Item(item_id="x", title="x"),) * 90_000
    sizes = [len(block) for block in blocks([case(n, candidates=many) for n in range(7)], 100)]
    assert sizes == [3, 3, 1]
