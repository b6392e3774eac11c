"""Every example runs as its reader would run it, after the README's set-up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
MAX_LINES = 60
SHOWN = {
    "langchain_chat": "\n",
    "langchain_engine": "ranked by llm: listwise over FakeListChatModel",
    "langchain_few_shot": "[ai]\n",
    "langchain_reranker": "For viewer-001: ",
    "langchain_retriever": "Moved up by ",
}


def run(environment: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def after_the_demo(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Mapping[str, str]:
    """The environment of somebody who has run `fewrec demo`."""
    home = tmp_path_factory.mktemp("home")
    environment = {**os.environ, "FEWREC_HOME": str(home), "FEWREC_CACHE": str(model_cache), "PYTHONPATH": str(ROOT)}
    demo = run(environment, sys.executable, "-c", "from service.cli.main import main; main()", "demo")
    assert demo.returncode == 0, demo.stderr
    return environment


@pytest.mark.model
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_example_runs_and_shows_something(script: Path, after_the_demo: Mapping[str, str]) -> None:
    done = run(after_the_demo, sys.executable, str(script))
    assert (done.returncode, done.stderr) == (0, "")
    assert SHOWN[script.stem] in done.stdout


def test_every_example_is_short_and_listed() -> None:
    listed = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert [script.stem for script in SCRIPTS] == sorted(SHOWN)
    for script in SCRIPTS:
        assert f"`{script.name}`" in listed
        assert len(script.read_text(encoding="utf-8").splitlines()) < MAX_LINES
