"""Starting a vLLM server: the command, the environment, and what is said of one that does not come up."""

from __future__ import annotations

import os
import stat
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ranking.engine_settings import VllmSettings
from ranking.engines.vllm_launch import Launch, Running, find_interpreter, plan_launch, warm_up
from ranking.errors import ConfigError, EngineError, ModelError
from ranking.models.manifest import weights_digest
from ranking.settings import ModelSettings
from tests.ranking.fake_vllm import FakeVllmApi
from tests.ranking.made_adapter import make_adapter
from tests.ranking.misbehaving_server import misbehaving, nobody_listens
from tests.ranking.tiny_model import save_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("launch") / "tiny")


def _plan(model: ModelSettings, tmp_path: Path, *, gpu: bool, url: str = "http://127.0.0.1:8100") -> Launch:
    settings = VllmSettings(url=url, api_key="a-key")
    return plan_launch(model, settings, tmp_path, Path("/python"), gpu=gpu, extra=("--seed", "1"))


def test_a_cpu_gets_its_cache_its_cores_and_small_blocks(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VLLM_CPU_OMP_THREADS_BIND", raising=False)
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "3")
    launch = _plan(ModelSettings(name=str(folder), dtype="float32", threads=1), tmp_path, gpu=False)
    said = " ".join(launch.command)
    assert "--block-size 32 --dtype float32 --enforce-eager --seed 1" in said
    assert f"--served-model-name {folder} {folder}@{weights_digest(folder)[:12]}" in said
    assert "--host 127.0.0.1 --port 8100" in said
    assert '--hf-overrides {"head_dtype": "float32"}' in said
    assert "a-key" not in said
    environment = launch.environment
    assert environment["VLLM_API_KEY"] == "a-key"
    assert environment["VLLM_CPU_KVCACHE_SPACE"] == "3"
    assert environment["VLLM_CPU_OMP_THREADS_BIND"] == str(min(os.sched_getaffinity(0)))
    assert environment["VLLM_NO_USAGE_STATS"] == environment["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize("gpu", [True, False])
def test_one_server_answers_for_the_model_and_its_adapter(folder: Path, tmp_path: Path, gpu: bool) -> None:
    base = {"name": "tiny", "digest": weights_digest(folder), "layers": None}
    adapter = make_adapter(tmp_path / "films", base=base)
    model = ModelSettings(name=str(folder), adapter=adapter.folder, dtype="bfloat16")
    launch = _plan(model, tmp_path, gpu=gpu)
    said = " ".join(launch.command)
    assert ("--block-size" in said) != gpu
    assert f"--model {folder} " in said
    assert f"--served-model-name {folder} " in said
    assert f"--lora-target-modules q_proj v_proj --lora-modules {adapter.manifest.label}={adapter.folder}" in said
    assert "--dtype bfloat16" in said
    assert launch.served_model == adapter.manifest.label


def test_an_adapter_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "films")
    for gpu in (True, False):
        with pytest.raises(ModelError, match="was tuned on tiny"):
            _plan(ModelSettings(name=str(folder), adapter=adapter.folder), tmp_path, gpu=gpu)


def test_a_server_is_not_started_elsewhere(folder: Path, tmp_path: Path) -> None:
    settings = VllmSettings(url="http://far.example:80", remote=True)
    with pytest.raises(ConfigError, match="on this machine only"):
        plan_launch(ModelSettings(name=str(folder)), settings, tmp_path, Path("/python"), gpu=True)


def test_the_interpreter_is_named_or_lies_beside_ours(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make vllm"):
        find_interpreter({}, str(tmp_path / ".venv"))
    python = tmp_path / ".venv-vllm" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert find_interpreter({}, str(tmp_path / ".venv")) == python
    assert find_interpreter({"FEWREC_VLLM_PYTHON": str(python)}, "/nowhere") == python


def _launch(tmp_path: Path, script: str, url: str) -> Launch:
    program = tmp_path / "server"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Launch(command=(str(program),), environment=dict(os.environ), url=url, served_model="tiny", on_gpu=False)


def test_a_server_that_ends_says_why(tmp_path: Path) -> None:
    launch = _launch(tmp_path, "echo 'ValueError: no memory'; echo bye; exit 3", nobody_listens())
    with closing(Running(launch, tmp_path / "log" / "server.log")) as running:
        with pytest.raises(EngineError, match=r"did not come up: ValueError: no memory .*server\.log"):
            running.wait_until_healthy(20)
        with pytest.raises(EngineError, match="ended with code 3"):
            running.wait()


def test_a_server_that_never_gets_ready_is_stopped(tmp_path: Path) -> None:
    launch = _launch(tmp_path, f"sleep 60 & echo $! > {tmp_path / 'child'}; exec sleep 60", nobody_listens())
    with closing(Running(launch, tmp_path / "server.log")) as running, pytest.raises(EngineError, match="not ready"):
        running.wait_until_healthy(0.6)
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 5
    while time.monotonic() < until and _runs(child):
        time.sleep(0.05)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    """Whether a process is there and no mere entry that nobody has fetched."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with misbehaving() as server, pytest.raises(ConfigError, match="already; stop it"):
        Running(_launch(tmp_path, "sleep 60", server.url), tmp_path / "server.log")


def test_it_is_healthy_when_it_answers_and_warm_when_it_was_asked(folder: Path, tmp_path: Path) -> None:
    launch = _launch(tmp_path, "exec sleep 60", nobody_listens())
    with closing(Running(launch, tmp_path / "server.log")) as running, misbehaving() as server:
        running._launch = replace(launch, url=server.url)
        running.wait_until_healthy(5)
    with misbehaving(FakeVllmApi(cards=[{"id": str(folder)}])) as server:
        info = warm_up(ModelSettings(name=str(folder)), VllmSettings(url=server.url), tmp_path, 30)
        assert info.route == "logprob_token_ids"
