"""A model's graph for OpenVINO in the cache folder: made once, whole or not at all, and what was measured of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from ranking.errors import ModelError
from ranking.models.manifest import check_files, read_manifest, weights_digest, write_manifest
from ranking.models.openvino import GRAPH, Precision, version
from ranking.models.prepare import locate
from ranking.settings import ModelSettings
from ranking.tuning.adapter import read_adapter
from retrieval.errors import one_line

LEAST_TAU: Final = 0.97
MOST_NDCG_LOST: Final = 0.003
PRECISIONS: Final[tuple[Precision, ...]] = ("int8", "int8-weights", "float32")
_MEASURED = "measured.json"


class Measured(BaseModel):
    """A graph against torch, on one machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cases: int
    tau: float
    """Mean over cases of Kendall's tau-b to the order of torch in float32."""
    ndcg_change: float
    """Mean NDCG@10 minus that of torch in float32, from -1 to 1."""
    seconds: float
    """Median time of a case."""
    torch_seconds: float
    """Median time of the same cases with the engine transformers as it is set; taken in turns."""
    machine: str

    @property
    def agrees(self) -> bool:
        """Whether it ranks as torch does in float32."""
        return self.tau >= LEAST_TAU and abs(self.ndcg_change) <= MOST_NDCG_LOST

    @property
    def why_not(self) -> str | None:
        """Why it is not chosen by itself; None if it is."""
        if not self.agrees:
            return f"tau {self.tau:.3f} and NDCG@10 {self.ndcg_change:+.4f} to float32"
        if self.seconds >= self.torch_seconds:
            return f"{self.seconds * 1000:.0f} ms where torch takes {self.torch_seconds * 1000:.0f}"
        return None


def graph_folder(model: ModelSettings, precision: Precision, cache: Path) -> Path:
    """Where the graph of a model lies that is ready, by the weights, the adapter and OpenVINO's version.

    Another version of OpenVINO makes its own. Raises ModelError as locate and read_adapter do.
    """
    adapter = None if model.adapter is None else read_adapter(model.adapter)
    parts = (weights_digest(locate(model.name, cache)), adapter and adapter.manifest.weights_sha256, version())
    return cache / "models" / f"openvino-{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}-{precision}"


def make_graph(folder: Path, label: str, write: Callable[[Path], None]) -> None:
    """Makes the folder if it is not there or damaged; write puts the graph into an empty folder.

    Under a lock, in a temporary folder that is renamed when it is complete. Raises ModelError if it cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock"):
            if not is_whole(folder):
                _make(folder, label, write)
    except OSError as error:
        raise ModelError(
            f"the graph for OpenVINO cannot be written to {folder.parent}: {one_line(error)}; make room, or choose "
            "another folder with FEWREC_CACHE"
        ) from error


def is_whole(folder: Path) -> bool:
    """Whether every file of the graph has its recorded SHA-256. Reads them: half a second for the default model."""
    try:
        manifest = read_manifest(folder)
        if manifest is None:
            return False
        check_files(folder, manifest, hashes=True)
    except ModelError:
        return False
    return True


def read_measured(folder: Path) -> Measured | None:
    """What was measured of a graph on this machine; None if nothing was, or not on this one."""
    try:
        found = Measured.model_validate_json((folder / _MEASURED).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return None
    return found if found.machine == machine() else None


def write_measured(folder: Path, measured: Measured) -> None:
    """Keeps it beside the graph."""
    (folder / _MEASURED).write_text(measured.model_dump_json(indent=2) + "\n", encoding="utf-8")


def machine(cpu_info: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name and how many of them there are: what a time holds for."""
    try:
        lines = cpu_info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"{name}, {os.cpu_count()} processors"


def _make(folder: Path, label: str, write: Callable[[Path], None]) -> None:
    # What a killed process left behind; the lock says that nobody is using it.
    for leftover in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write(made)
        write_manifest(made, name=label, source=made / GRAPH)
        shutil.rmtree(folder, ignore_errors=True)
        made.chmod(0o755)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
