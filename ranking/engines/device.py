"""Where a model runs, and in which number format."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Literal, TypeAlias

import torch

from ranking.errors import ConfigError

DtypeName: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]
_DTYPES: dict[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(name: str) -> str:
    """Auto is a GPU if there is one, else the CPU. Raises ConfigError for a device that is not there."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device {name!r} cannot be used ({reason}); use auto, cpu or cuda") from error
    return name


def choose_dtype(name: DtypeName, device: str, cpu_info: Path = Path("/proc/cpuinfo")) -> torch.dtype:
    """Auto is bfloat16 on a GPU and on a CPU that multiplies in it, else float32.

    Without the instructions (avx512_bf16) bfloat16 is slower on a CPU than float32.
    """
    if name != "auto":
        return _DTYPES[name]
    if device != "cpu":
        return torch.bfloat16
    try:
        flags = cpu_info.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return torch.float32
    return torch.bfloat16 if "avx512_bf16" in flags.split() else torch.float32


def bound_shapes_kept(environment: MutableMapping[str, str] = os.environ) -> None:
    """Lets oneDNN keep code and buffers for at most 64 shapes of products; call it before the first one.

    On a CPU every prompt length is a shape of its own, some megabytes each in bfloat16, and oneDNN keeps 1,024 of them
    unless told otherwise: memory would grow for hours. A pass needs about a dozen. What the user said stays.
    """
    environment.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")


def give_back_memory() -> None:
    """Returns freed memory to the system where the C library is glibc, which keeps it between blocks in use otherwise.

    Passes of many lengths leave gaps that later ones do not fill: over an hour of tuning gigabytes. Elsewhere it does
    nothing.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
