"""Settings: environment below file below flags, and errors that name the setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranking.errors import ConfigError
from ranking.settings import load_settings


def test_flags_over_file_over_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEWREC_RETRIEVAL__N_CANDIDATES", "5")
    monkeypatch.setenv("FEWREC_RETRIEVAL__PER_SOURCE", "50")
    monkeypatch.setenv("FEWREC_STRATEGY", "yes-no")
    config = tmp_path / "settings.yaml"
    config.write_text("retrieval: {n_candidates: 6, liked_recent: 3}\n", encoding="utf-8")
    settings = load_settings(config, retrieval={"liked_recent": 4}, prompt={"template": None})
    assert settings.retrieval.n_candidates == 6
    assert settings.retrieval.per_source == 50
    assert settings.retrieval.liked_recent == 4
    assert settings.strategy == "yes-no"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("retrieval: {n_candidate: 6}", "retrieval.n_candidate"),
        ("retrieval: {n_candidates: 0}", "retrieval.n_candidates"),
        ("- a list", "names and values"),
        ("{", "cannot read"),
    ],
)
def test_a_bad_file_is_named_with_its_setting(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_settings(config)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_settings(tmp_path / "nowhere.yaml")


def test_an_empty_file_means_defaults(tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("", encoding="utf-8")
    assert load_settings(config) == load_settings()


def test_a_section_of_another_kind_leaves_that_of_the_environment_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEWREC_ENGINE__KIND", "vllm")
    monkeypatch.setenv("FEWREC_ENGINE__RETRIES", "1")
    assert load_settings(engine={"kind": "transformers"}).engine.kind == "transformers"
    asked = load_settings(engine={"kind": "vllm", "url": "http://127.0.0.1:9"}).engine
    assert asked.model_dump(include={"retries", "url"}) == {"retries": 1, "url": "http://127.0.0.1:9"}
