"""One adapter for each way to show a list, all judged by the same lists; with and without the signals."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.prompt_arms.arms import SIGNALS, Point, PromptArms, Read, crossed, read_lists, table
from benchmarks.prompt_arms.lists import gather_lists
from benchmarks.prompt_arms.shown import ARMS, DIGITS, TITLES
from benchmarks.tuned import Workbench
from evaluation.tuning.config import FusionConfig, TuneFile, load_tune_config
from evaluation.tuning.fusion import FusionCase
from evaluation.tuning.parts import Parts
from prompts.template import Template, load_template
from prompts.types import PromptContext
from ranking.settings import ModelSettings, load_settings
from ranking.tuning.types import TuningExample
from retrieval.types import Signals
from tests.benchmarks.test_domains import FakeParts
from tests.evaluation.tuning.test_tune_command import write_config
from tests.fakes import HashingEmbedder
from tests.ranking.tiny_model import save_tiny_model
from tests.ranking.tuning.lists import examples

PROTOCOL = {"kind": "sampled", "negatives": {"n": 4}, "users": 5}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))


class FakeReader:
    """A model's scores are the candidates' places; remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: dict[Path | None, list[PromptContext]] = {}

    def __call__(
        self, model: ModelSettings, cache: Path, template: Template, max_tokens: int, contexts: Sequence[PromptContext]
    ) -> list[Read]:
        assert template.name == "sequential"
        self.shown[model.adapter] = list(contexts)
        return [Read(scores=tuple(map(float, range(len(one.candidates)))), tokens=10, seconds=0.5) for one in contexts]


def bench(parts: FakeParts) -> Workbench:
    fakes = Parts(tune=parts.tune, score=parts.score)
    return Workbench(load_settings(), fakes, Console(), None, HashingEmbedder())


def file_in(folder: Path) -> TuneFile:
    return load_tune_config(write_config(folder, protocol=PROTOCOL))


def arms(folder: Path, parts: FakeParts, reader: FakeReader, *names: str) -> PromptArms:
    chosen = Namespace(arms=names, seeds=[0], n=6, lists=32, start="untuned", output=folder / "out")
    return PromptArms(chosen, file_in(folder), bench(parts), reader)


def test_an_arm_tunes_and_is_judged_by_what_it_shows_and_is_made_once(tmp_path: Path) -> None:
    parts, reader = FakeParts(), FakeReader()
    points = arms(tmp_path, parts, reader, TITLES, "history 20", "description", DIGITS).points()
    assert [point.key for point in points] == [
        (SIGNALS, 0), (TITLES, 0), ("history 20", 0), ("description", 0), (DIGITS, 0),
    ]  # fmt: skip
    # Nobody has a longer past than eight and nothing is described: these arms would show what the first one shows.
    assert [len(point.ndcgs) for point in points] == [0, 32, 0, 0, 32]
    assert [len(point.fused) for point in points] == [32, 32, 0, 0, 32]
    plain, told = reader.shown.values()
    assert [len(tuned[1]) for tuned in parts.tuned.values()] == [6, 6]
    for one, other in zip(plain, told, strict=True):
        assert [item.item_id for item in one.candidates] == [item.item_id for item in other.candidates]
        assert all(
            f"{item.title} (popular " in shown.title
            for item, shown in zip(one.candidates, other.candidates, strict=True)
        )
        assert one.history == other.history
    again = FakeReader()
    assert arms(tmp_path, FakeParts(), again, TITLES, "history 20", "description", DIGITS).points() == points
    assert not again.shown


def test_every_arm_shows_the_same_lists_of_users_whom_no_test_asks(tmp_path: Path) -> None:
    lists = gather_lists(file_in(tmp_path), bench(FakeParts()), list(ARMS), n=6, n_judged=100, seed=0)

    def asked(found: Sequence[TuningExample]) -> list[tuple[str, tuple[str, ...], tuple[float, ...]]]:
        return [
            (one.example_id, tuple(item.item_id for item in one.context.candidates), one.relevance) for one in found
        ]

    for made in (lists.examples, lists.judged):
        assert set(made) == set(ARMS)
        assert all(asked(found) == asked(made[TITLES]) for found in made.values())
    assert len(lists.judged[TITLES]) == len(lists.signals) == 35  # of forty users, five of whom are asked
    assert max(len(one.context.history) for one in lists.judged["history 5"]) <= 5
    shots = [one for found in (lists.examples, lists.judged) for one in found["shots 2"]]
    assert max(len(one.context.demonstrations) for one in shots) == 2
    for one in shots:
        offered = {item.item_id for item in one.context.candidates}
        assert not {shot.chosen.item_id for shot in one.context.demonstrations} & offered


def test_a_choice_is_no_evidence_of_itself(tmp_path: Path) -> None:
    write_config(tmp_path, protocol=PROTOCOL)
    rows = [f"u{user},i{user * 5 + step},{step}" for user in range(6) for step in range(5)]
    (tmp_path / "interactions.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]))
    file = load_tune_config(str(tmp_path / "shop.yaml"))
    lists = gather_lists(file, bench(FakeParts()), [DIGITS], n=6, n_judged=4, seed=0)
    for one in lists.examples[DIGITS]:
        taken = one.context.candidates[one.relevance.index(1.0)]
        assert "(popular 0, together 0, alike " in taken.title  # nobody else took it


def test_weights_come_from_the_other_half_of_the_lists() -> None:
    def case(sign: float) -> FusionCase:
        return FusionCase(signals=tuple(Signals(similarity_max=sign * at) for at in (0.1, 0.2, 0.9)), target=2)

    cases = [case(1.0 if at % 2 else -1.0) for at in range(32)]
    found = crossed(cases, None, FusionConfig(l2=0.01))
    assert found is not None
    # In the odd lists the nearest was taken, in the even ones the farthest: each half misleads the other.
    assert all(scores[2] == min(scores) for scores in found)
    assert crossed(cases[:31], None, FusionConfig()) is None


def test_the_table_holds_evidence_in_the_prompt_against_evidence_outside() -> None:
    points = [
        Point(arm=SIGNALS, seed=0, fused=(0.4, 0.4, 0.4)),
        Point(arm=TITLES, seed=0, ndcgs=(0.1, 0.2, 0.3), fused=(0.5, 0.5, 0.5), tokens=300.0, seconds=0.5),
        Point(arm=TITLES, seed=1, ndcgs=(0.3, 0.4, 0.5), fused=(0.5, 0.5, 0.5), tokens=302.0, seconds=0.7),
        Point(arm="description", seed=0),
        Point(arm=DIGITS, seed=0, ndcgs=(0.4, 0.5, 0.6), fused=(0.5, 0.5, 0.5), tokens=600.0, seconds=1.0),
    ]
    lines = table(points).splitlines()
    assert lines[2] == "| no LLM | – | – | 40.0 | -10.0 (-10.0 to -10.0) | – | – | – |"
    assert lines[3] == "| titles | 30.0 | – | 50.0 | – | +10.0 (10.0 to 10.0) | 301 | 0.60 |"
    assert lines[4].startswith("| description (the data have nothing of it) | – | – | – |")
    assert lines[5].startswith("| digits | 50.0 | +20.0 (20.0 to 20.0) | 50.0 | – | +10.0 (10.0 to 10.0) | 600 |")
    assert lines[-1].endswith("(titles, with the signals): +0.0 (-10.0 to 10.0)")


def test_a_model_reads_list_by_list(tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny")
    model = ModelSettings(name=str(tiny), device="cpu", dtype="float32")
    contexts = [one.context for one in examples(2)]
    found = read_lists(model, tmp_path / "cache", load_template("sequential"), 400, contexts)
    assert [len(one.scores) for one in found] == [len(one.candidates) for one in contexts]
    assert all(one.tokens > 40 and one.seconds > 0 for one in found)
