"""An arm that fits its fusion weights itself, from a configuration to scores, with a tiny model of random weights."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import yaml

from evaluation.config import load_config
from evaluation.run.assemble import open_run
from evaluation.run.questions import Asking
from ranking.settings import Settings
from tests.evaluation.run.test_assemble import write_files
from tests.fakes import HashingEmbedder
from tests.ranking.tiny_model import save_tiny_model


def test_weights_are_fitted_at_the_first_question_and_then_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    write_files(tmp_path)
    written = yaml.safe_load((tmp_path / "own.yaml").read_text())
    llm = {"kind": "llm", "strategy": "yes-no", "model": str(save_tiny_model(tmp_path / "tiny"))}
    written |= {"baseline": None, "arms": {name: llm | {"fusion": name} for name in ("none", "served", "fitted")}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(written))
    heard: list[tuple[str, int, int]] = []
    found = {}
    with open_run(
        load_config(str(tmp_path / "own.yaml")),
        Settings(),
        Asking(limit=3),
        embedder=HashingEmbedder(),
        progress=lambda *told: heard.append(told),
    ) as run:
        assert len({arm.digest for arm in run.arms}) == 3
        for arm in run.arms:
            with arm.open() as ranker:
                [first] = asyncio.run(ranker.rank(list(run.cases)[:1]))
                at = len(heard)
                [again] = asyncio.run(ranker.rank(list(run.cases)[:1]))
                assert len(heard) == at
                assert first.scores == again.scores
                found[arm.name] = first.scores
    assert ("scores for fusion", 40, 40) in heard
    assert not np.allclose(found["fitted"], found["served"])
