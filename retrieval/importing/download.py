"""Fetches a publisher's archive once, checks it against its pinned checksum and unpacks it."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import InputError

_TIMEOUT_S = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """A zip file on its publisher's server. MD5 is what the publisher states; it guards against damage, not malice."""

    url: str
    md5: str


def fetch(name: str, archive: Archive | None, cache: Path) -> Path:
    """The folder with the unpacked files, downloaded if it is not there yet. Raises InputError naming --data-dir."""
    if archive is None:
        raise InputError(f"{name} has no download with a fixed checksum: get it yourself and pass --data-dir FOLDER")
    folder = cache / "datasets" / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as room:
        packed = Path(room) / "archive.zip"
        try:
            with urllib.request.urlopen(archive.url, timeout=_TIMEOUT_S) as answer, packed.open("wb") as file:  # noqa: S310
                shutil.copyfileobj(answer, file)
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            raise InputError(
                f"cannot download {name} from {archive.url} ({error}); pass --data-dir FOLDER with the unpacked files"
            ) from error
        with packed.open("rb") as file:
            digest = hashlib.file_digest(file, "md5").hexdigest()
        if digest != archive.md5:
            raise InputError(f"{archive.url} has MD5 {digest}, not {archive.md5}: damaged or changed; use --data-dir")
        unpacked = Path(room) / "unpacked"
        with zipfile.ZipFile(packed) as files:
            files.extractall(unpacked)
        inner = [path for path in unpacked.iterdir() if path.is_dir()]
        (inner[0] if len(inner) == 1 else unpacked).replace(folder)
    return folder
