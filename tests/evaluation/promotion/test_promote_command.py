"""From a run of a user's own store to what serves: tiny models, made-up answers of the arms, their real digests."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from evaluation.config import load_config
from evaluation.errors import RunFolderError, RunMismatchError
from evaluation.promotion.command import Order, promote
from evaluation.protocol import Ranker
from evaluation.run.assemble import open_run
from evaluation.run.folder import RunFolder
from evaluation.run.questions import Asking
from evaluation.run.runner import run_arms
from evaluation.types import Case, Ranked
from ranking.errors import ModelError, PromotionError
from ranking.factory import open_on, served_settings
from ranking.registry import AdapterRegistry
from ranking.settings import ModelSettings, Settings
from ranking.tuning.adapter import read_adapter, revise_adapter
from retrieval.config import RetrievalSettings
from retrieval.record import Record
from retrieval.store import open_store
from retrieval.types import Interaction, Item, Query, User
from service.cli.main import app
from service.exit_codes import ExitCode
from tests.evaluation.run.test_command import Consoles
from tests.fakes import HashingEmbedder
from tests.ranking.tiny_model import save_tiny_model
from tests.ranking.tuning.lists import tune_tiny

WEIGHTS = "adapter_model.safetensors"
SERVED = {"kind": "llm", "strategy": "yes-no", "language": "en"}
"""As `fewrec tune` writes it."""


@dataclass(frozen=True)
class Shop(Consoles):
    """The command line's part, with the settings of one user."""

    model: Path = Path()
    tuned: bool = True
    out: Console = field(default_factory=lambda: Consoles().out)

    def settings(self) -> Settings:
        return Settings(
            model=ModelSettings(name=str(self.model), device="cpu", dtype="float32"),
            retrieval=RetrievalSettings(n_candidates=10),
            tuned=self.tuned,
        )


@dataclass(frozen=True)
class Answers:
    """Finds the target in a share of the cases, else puts it last; stands for an arm."""

    name: str
    good: float

    def open(self) -> AbstractContextManager[Ranker]:
        return nullcontext(self)

    async def rank(self, cases: Sequence[Case]) -> list[Ranked]:
        return [Ranked(scores=tuple(self._score(case, item.item_id) for item in case.candidates)) for case in cases]

    def _score(self, case: Case, item_id: str) -> float:
        number = int(case.case_id.removeprefix("u"))
        found = 1.0 if number % 10 < 10 * self.good else -1.0
        return found * (item_id == case.target)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tuned(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned")
    for seed, name in enumerate(("first", "second")):
        tune_tiny(tiny, folder / name, epochs=1, seed=seed)
        revise_adapter(folder / name, fusion={"llm": 0.5})
    return folder


@pytest.fixture
def shop(tiny: Path, own_folders: Path) -> Shop:
    record = Record.open(str(own_folders / "record.db"))
    record.put_items([Item(item_id=f"i{n}", title=f"Film {n}") for n in range(24)])
    record.put_users([User(user_id=f"u{user}") for user in range(60)])
    record.put_interactions(
        [
            Interaction(
                user_id=f"u{user}", item_id=f"i{(user * 7 + step * (1 + user % 3)) % 24}", timestamp=float(step)
            )
            for user in range(60)
            for step in range(6)
        ]
    )
    record.close()
    return Shop(model=tiny)


def evaluate(
    given: Shop, folder: Path, adapters: Mapping[str, Path], good: Mapping[str, float], **changes: Any
) -> Path:
    """Runs arms `signals` and those of the adapters, with made-up answers, and returns the run's folder."""
    config: dict[str, Any] = {
        "data": {"kind": "store"},
        "protocol": {"kind": "end-to-end", "depth": 10},
        "arms": {
            "signals": {"kind": "signals"},
            **{name: {**SERVED, "adapter": str(path), "fusion": "served"} for name, path in adapters.items()},
        },
    }
    folder.mkdir(exist_ok=True)
    path = folder / "evaluation.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in (config | changes).items() if value is not None}))
    run = folder / "run"
    with open_run(load_config(str(path)), given.settings(), Asking(), embedder=HashingEmbedder()) as opened:
        arms = [dataclasses.replace(arm, open=Answers(arm.name, good.get(arm.name, 0.3)).open) for arm in opened.arms]
        with RunFolder(run, opened.spec) as begun:
            asyncio.run(run_arms(begun, arms, opened.cases, seed=0))
    return run


def serving(given: Shop) -> str | None:
    current = AdapterRegistry(given.settings().home).current()
    return None if current is None else current.label


def served_answer(given: Shop) -> str | None:
    settings = served_settings(given.settings())
    with (
        open_store(home=settings.home, record_url=None, index_url=None, embedder=HashingEmbedder()) as store,
        open_on(store, settings) as recommender,
    ):
        store.catch_up()
        answer = asyncio.run(recommender.recommend(Query(user_id="u1"), 3))
    return None if answer.engine is None else answer.engine.adapter


def test_a_win_promotes_the_answers_name_it_and_the_next_one_must_beat_it(
    shop: Shop, tuned: Path, tmp_path: Path
) -> None:
    run = evaluate(shop, tmp_path, {"fused": tuned / "first"}, {"fused": 1.0})
    assert served_answer(shop) is None
    assert promote(shop, Order(folder=tuned / "first", run=run))
    label = read_adapter(tuned / "first").manifest.label
    assert serving(shop) == label == served_answer(shop)
    assert f"{label} serves from now on" in shop.said(shop.out)
    assert "gate 'fused.ndcg@10 > signals.ndcg@10' holds" in shop.said(shop.err)
    current = AdapterRegistry(shop.settings().home).current()
    assert current is not None
    assert current.evidence is not None
    assert (current.evidence.run, [one.against for one in current.evidence.differences]) == ("run", ["signals"])
    with pytest.raises(PromotionError, match="serves already"):
        promote(shop, Order(folder=tuned / "first", run=run))

    second = tuned / "second"
    run = evaluate(shop, tmp_path / "b", {"fused": second}, {"fused": 1.0})
    with pytest.raises(RunMismatchError, match=r"Add it to the evaluation's arms and run it: `served: \{kind: llm"):
        promote(shop, Order(folder=second, run=run))
    kept = current.folder
    run = evaluate(shop, tmp_path / "c", {"fused": second, "served": kept}, {"fused": 1.0, "served": 1.0})
    assert not promote(shop, Order(folder=second, run=run))
    assert f"{label} goes on serving" in shop.said(shop.err)
    assert "the signals alone" not in shop.said(shop.err)
    run = evaluate(shop, tmp_path / "d", {"fused": second, "served": kept}, {"fused": 1.0, "served": 0.4})
    assert promote(shop, Order(folder=second, run=run))
    assert serving(shop) == read_adapter(second).manifest.label == served_answer(shop)
    AdapterRegistry(shop.settings().home).rollback()
    assert served_answer(shop) == label


def test_without_a_win_nothing_changes_and_the_signals_are_recommended(
    shop: Shop, tuned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = evaluate(shop, tmp_path, {"fused": tuned / "first"}, {"fused": 0.3, "signals": 0.5})
    assert not promote(shop, Order(folder=tuned / "first", run=run))
    assert serving(shop) is None
    told = shop.said(shop.err)
    assert "gate 'fused.ndcg@10 > signals.ndcg@10' does not hold: NDCG@10 differs by −" in told
    assert "this adapter is not shown to be better here than the signals alone" in told
    assert "FEWREC_FUSION__LLM=0" in told
    monkeypatch.setenv("FEWREC_MODEL__NAME", str(shop.model))
    monkeypatch.setenv("FEWREC_MODEL__DEVICE", "cpu")
    monkeypatch.setenv("FEWREC_MODEL__DTYPE", "float32")
    monkeypatch.setenv("FEWREC_RETRIEVAL__N_CANDIDATES", "10")
    result = CliRunner().invoke(app, ["models", "promote", str(tuned / "first"), "--run", str(run)])
    assert result.exit_code == ExitCode.GATE
    assert "the model as it is goes on serving" in result.stderr


def test_a_run_of_something_else_is_refused(shop: Shop, tuned: Path, tmp_path: Path) -> None:
    order = Order(folder=tuned / "first", run=tmp_path / "run")
    with pytest.raises(RunFolderError, match="is no run folder"):
        promote(shop, order)
    evaluate(shop, tmp_path, {"fused": tuned / "second"}, {"fused": 1.0})
    with pytest.raises(RunMismatchError, match="no arm of"):
        promote(shop, order)
    copy = Path(shutil.copytree(tuned / "second", tmp_path / "copy"))
    revise_adapter(copy, fusion={"llm": 0.75})
    with pytest.raises(RunMismatchError, match="no arm of"):  # other weights of the fusion are another adapter
        promote(shop, Order(folder=copy, run=order.run))
    run = evaluate(
        shop,
        tmp_path / "other",
        {},
        {},
        arms={"signals": {"kind": "signals"}, "tuned": {**SERVED, "adapter": str(tuned / "first")}},
    )
    with pytest.raises(RunMismatchError, match=r"not as your settings serve it; what differs: arm 'tuned' \(fusion\)"):
        promote(shop, Order(folder=tuned / "first", run=run))
    fused = {**SERVED, "adapter": str(tuned / "first"), "fusion": "served"}
    run = evaluate(shop, tmp_path / "alone", {}, {}, arms={"fused": fused})
    with pytest.raises(RunMismatchError, match="no arm of the signals alone"):
        promote(shop, Order(folder=tuned / "first", run=run))
    record = Record.open(str(shop.settings().home / "record.db"))
    record.put_interactions([Interaction(user_id="u1", item_id="i3", timestamp=99.0)])
    record.close()
    with pytest.raises(RunMismatchError, match="asked about other data"):
        promote(shop, Order(folder=tuned / "second", run=order.run))
    assert serving(shop) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"protocol": {"kind": "sampled", "negatives": {"n": 4}}}, "did not rank what is served"),
        ({"known_interactions": 100}, "knew only about 100"),
        ({"arms": {"popularity": {"kind": "popularity"}}}, "no arm of"),
    ],
)
def test_a_run_that_is_not_as_served_is_refused(
    shop: Shop, tuned: Path, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    run = evaluate(shop, tmp_path, {"fused": tuned / "first"}, {"fused": 1.0}, **changes)
    with pytest.raises(RunMismatchError, match=told):
        promote(shop, Order(folder=tuned / "first", run=run))


def test_a_cut_off_adapter_and_one_of_another_model_are_refused(shop: Shop, tuned: Path, tmp_path: Path) -> None:
    run = evaluate(shop, tmp_path, {"fused": tuned / "first"}, {"fused": 1.0})
    promote(shop, Order(folder=tuned / "first", run=run))
    label = serving(shop)
    cut = Path(shutil.copytree(tuned / "second", tmp_path / "cut"))
    (cut / WEIGHTS).write_bytes((cut / WEIGHTS).read_bytes()[:100])
    with pytest.raises(ModelError, match="has 100 bytes"):
        promote(shop, Order(folder=cut, run=run))
    other = save_tiny_model(tmp_path / "other")
    weights = next(other.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="was tuned on"):
        promote(Shop(model=other), Order(folder=tuned / "second", run=run))
    assert serving(shop) == label == served_answer(shop)


def test_damaged_files_of_what_serves_do_not_stand_in_the_way(shop: Shop, tuned: Path, tmp_path: Path) -> None:
    run = evaluate(shop, tmp_path, {"fused": tuned / "first"}, {"fused": 1.0})
    promote(shop, Order(folder=tuned / "first", run=run))
    current = AdapterRegistry(shop.settings().home).current()
    assert current is not None
    (current.folder / WEIGHTS).write_bytes(b"")
    silent = dataclasses.replace(shop, tuned=False)
    assert promote(silent, Order(folder=tuned / "first", run=run))
    assert "it can no longer be loaded" in shop.said(shop.err)
    assert "tuned: false" in shop.said(shop.err)
    assert served_answer(shop) == current.label
