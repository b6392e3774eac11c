"""The manifest of a prepared model: every file with its size and SHA-256, written last, so that it vouches for all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ranking.errors import ModelError

MANIFEST = "manifest.json"


class FileEntry(BaseModel):
    """One file of a prepared model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a prepared model folder holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    """Where the weights came from."""
    source_sha256: str
    files: dict[str, FileEntry]


def write_manifest(folder: Path, *, name: str, source: Path) -> Manifest:
    """Hashes the folder's files and writes the manifest beside them."""
    files = {
        path.name: FileEntry(bytes=path.stat().st_size, sha256=sha256(path))
        for path in sorted(folder.iterdir())
        if path.name != MANIFEST
    }
    manifest = Manifest(name=name, source=source.name, source_sha256=sha256(source), files=files)
    (folder / MANIFEST).write_text(json.dumps(manifest.model_dump(), indent=2) + "\n", encoding="utf-8")
    return manifest


def read_manifest(folder: Path) -> Manifest | None:
    """The folder's manifest; None if it has none. Raises ModelError if it cannot be read."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise ModelError(f"the manifest of the model in {folder} is damaged ({type(error).__name__})") from error


def check_files(folder: Path, manifest: Manifest, *, hashes: bool) -> None:
    """Raises ModelError naming the first file that is missing or changed; compares sizes, and hashes if asked to."""
    for name, entry in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise ModelError(f"model {manifest.name}: {path} is missing")
        if path.stat().st_size != entry.bytes:
            raise ModelError(f"model {manifest.name}: {path} has {path.stat().st_size:,} bytes, not {entry.bytes:,}")
        if hashes and sha256(path) != entry.sha256:
            raise ModelError(f"model {manifest.name}: the content of {path} has changed")


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_digest(folder: Path) -> str:
    """SHA-256 in hex over the weight files of a model folder: the file's own if there is one, else of all digests."""
    manifest = read_manifest(folder)
    known = {} if manifest is None else manifest.files
    digests = [
        known[path.name].sha256 if path.name in known else sha256(path) for path in sorted(folder.glob("*.safetensors"))
    ]
    if not digests:
        raise ModelError(f"{folder} holds no .safetensors file; a model needs config.json, tokenizer and safetensors")
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
