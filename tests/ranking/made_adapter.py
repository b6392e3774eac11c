"""Adapter folders that are whole and can be read, but whose weights are no weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ranking.tuning.adapter import Adapter, read_adapter, write_adapter
from ranking.tuning.config import TuningSettings
from ranking.tuning.manifest import AdapterManifest, BaseModelRef, TemplateRecord, TrainingRecord


def make_adapter(folder: Path, weights: bytes = b"weights", **changes: Any) -> Adapter:
    """Writes an adapter folder; the weights decide its label."""
    values: dict[str, Any] = {
        "name": "films",
        "base": BaseModelRef(name="tiny", digest="b" * 64, layers=None),
        "template": TemplateRecord(name="sequential", version=1, language="en", digest="t" * 12),
        "max_tokens": 400,
        "settings": TuningSettings(),
        "seeds": {"examples": 0},
        "data": {"store": "d" * 64},
        "data_terms": None,
        "command": "fewrec tune",
        "training": TrainingRecord(
            examples=6,
            validation=3,
            steps=2,
            best_step=2,
            ndcg_before=0.5,
            ndcg_best=0.6,
            ended="finished",
            start_adapter=None,
            validations=(),
        ),
        "fusion": {"llm": 0.5},
        "packages": {"peft": "0"},
        "run": {},
        "weights_sha256": "",
        "weights_bytes": 0,
    }
    write_adapter(folder, AdapterManifest(**values | changes), weights, b'{"target_modules": ["q_proj", "v_proj"]}', "")
    return read_adapter(folder)
