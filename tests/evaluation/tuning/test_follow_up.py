"""The evaluation beside an adapter: which arms it asks, and how."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from evaluation.arms.config import LlmArm
from evaluation.config import load_config
from evaluation.tuning.config import TuneConfig, TuneFile
from evaluation.tuning.follow_up import write_evaluation
from prompts.template import load_template
from ranking.factory import choose_template
from ranking.settings import ModelSettings, Settings
from ranking.shipped import SHIPPED_FOLDER


def llm_arms(folder: Path, settings: Settings, **changes: Any) -> dict[str, LlmArm]:
    """What is written beside an adapter that was tuned on a user's own store."""
    config = TuneConfig.model_validate({"name": "shop", "data": {"kind": "store"}, **changes})
    path = write_evaluation(folder, TuneFile(config=config, base=folder), None, settings)
    return {name: arm for name, arm in load_config(str(path)).config.arms.items() if isinstance(arm, LlmArm)}


@pytest.mark.parametrize(
    ("model", "compared"), [(None, True), (ModelSettings().name, True), ("Qwen/Qwen3-0.6B", False)]
)
def test_what_serves_is_compared_with_an_adapter_of_its_own_model_only(
    tmp_path: Path, model: str | None, compared: bool
) -> None:
    arms = llm_arms(tmp_path, Settings(), model=model)
    assert ("serving" in arms) == compared
    assert not compared or arms["serving"].adapter == SHIPPED_FOLDER
    assert arms["tuned"].model == model


def test_nothing_serves_where_the_settings_want_no_adapter(tmp_path: Path) -> None:
    assert "serving" not in llm_arms(tmp_path, Settings(tuned=False))


def test_an_adapter_is_asked_by_the_template_file_that_it_was_tuned_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = resources.files("prompts") / "templates" / "sequential.en.yaml"
    (tmp_path / "ours.yaml").write_bytes(shipped.read_bytes() + b"# ours\n")
    settings = Settings()
    arms = llm_arms(tmp_path, settings, template="ours.yaml")
    monkeypatch.chdir(tmp_path.parent)
    ours = load_template(str(tmp_path / "ours.yaml")).ref
    for arm in (arms["tuned"], arms["fused"]):
        # In place of the adapter's folder, which is not there.
        measured = arm.model_copy(update={"adapter": None}).over(settings)
        assert choose_template(measured).ref == ours
    assert choose_template(arms["serving"].over(settings)).ref == load_template("sequential").ref
    assert llm_arms(tmp_path, settings, template="shared-question")["tuned"].template is None
