"""The file of a backup: a compressed tar whose first member, manifest.json, names every other with size and digest."""

from __future__ import annotations

import gzip
import io
import os
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Literal, cast

import zstandard
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from retrieval.errors import InputError, one_line

MANIFEST = "manifest.json"
RECORD = "record.db"
_NAME = re.compile(r"record\.db|adapters(/[^/\\:\x00-\x1f]+)+")
_MAX_MANIFEST_BYTES = 4 << 20
_CHUNK_BYTES = 1 << 20
_DAMAGED = (tarfile.TarError, EOFError, zlib.error, zstandard.ZstdError, gzip.BadGzipFile)


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileFacts(_Told):
    """What a member must be."""

    bytes: int
    sha256: str


class Manifest(_Told):
    """What a backup holds."""

    format: Literal[1] = 1
    made_at: str
    """UTC, ISO 8601."""
    fewrec: str
    """Version that made it."""
    items: int
    users: int
    interactions: int
    files: dict[str, FileFacts]

    @field_validator("files")
    @classmethod
    def _names_stay_inside(cls, files: dict[str, FileFacts]) -> dict[str, FileFacts]:
        for name in files:
            if not _NAME.fullmatch(name) or {".", ".."} & set(name.split("/")):
                raise ValueError("a file would lie outside the home folder")
        if RECORD not in files:
            raise ValueError("the record is missing")
        return files


def facts_of(file: Path) -> FileFacts:
    """Size and digest."""
    digest = sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK_BYTES):
            digest.update(chunk)
    return FileFacts(bytes=file.stat().st_size, sha256=digest.hexdigest())


def pack(target: Path, manifest: Manifest, folder: Path) -> None:
    """Writes the archive of the manifest's files, which lie under `folder`: whole, or not at all.

    Raises InputError for a name that ends neither in .tar.gz nor in .tar.zst, OSError where it cannot be written.
    """
    check_name(target)
    draft = target.with_name(f".{target.name}.draft")
    try:
        # It holds what users did, so it is for its owner alone from the first byte on.
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
            with _compressing(raw, target) as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
                told = manifest.model_dump_json(indent=1).encode()
                _add(tar, MANIFEST, len(told), io.BytesIO(told))
                for name, facts in manifest.files.items():
                    with (folder / name).open("rb") as member:
                        _add(tar, name, facts.bytes, member)
            raw.flush()
            os.fsync(raw.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def unpack(file: Path, folder: Path) -> Manifest:
    """Writes the archive's files under `folder`, which is empty, and gives its manifest.

    Only plain files that the manifest names are written, each where its checked name says and only with the size and
    digest that it says: no link, no path out of the folder, nothing twice. Raises InputError for any other archive.
    """
    check_name(file)
    try:
        with _decompressing(file) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            members = iter(tar)
            manifest = _manifest(tar, next(members, None))
            seen: set[str] = set()
            for member in members:
                if member.name not in manifest.files or member.name in seen or not member.isreg():
                    raise _unusable(file, f"{member.name[:100]!r} does not belong into a backup")
                seen.add(member.name)
                _write(tar, member, manifest.files[member.name], folder / member.name)
    except _DAMAGED as error:
        raise _unusable(file, one_line(error) or "it breaks off") from error
    except ValueError as error:
        raise _unusable(file, one_line(error)) from error
    except OSError as error:
        raise InputError(f"backup {file} cannot be read: {error.strerror or error}") from error
    if missing := sorted(set(manifest.files) - seen):
        raise _unusable(file, f"{missing[0]} is missing")
    return manifest


def check_name(file: Path) -> None:
    """Raises InputError for a name that does not say how the archive is compressed."""
    if not file.name.endswith((".tar.gz", ".tar.zst")):
        raise InputError(f"a backup's name ends in .tar.zst or .tar.gz, not as {file.name!r} does")


def _manifest(tar: tarfile.TarFile, first: tarfile.TarInfo | None) -> Manifest:
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > _MAX_MANIFEST_BYTES:
        raise ValueError(f"it does not begin with {MANIFEST}")
    opened = tar.extractfile(first)
    try:
        return Manifest.model_validate_json(b"" if opened is None else opened.read())
    except ValidationError as error:
        raise ValueError(f"{MANIFEST}: {error.errors()[0]['msg']}") from error


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, facts: FileFacts, target: Path) -> None:
    source = tar.extractfile(member)
    if source is None or member.size != facts.bytes:
        raise ValueError(f"{member.name} has another size than {MANIFEST} says")
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = sha256()
    with target.open("xb") as opened:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            opened.write(chunk)
        opened.flush()
        os.fsync(opened.fileno())
    if digest.hexdigest() != facts.sha256:
        raise ValueError(f"{member.name} has another digest than {MANIFEST} says")


def _add(tar: tarfile.TarFile, name: str, size: int, content: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    tar.addfile(member, content)


@contextmanager
def _compressing(raw: IO[bytes], target: Path) -> Iterator[IO[bytes]]:
    if target.name.endswith(".gz"):
        with gzip.GzipFile(fileobj=raw, mode="wb", filename="") as zipped:
            yield cast("IO[bytes]", zipped)
    else:
        with zstandard.ZstdCompressor(level=9).stream_writer(raw, closefd=False) as stream:
            yield cast("IO[bytes]", stream)


@contextmanager
def _decompressing(file: Path) -> Iterator[IO[bytes]]:
    with file.open("rb") as raw:
        if file.name.endswith(".gz"):
            with gzip.GzipFile(fileobj=raw, mode="rb") as zipped:
                yield cast("IO[bytes]", zipped)
        else:
            with zstandard.ZstdDecompressor().stream_reader(raw) as stream:
                yield cast("IO[bytes]", stream)


def _unusable(file: Path, why: str) -> InputError:
    return InputError(f"backup {file} cannot be used: {why}; nothing was changed")
