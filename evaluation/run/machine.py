"""Where a run ran: versions, commit, hardware. For the reader of a run folder; no result depends on it being known."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

_LIBRARIES = (
    "fewrec", "numpy", "scipy", "scikit-learn", "torch", "transformers", "sentence-transformers", "chromadb",
    "implicit", "lenskit",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that move numbers; absent ones are left out."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def source() -> dict[str, Any] | None:
    """Commit and dirty flag of our own checkout; None where the code is not one, or git cannot be asked."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    commit, changes = _git(root, "rev-parse", "HEAD"), _git(root, "status", "--porcelain", "--untracked-files=no")
    return None if commit is None or changes is None else {"commit": commit, "dirty": bool(changes)}


def hardware() -> dict[str, Any]:
    """Processor, usable cores, and memory in GiB."""
    return {
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _git(root: Path, *arguments: str) -> str | None:
    try:
        # The command is fixed; which git runs is the user's own choice of PATH.
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *arguments],  # noqa: S607
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
