"""A model with an adapter merged into its weights, as a folder that other programs can load."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock

from ranking.errors import ModelError
from ranking.models.manifest import check_files, read_manifest, weights_digest, write_manifest
from ranking.models.prepare import locate
from ranking.tuning.adapter import Adapter, load_adapter
from ranking.tuning.manifest import WEIGHTS_FILE
from retrieval.errors import one_line


def merged_folder(name: str, adapter: Adapter, cache: Path) -> Path:
    """Folder cache/models/merged-DIGEST of a prepared model with the adapter merged in; made once.

    The weights are kept in float32, since an adapter's small changes would get lost in half the digits. Written under a
    lock in a temporary folder that is renamed when it is complete; a manifest vouches for its files. Raises ModelError
    if the adapter belongs to another model or the folder cannot be written.
    """
    base = locate(name, cache)
    digest = weights_digest(base)
    adapter.check_base(name, digest)
    both = hashlib.sha256(f"{digest} {adapter.manifest.weights_sha256}".encode()).hexdigest()[:16]
    folder = cache / "models" / f"merged-{both}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock"):
            if not _is_whole(folder):
                _make(base, adapter, folder)
    except OSError as error:
        raise ModelError(f"the merged model cannot be written to {folder.parent}: {one_line(error)}") from error
    return folder


def _is_whole(folder: Path) -> bool:
    try:
        manifest = read_manifest(folder)
        if manifest is None:
            return False
        check_files(folder, manifest, hashes=False)
    except ModelError:
        return False
    return True


def _make(base: Path, adapter: Adapter, folder: Path) -> None:
    import torch

    from ranking.models.pretrained import load_pretrained

    loaded = load_pretrained(
        base, device="cpu", dtype=torch.float32, attention=None, layers=adapter.manifest.base.layers
    )
    load_adapter(loaded.model, adapter)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        loaded.model.save_pretrained(str(made))
        loaded.tokenizer.save_pretrained(str(made))
        write_manifest(made, name=adapter.manifest.label, source=adapter.folder / WEIGHTS_FILE)
        shutil.rmtree(folder, ignore_errors=True)
        made.chmod(0o755)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
