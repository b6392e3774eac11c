"""Adapter folders: weights and configuration in peft's format, what FewRec knows of them, and a model card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ranking.errors import ModelError
from ranking.models.manifest import sha256
from ranking.tuning.card import model_card
from ranking.tuning.files import write_part
from ranking.tuning.manifest import ADAPTER_FILE, CARD_FILE, PEFT_FILE, WEIGHTS_FILE, AdapterManifest, MeasuredRow
from retrieval.errors import one_line


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """An adapter folder whose files are those that its manifest vouches for."""

    folder: Path
    manifest: AdapterManifest

    def check_base(self, name: str, digest: str) -> None:
        """Raises ModelError, naming both, if the adapter was tuned on a model of other weights."""
        base = self.manifest.base
        if digest != base.digest:
            raise ModelError(
                f"adapter {self.manifest.name} in {self.folder} was tuned on {base.name} (weights {base.digest[:12]}), "
                f"not on {name} (weights {digest[:12]}); serve it with --model {base.name}, or tune one on {name}"
            )


def read_adapter(folder: Path) -> Adapter:
    """The adapter in a folder, its weights and their configuration compared with their digests.

    Raises ModelError if a file is missing, cut off or changed, or if it is no adapter of FewRec's.
    """
    manifest = find_manifest(folder)
    if manifest is None:
        what = f"holds no {ADAPTER_FILE}" if folder.is_dir() else "is no folder"
        raise ModelError(f"{folder} {what}, so it is no adapter; make one with: fewrec tune")
    for name in (WEIGHTS_FILE, PEFT_FILE):
        if not (folder / name).is_file():
            raise ModelError(f"adapter {manifest.name}: {folder / name} is missing; {_mend(manifest)}")
    weights = folder / WEIGHTS_FILE
    if (size := weights.stat().st_size) != manifest.weights_bytes:
        raise ModelError(
            f"adapter {manifest.name}: {weights} has {size:,} bytes, not {manifest.weights_bytes:,}; {_mend(manifest)}"
        )
    for path, recorded in ((weights, manifest.weights_sha256), (folder / PEFT_FILE, manifest.config_sha256)):
        if recorded is not None and sha256(path) != recorded:
            raise ModelError(f"adapter {manifest.name}: the content of {path} has changed; {_mend(manifest)}")
    return Adapter(folder=folder, manifest=manifest)


def find_manifest(folder: Path) -> AdapterManifest | None:
    """What the folder says of its adapter; None if it says nothing. Raises ModelError if that cannot be read."""
    path = folder / ADAPTER_FILE
    try:
        return AdapterManifest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        slip = error.errors()[0]
        reason = ": ".join([*map(str, slip["loc"]), slip["msg"]])
        raise ModelError(f"{path} is damaged or of another version ({reason}); tune it anew") from error


def write_adapter(folder: Path, manifest: AdapterManifest, weights: bytes, config: bytes, kept: str) -> AdapterManifest:
    """Writes the folder's four files, each at once, the manifest last; returns the manifest with the digests.

    kept tells, should it fail with an AdapterFolderError, what is there all the same.
    """
    whole = manifest.model_copy(
        update={
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
            "weights_bytes": len(weights),
            "config_sha256": hashlib.sha256(config).hexdigest(),
        }
    )
    write_part(folder / WEIGHTS_FILE, weights, kept)
    write_part(folder / PEFT_FILE, config, kept)
    _write_words(folder, whole, kept)
    return whole


def revise_adapter(
    folder: Path, *, measured: Sequence[MeasuredRow] | None = None, fusion: Mapping[str, float] | None = None
) -> AdapterManifest:
    """Puts a table of measurements or fusion weights into an adapter's manifest and card; None leaves what is there.

    Raises ModelError as read_adapter does, AdapterFolderError if the folder cannot be written.
    """
    manifest = read_adapter(folder).manifest
    update: dict[str, Any] = {}
    if measured is not None:
        update["measured"] = tuple(measured)
    if fusion is not None:
        update["fusion"] = dict(fusion)
    revised = manifest.model_copy(update=update)
    _write_words(folder, revised, "The adapter is as it was.")
    return revised


def _write_words(folder: Path, manifest: AdapterManifest, kept: str) -> None:
    write_part(folder / CARD_FILE, model_card(manifest).encode(), kept)
    write_part(folder / ADAPTER_FILE, (manifest.model_dump_json(indent=2) + "\n").encode(), kept)


def load_adapter(model: Any, adapter: Adapter) -> None:
    """Merges an adapter into a model's weights in place. Raises ModelError if the matrices do not fit the model."""
    from ranking.tuning.lora import merge

    try:
        merge(model, adapter.folder)
    except Exception as error:  # peft raises whatever a configuration leads it to
        reason = one_line(error)[:300]
        raise ModelError(f"adapter {adapter.manifest.name} in {adapter.folder} cannot be loaded: {reason}") from error


def _mend(manifest: AdapterManifest) -> str:
    return "copy the folder anew" if manifest.command is None else f"make it anew with: {manifest.command}"
