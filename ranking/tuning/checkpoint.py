"""Where a run stands, in one file that is replaced at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from ranking.errors import TuningError
from ranking.tuning.files import write_part
from ranking.tuning.manifest import CHECKPOINT_FILE, ValidationRecord
from retrieval.errors import one_line

_KEY = "fewrec"
_PARTS = ("weights", "first_moments", "second_moments", "best")


class Standing(BaseModel):
    """What a checkpoint tells beside its tensors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: dict[str, str]
    """Digests of what the run depends on, by part."""
    step: int = 0
    """Steps done."""
    recent_losses: tuple[float, ...] = ()
    """Of the steps since the last look at the validation examples."""
    validations: tuple[ValidationRecord, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A run after a number of steps. Tensors are by the names that parameters have in the model, on the CPU."""

    standing: Standing
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    first_moments: Mapping[str, Tensor] = field(default_factory=dict)
    """Of the optimizer; empty before the first step."""
    second_moments: Mapping[str, Tensor] = field(default_factory=dict)
    best: Mapping[str, Tensor] = field(default_factory=dict)
    """The adapter that would be kept, by its own names; empty before the first look after a step."""


def write_checkpoint(folder: Path, checkpoint: Checkpoint, earlier: int | None) -> None:
    """Replaces the folder's checkpoint; raises AdapterFolderError if it cannot be written: the earlier one stays."""
    from safetensors.torch import save

    tensors = {
        f"{part}/{name}": tensor.contiguous() for part in _PARTS for name, tensor in getattr(checkpoint, part).items()
    }
    # Not written by the library: its errors would not tell a full disk from anything else.
    content = save(tensors, metadata={_KEY: checkpoint.standing.model_dump_json()})
    kept = "Nothing was kept" if earlier is None else f"The checkpoint of step {earlier} is kept"
    write_part(
        folder / CHECKPOINT_FILE, content, f"{kept}; make room and run the same command again to go on from there"
    )


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """The folder's checkpoint; None if there is none. Raises TuningError if it is damaged."""
    from safetensors import SafetensorError, safe_open

    path = folder / CHECKPOINT_FILE
    if not path.is_file():
        return None
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in _PARTS}
    opener: Any = safe_open
    try:
        with opener(str(path), framework="pt") as file:
            standing = Standing.model_validate_json((file.metadata() or {}).get(_KEY, ""))
            for key in file.keys():  # noqa: SIM118 - this is no mapping
                part, _, name = key.partition("/")
                parts[part][name] = file.get_tensor(key)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        reason = one_line(error)[:200]
        raise TuningError(f"{path} is damaged ({reason}); remove it to start the run anew") from error
    return Checkpoint(standing=standing, **parts)


def remove_checkpoint(folder: Path) -> None:
    """Removes the folder's checkpoint, if there is one."""
    (folder / CHECKPOINT_FILE).unlink(missing_ok=True)
