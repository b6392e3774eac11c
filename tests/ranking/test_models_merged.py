"""A model with its adapter merged in, as a folder: the same scores, made once, and made anew if damaged."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from ranking.engines.transformers import TransformersEngine
from ranking.errors import ModelError
from ranking.models.manifest import check_files, read_manifest
from ranking.models.merged import merged_folder
from ranking.settings import ModelSettings
from ranking.tuning.adapter import read_adapter
from tests.contracts.engine_suite import numbers, yes_no_prompt
from tests.ranking.tiny_model import save_tiny_model
from tests.ranking.tuning.lists import tune_tiny


def test_a_merged_model_scores_like_model_and_adapter(tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny")
    tune_tiny(tiny, tmp_path / "films", steps=2)
    adapter = read_adapter(tmp_path / "films")
    folder = merged_folder(str(tiny), adapter, tmp_path)

    def scored(**settings: object) -> list[float]:
        model = ModelSettings.model_validate({"device": "cpu", "dtype": "float32", **settings})
        with closing(TransformersEngine(model, tmp_path)) as engine:
            [scores] = asyncio.run(engine.score([yes_no_prompt(" Aliens", " Big Fish")]))
            return numbers(scores.branches)

    tuned = scored(name=str(tiny), adapter=adapter.folder)
    assert scored(name=str(folder)) == pytest.approx(tuned, abs=1e-5)
    assert tuned != pytest.approx(scored(name=str(tiny)), abs=1e-5)

    manifest = read_manifest(folder)
    assert manifest is not None
    check_files(folder, manifest, hashes=True)
    written = (folder / "manifest.json").stat().st_mtime_ns
    assert merged_folder(str(tiny), adapter, tmp_path) == folder
    assert (folder / "manifest.json").stat().st_mtime_ns == written
    (folder / "config.json").write_text("{}", encoding="utf-8")
    merged_folder(str(tiny), adapter, tmp_path)
    check_files(folder, manifest, hashes=True)
    assert [path.name for path in (tmp_path / "models").iterdir() if path.is_dir()] == [folder.name]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny")
    tune_tiny(tiny, tmp_path / "films", steps=2)
    (tmp_path / "models").write_text("a file", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be written to"):
        merged_folder(str(tiny), read_adapter(tmp_path / "films"), tmp_path)
