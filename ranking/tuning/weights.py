"""The weights of an adapter as a file's content."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ranking.tuning.config import StoredAs
from ranking.tuning.manifest import WEIGHTS_FILE

_DTYPES: dict[StoredAs, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def weights_file(weights: Mapping[str, Tensor], stored_as: StoredAs) -> bytes:
    """Safetensors in peft's format; the same bytes for the same weights."""
    from safetensors.torch import save

    dtype = _DTYPES[stored_as]
    return save({name: weights[name].to(dtype).contiguous() for name in sorted(weights)}, metadata={"format": "pt"})


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The matrices of an adapter folder that was checked before."""
    from safetensors.torch import load_file

    return dict(load_file(str(folder / WEIGHTS_FILE)))
