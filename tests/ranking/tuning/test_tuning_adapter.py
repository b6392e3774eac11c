from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from prompts.config import PromptSettings
from ranking.engines.transformers import TransformersEngine
from ranking.errors import ModelError
from ranking.factory import choose_template
from ranking.settings import ModelSettings, Settings
from ranking.tuning.adapter import read_adapter, revise_adapter
from ranking.tuning.manifest import MeasuredRow
from tests.ranking.tiny_model import save_tiny_model
from tests.ranking.tuning.lists import template, tune_tiny

WEIGHTS, PEFT, OWN = "adapter_model.safetensors", "adapter_config.json", "fewrec-adapter.json"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tuned(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "films"
    tune_tiny(tiny, folder, steps=2)
    return folder


@pytest.fixture
def folder(tuned: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tuned, tmp_path / "films"))


def engine(tiny: Path, adapter: Path, **changes: Any) -> TransformersEngine:
    settings: dict[str, Any] = {"name": str(tiny), "device": "cpu", "dtype": "float32", "adapter": adapter}
    return TransformersEngine(ModelSettings(**settings | changes), tiny / "cache")


def test_the_folder_is_pefts_own_with_our_words_beside_it(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {WEIGHTS, PEFT, OWN, "README.md"}
    weights = load_file(str(folder / WEIGHTS))
    assert "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" in weights
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    config = json.loads((folder / PEFT).read_text())
    assert (config["peft_type"], config["r"], config["lora_alpha"]) == ("LORA", 4, 8)
    assert config["target_modules"] == sorted(config["target_modules"])
    manifest = read_adapter(folder).manifest
    assert manifest.label == f"films@{manifest.weights_sha256[:12]}"


def test_an_adapter_of_another_model_is_refused_naming_both(folder: Path, tmp_path: Path) -> None:
    other = save_tiny_model(tmp_path / "other")
    model: Any = AutoModelForCausalLM.from_pretrained(str(other))
    model.model.norm.weight.data += 1
    model.save_pretrained(str(other))
    base = read_adapter(folder).manifest.base
    with pytest.raises(ModelError, match=rf"tuned on {base.name} \(weights {base.digest[:12]}\), not on {other}"):
        engine(other, folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (WEIGHTS, None, "is missing; copy the folder anew"),
        (PEFT, None, "is missing"),
        (OWN, None, "holds no fewrec-adapter.json, so it is no adapter"),
        (WEIGHTS, b"short", "has 5 bytes, not"),
        (OWN, b'{"format": 1', r"is damaged or of another version \(Invalid JSON"),
        (OWN, b'{"name": "../films"}', r"\(name: Value error, it names a folder"),
        (PEFT, b'{"peft_type": "LORA", "r": 3}', r"the content of .*adapter_config\.json has changed"),
    ],
)
def test_a_damaged_folder_is_refused(tiny: Path, folder: Path, name: str, content: bytes | None, message: str) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=message):
        engine(tiny, folder)


def test_changed_weights_and_a_missing_folder_are_refused(tiny: Path, folder: Path) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(ModelError, match=r"the content of .* has changed"):
        engine(tiny, folder)
    with pytest.raises(ModelError, match="is no folder"):
        engine(tiny, folder / "nowhere")


def test_serving_is_as_fast_as_without(tiny: Path, folder: Path) -> None:
    served = engine(tiny, folder)
    kinds = {type(module).__name__ for module in served._core.model.modules()}
    assert not any("lora" in kind.lower() for kind in kinds)
    assert not any(parameter.requires_grad for parameter in served._core.model.parameters())


def test_measurements_and_fusion_weights_are_put_in_later(folder: Path) -> None:
    before = read_adapter(folder).manifest
    row = MeasuredRow(case="games", metric="NDCG@10", value=0.61234, low=0.6, high=0.62, n=1000)
    revise_adapter(folder, measured=[row, row.model_copy(update={"low": None})])
    revised = revise_adapter(folder, fusion={"llm": 0.75})
    assert revised == read_adapter(folder).manifest
    assert revised.label == before.label
    assert revised.answers_sha256 != before.answers_sha256
    assert revised.model_copy(update={"fusion": before.fusion}).answers_sha256 == before.answers_sha256
    assert (len(revised.measured), revised.fusion) == (2, {"llm": 0.75})
    card = (folder / "README.md").read_text()
    assert "| games | NDCG@10 | 0.6123 | 0.6000 to 0.6200 | 1,000 |" in card
    assert "| games | NDCG@10 | 0.6123 | – | 1,000 |" in card
    assert "| llm | 0.7500 |" in card


def test_the_adapters_template_and_strategy_are_the_default(tuned: Path, tmp_path: Path) -> None:
    def chosen(adapter: Path | None, **changes: Any) -> str:
        return choose_template(Settings(model=ModelSettings(adapter=adapter), **changes)).name

    assert chosen(None) != "sequential"
    assert chosen(tuned) == "sequential"
    assert chosen(tuned, prompt=PromptSettings(template="recency-focused")) == "recency-focused"
    assert chosen(tuned, strategy="likelihood") == chosen(None, strategy="likelihood")
    with pytest.raises(ModelError, match="is no folder"):
        chosen(tmp_path / "nowhere")


def test_the_engine_says_what_its_adapter_was_tuned_on(tiny: Path, tuned: Path) -> None:
    info = engine(tiny, tuned).info
    assert info.tuned == read_adapter(tuned).manifest.tuned_prompts
    assert info.tuned.template == template().ref
    assert info.tuned.strategy == "yes-no"
