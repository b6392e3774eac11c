"""The files in deploy/ fit the code: settings are settings, and vLLM has the version and flags that are tested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ranking.settings import load_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSED = ("vllm.compose.yaml", "vllm-cpu.compose.yaml")


def services(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))["services"]


@pytest.mark.parametrize(
    ("name", "url"), [("vllm-gpu.yaml", "http://vllm:8000"), ("vllm-cpu.yaml", "http://127.0.0.1:8100")]
)
def test_settings_beside_a_vllm_server_are_settings(name: str, url: str) -> None:
    settings = load_settings(DEPLOY / name)
    assert settings.engine.kind == "vllm"
    assert settings.engine.url == url


@pytest.mark.parametrize("name", COMPOSED)
def test_a_container_of_vllm_is_what_the_launcher_would_start(name: str) -> None:
    vllm = services(name)["vllm"]
    said = " ".join(vllm["command"])
    version = (ROOT / "requirements-vllm.txt").read_text(encoding="utf-8").split("vllm==", 1)[1].split()[0]
    assert f":v{version}" in vllm["image"]
    assert '--hf-overrides {"head_dtype": "float32"}' in said
    assert "--enable-prompt-tokens-details" in said
    assert ("--block-size 32" in said) == ("VLLM_CPU_KVCACHE_SPACE" in vllm["environment"]) == ("cpu" in name)
    assert vllm["environment"]["VLLM_NO_USAGE_STATS"] == vllm["environment"]["HF_HUB_OFFLINE"] == "1"
    assert vllm["networks"] == ["inside"]
    assert "ports" not in vllm


def test_what_is_mounted_is_there() -> None:
    own = services("vllm-cpu.compose.yaml")["fewrec"]["extends"]
    assert own["file"] in COMPOSED
    fewrec = services(own["file"])[own["service"]]
    mounted = [volume.split(":")[0] for volume in fewrec["volumes"] if volume.startswith("./")]
    assert mounted == ["./vllm-gpu.yaml"]
    assert (DEPLOY / mounted[0]).is_file()
    model = load_settings(DEPLOY / mounted[0]).model.name
    for name in COMPOSED:
        assert f"--model {model}" in " ".join(services(name)["vllm"]["command"])
