"""Fetches a publisher's archive once, checks it against its pinned checksum and unpacks it."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from retrieval.errors import InputError
from retrieval.lock import acquire

_TIMEOUT_S = 30.0
_WAIT_FOR_ANOTHER_S = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """A zip file on its publisher's server. MD5 is what the publisher states; it guards against damage, not malice."""

    url: str
    md5: str


def fetch(name: str, archive: Archive | None, cache: Path) -> Path:
    """The folder cache/name with the unpacked files, downloaded if it is not there yet. Raises InputError.

    The folder appears in one step. What a killed download left is overwritten by the next one.
    """
    if archive is None:
        raise InputError(f"{name} has no download with a fixed checksum: get it yourself and pass --data-dir FOLDER")
    folder = cache / name
    if folder.is_dir():
        return folder
    busy = f"another process is still downloading {name} into {cache}; wait for it, or pass --data-dir FOLDER"
    lock = acquire(cache / f"{name}.lock", busy=busy, timeout=_WAIT_FOR_ANOTHER_S)
    try:
        if not folder.is_dir():
            _fetch(name, archive, folder)
    finally:
        lock.release()
    return folder


def _fetch(name: str, archive: Archive, folder: Path) -> None:
    packed, unpacked = folder.with_name(f"{name}.zip.part"), folder.with_name(f"{name}.part")
    try:
        _download(archive, packed)
        shutil.rmtree(unpacked, ignore_errors=True)
        _unpack(archive, packed, unpacked)
        inner = list(unpacked.iterdir())
        (inner[0] if len(inner) == 1 and inner[0].is_dir() else unpacked).replace(folder)
    except (OSError, http.client.HTTPException, zipfile.BadZipFile) as error:
        raise InputError(
            f"cannot download {name} from {archive.url} ({error}); pass --data-dir FOLDER with the unpacked files"
        ) from error
    shutil.rmtree(unpacked, ignore_errors=True)
    packed.unlink()


def _download(archive: Archive, packed: Path) -> None:
    with urllib.request.urlopen(archive.url, timeout=_TIMEOUT_S) as answer, packed.open("w+b") as file:  # noqa: S310
        shutil.copyfileobj(answer, file)
        stated = answer.headers["Content-Length"]
        if stated is not None and file.tell() < int(stated):
            raise ConnectionError(f"it broke off after {file.tell():,} of {int(stated):,} bytes")
        file.seek(0)
        digest = hashlib.file_digest(file, "md5").hexdigest()
    if digest != archive.md5:
        packed.unlink()
        raise InputError(
            f"{archive.url} has MD5 {digest}, not {archive.md5}: damaged or changed; pass --data-dir FOLDER"
        )


def _unpack(archive: Archive, packed: Path, unpacked: Path) -> None:
    with zipfile.ZipFile(packed) as files:
        for entry in files.namelist():
            path = PurePosixPath(entry.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts[:1]):
                raise InputError(f"{archive.url} holds {entry!r}, which lies outside its folder: it is not unpacked")
        files.extractall(unpacked)
