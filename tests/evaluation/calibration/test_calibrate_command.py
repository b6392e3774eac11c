"""From a store to its probabilities; only the models are fakes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from evaluation.calibration.command import PLOT, Order, calibrate
from evaluation.errors import RunConfigError
from ranking.calibration.file import read_calibration
from ranking.factory import calibration_for, choose_fusion, served_settings
from ranking.recommender import Recommender
from ranking.settings import Settings
from retrieval.record import Record
from retrieval.store import Store
from retrieval.types import Interaction, Item, User
from tests.evaluation.run.test_command import Consoles
from tests.fakes import HashingEmbedder
from tests.service.api.shop import recommender_of


@pytest.fixture
def store(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """60 users over 80 items of which some are taken far more often, so that popularity tells what is taken next."""
    monkeypatch.setenv("FEWREC_TUNED", "false")
    rng = np.random.default_rng(5)
    record = Record.open(str(own_folders / "record.db"))
    record.put_items([Item(item_id=f"i{n:02}", title=f"tale {n}") for n in range(80)])
    record.put_users([User(user_id=f"u{n:02}") for n in range(60)])
    fame = 0.9 ** np.arange(80)
    taken = [(u, int(i)) for u in range(60) for i in rng.choice(80, 8, replace=False, p=fame / fame.sum())]
    record.put_interactions(
        [Interaction(user_id=f"u{u:02}", item_id=f"i{i:02}", timestamp=1000.0 + at) for at, (u, i) in enumerate(taken)]
    )
    record.close()


@contextmanager
def scripted(store: Store, _: Settings) -> Iterator[Recommender]:
    yield recommender_of(store)


@pytest.mark.usefixtures("store")
def test_a_store_gets_probabilities_that_its_settings_find_again(own_folders: Path) -> None:
    given = Consoles()
    made = calibrate(given, Order(), HashingEmbedder(), scripted)
    assert made.signals is not None
    assert made.llm is None
    assert made.signals.n_cases == 60
    assert 0 < made.signals.base_rate < 1 / 20, "lists that missed what was taken count too"
    assert "signals" in given.said(given.out)
    assert (own_folders / PLOT).read_text().startswith("<svg")
    settings = served_settings(Settings())
    assert calibration_for(settings, choose_fusion(settings)) == read_calibration(own_folders)
    other = settings.model_copy(update={"fusion": settings.fusion.model_copy(update={"popularity": 0.0})})
    assert calibration_for(other, choose_fusion(other)) is None


@pytest.mark.usefixtures("store")
def test_the_models_scores_are_fitted_where_that_is_asked_for() -> None:
    made = calibrate(Consoles(), Order(llm_cases=50, method="platt"), HashingEmbedder(), scripted)
    assert made.llm is not None
    assert made.llm.n_cases == 50
    assert made.llm.model is not None
    assert made.llm.model.strategy == "likelihood"


def test_an_empty_store_says_what_is_missing(own_folders: Path) -> None:
    record = Record.open(str(own_folders / "record.db"))
    record.put_items([Item(item_id="a", title="A")])
    record.put_users([User(user_id="u")])
    record.put_interactions([Interaction(user_id="u", item_id="a", timestamp=1.0)])
    record.close()
    with pytest.raises(RunConfigError, match="leaves no test cases"):
        calibrate(Consoles(), Order(), HashingEmbedder(), scripted)
