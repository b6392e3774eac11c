"""Models from the Hugging Face hub. Reached only for a name that the user gave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ranking.errors import ModelError
from retrieval.errors import one_line

# No pickled weights: they can run code.
_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]


def snapshot(name: str) -> Path:
    """The folder of a model downloaded before. Raises ModelError with the command that downloads it."""
    try:
        return _fetched(name, local_files_only=True)
    except OSError as error:
        raise ModelError(f"model {name} is not downloaded yet; run: fewrec models prepare {name}") from error


def download(name: str) -> Path:
    """Downloads what is missing of a model, and returns its folder. Raises ModelError if that fails."""
    try:
        return _fetched(name, local_files_only=False)
    except (OSError, ValueError) as error:
        reason = one_line(error)[:200]
        raise ModelError(
            f"model {name} cannot be downloaded ({type(error).__name__}: {reason}); check the name and the network, "
            f"or give the path of a local folder"
        ) from error


def _fetched(name: str, *, local_files_only: bool) -> Path:
    import huggingface_hub

    fetch: Any = huggingface_hub.snapshot_download
    return Path(fetch(name, local_files_only=local_files_only, allow_patterns=_FILES))
