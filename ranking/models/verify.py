"""What models there are, and whether their files are what they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ranking.errors import ModelError
from ranking.models.manifest import check_files, read_manifest, weights_digest
from ranking.models.prepare import locate
from ranking.models.registry import PACKAGED, PackagedModel


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedModel:
    """A model whose files are complete and unchanged."""

    name: str
    folder: Path
    n_files: int
    bytes: int
    digest: str
    """SHA-256 of the weights, in hex."""
    against: Literal["manifest", "itself"]
    """manifest: every file has its recorded SHA-256. itself: there is no record; the needed files are there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedModel:
    """A packaged model and how far it is."""

    name: str
    description: str
    licence: str
    state: Literal["ready", "not prepared", "damaged", "package missing"]
    folder: Path
    hint: str | None
    """The command that gets it ready; None if it is."""


def verify(name: str, cache: Path, *, packaged: Mapping[str, PackagedModel] = PACKAGED) -> VerifiedModel:
    """Reads every file of a prepared model and compares its SHA-256 with the manifest.

    Raises ModelError naming the damaged file and the command that mends it.
    """
    folder = cache / "models" / name if name in packaged else locate(name, cache, packaged=packaged)
    mend = f"run: fewrec models prepare {name}"
    try:
        manifest = read_manifest(folder)
        if manifest is not None:
            check_files(folder, manifest, hashes=True)
        elif name in packaged:
            raise ModelError(f"model {name} is not prepared in {folder}")
        elif not (folder / "config.json").is_file():
            raise ModelError(f"{folder} holds no config.json")
        digest = weights_digest(folder)
    except ModelError as error:
        raise ModelError(f"{error}; {mend}" if name in packaged else str(error)) from error
    files = [path for path in folder.iterdir() if path.is_file()]
    return VerifiedModel(
        name=name,
        folder=folder,
        n_files=len(files),
        bytes=sum(path.stat().st_size for path in files),
        digest=digest,
        against="itself" if manifest is None else "manifest",
    )


def list_models(cache: Path, *, packaged: Mapping[str, PackagedModel] = PACKAGED) -> tuple[ListedModel, ...]:
    """The packaged models by name; compares file sizes, not hashes."""
    return tuple(_listed(packaged[name], cache / "models" / name) for name in sorted(packaged))


def _listed(model: PackagedModel, folder: Path) -> ListedModel:
    state: Literal["ready", "not prepared", "damaged", "package missing"] = "ready"
    hint = None
    try:
        manifest = read_manifest(folder)
        if manifest is None:
            state = "not prepared"
        else:
            check_files(folder, manifest, hashes=False)
    except ModelError:
        state = "damaged"
    if state != "ready":
        hint = f"fewrec models prepare {model.name}"
        try:
            model.source()
        except ModelError:
            state, hint = "package missing", model.install
    return ListedModel(
        name=model.name,
        description=model.description,
        licence=model.licence,
        state=state,
        folder=folder,
        hint=hint,
    )
