"""Gets a model ready in the cache folder, once: safe against crashes, full disks and a second process."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from filelock import FileLock

from ranking.errors import ModelError
from ranking.models.hub import download, snapshot
from ranking.models.manifest import check_files, read_manifest, write_manifest
from ranking.models.pretrained import convert_gguf
from ranking.models.registry import PACKAGED, PackagedModel, classify
from retrieval.protocol import Progress

Convert: TypeAlias = Callable[[Path, Path], None]
"""Writes the model of a GGUF file into an empty folder."""

_STAGES = ("read the weights", "write the model", "check the files")


def prepare(
    name: str,
    cache: Path,
    progress: Progress | None = None,
    *,
    packaged: Mapping[str, PackagedModel] = PACKAGED,
    convert: Convert = convert_gguf,
    free_bytes: Callable[[Path], int] | None = None,
) -> Path:
    """Makes a model ready and returns its folder; does nothing if it is ready and undamaged.

    A packaged model is dequantized into cache/models/NAME: under a lock, in a temporary folder that is renamed when it
    is complete. A Hugging Face id is downloaded. A folder is taken as it is. A damaged model is made anew. Raises
    ModelError if the package is missing, the disk is full or cannot be written, or the hub cannot be reached.
    """
    kind = classify(name, packaged).kind
    if kind == "folder":
        return Path(name).expanduser()
    if kind == "hub":
        return download(name)
    model = packaged[name]
    folder = cache / "models" / name
    if _is_ready(folder, hashes=True):
        return folder
    source = model.source()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{name}.lock"):
            # Another process may have made it while this one waited for the lock.
            if not _is_ready(folder, hashes=True):
                _check_space(model, folder.parent, free_bytes or _free_bytes)
                _make(model, source, folder, convert, progress or _silent)
    except OSError as error:
        raise _unwritable(model, folder.parent, error) from error
    return folder


def locate(name: str, cache: Path, *, packaged: Mapping[str, PackagedModel] = PACKAGED) -> Path:
    """The folder of a model that is ready; compares file sizes, not hashes. Uses no network.

    Raises ModelError with the command that mends it if the model is not prepared or is damaged.
    """
    kind = classify(name, packaged).kind
    if kind == "folder":
        return Path(name).expanduser()
    if kind == "hub":
        return snapshot(name)
    folder = cache / "models" / name
    if not _is_ready(folder, hashes=False):
        raise ModelError(f"model {name} is not prepared in {folder}; run: fewrec models prepare {name}")
    return folder


def _is_ready(folder: Path, *, hashes: bool) -> bool:
    try:
        manifest = read_manifest(folder)
        if manifest is None:
            return False
        check_files(folder, manifest, hashes=hashes)
    except ModelError:
        return False
    return True


def _make(model: PackagedModel, source: Path, folder: Path, convert: Convert, progress: Progress) -> None:
    # What a killed process left behind; the lock says that nobody is using it.
    for leftover in folder.parent.glob(f".{model.name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f".{model.name}-", dir=folder.parent))
    try:
        progress(_STAGES[0], 0, len(_STAGES))
        convert(source, made)
        progress(_STAGES[1], 1, len(_STAGES))
        write_manifest(made, name=model.name, source=source)
        progress(_STAGES[2], 2, len(_STAGES))
        if folder.exists():
            shutil.rmtree(folder)
        # mkdtemp made it for this user alone; the model is as public as the cache folder is.
        made.chmod(0o755)
        made.rename(folder)
        progress(_STAGES[2], len(_STAGES), len(_STAGES))
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _check_space(model: PackagedModel, folder: Path, free_bytes: Callable[[Path], int]) -> None:
    free = free_bytes(folder)
    if free < model.prepared_bytes:
        raise _full(model, folder, free)


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _full(model: PackagedModel, folder: Path, free: int) -> ModelError:
    return ModelError(
        f"model {model.name} needs {model.prepared_bytes / 1e6:,.0f} MB in {folder}, where {free / 1e6:,.0f} MB are "
        f"free; make room, or choose another folder with FEWREC_CACHE"
    )


def _unwritable(model: PackagedModel, folder: Path, error: OSError) -> ModelError:
    if error.errno == errno.ENOSPC:
        return _full(model, folder, _free_bytes(folder))
    return ModelError(
        f"model {model.name} cannot be written to {folder}: {error.strerror or error}; choose another folder with "
        f"FEWREC_CACHE"
    )


def _silent(_stage: str, _done: int, _total: int) -> None:
    return None
