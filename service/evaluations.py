"""Evaluation runs as their reports tell of them: `report.json` of a run folder, read by its written shape.

What a report holds of single users (example cases with their prompts) is left where it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

REPORT = "report.json"
MOST_BYTES = 32 * 1024 * 1024
"""A larger report is not read; examples are most of what one holds."""
MOST_REPORTS = 200
"""So many reports are listed, the newest."""


class _Read(BaseModel):
    # A report holds more than is shown, and a newer version may write more still.
    model_config = ConfigDict(extra="ignore", frozen=True)


class EstimateOut(_Read):
    """A mean over cases with its 95% interval; null where it is undefined."""

    value: float | None
    low: float | None
    high: float | None
    n: int


class DifferenceOut(_Read):
    """An arm's value minus that of the arm `to`, paired over the cases that both answered."""

    to: str
    value: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    """Corrected over the arms that were compared."""
    n: int


class ArmOut(_Read):
    """One arm of a run."""

    name: str
    llm: bool
    """Whether a language model ranked."""
    n: int
    """Cases."""
    metrics: dict[str, EstimateOut]
    differences: dict[str, DifferenceOut]
    """By metric, to the run's baseline."""


class VerdictOut(_Read):
    """What the run says about the LLM, against the best arm without one."""

    outcome: Literal["better", "unclear", "worse", "none"]
    sentence: str
    details: list[str]


class SummaryOut(_Read):
    """A run in a list."""

    name: str
    dataset: str
    cases: int
    started: str | None
    verdict: VerdictOut


class RunOut(SummaryOut):
    """A run with its arms."""

    protocol: str | None
    known_interactions: int | None
    """None where all of the data set's are known."""
    metric: str
    """The metric that the verdict is given on."""
    metrics: list[str]
    higher_is_better: dict[str, bool]
    baseline: str | None
    arms: list[ArmOut]


class _Report(_Read):
    format: Literal[1]
    runs: list[RunOut]


def reports_in(runs: Path | None) -> dict[str, Path]:
    """The reports of a folder by the names of the runs' folders, newest first; links may lead out and are left out."""
    found = {
        folder.name: folder / REPORT
        for folder in (runs.iterdir() if runs is not None and runs.is_dir() else ())
        if not folder.is_symlink() and (folder / REPORT).is_file() and not (folder / REPORT).is_symlink()
    }
    newest = sorted(found, key=lambda name: (-found[name].stat().st_mtime, name))
    return {name: found[name] for name in newest[:MOST_REPORTS]}


def read_report(path: Path) -> list[RunOut]:
    """The runs that a report compares. Raises ValueError saying why where it cannot be read or is none of ours."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES >> 20} MiB")
        return _Report.model_validate_json(path.read_bytes()).runs
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ValueError("it is not a report of this version: fewrec report RUN writes it anew") from error
