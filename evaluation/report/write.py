"""Writes reports: one HTML page that needs nothing else, and Markdown and JSON beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evaluation.errors import RunConfigError, RunFolderError, RunMismatchError
from evaluation.report.diff import compare_runs, diff_html, diff_markdown
from evaluation.report.html import report_html
from evaluation.report.markdown import report_markdown
from evaluation.report.model import load_run
from evaluation.report.types import ReportFiles, Run
from evaluation.report.verdict import verdict_of

FORMAT = 1


def write_report(runs: Sequence[Path], output: Path) -> ReportFiles:
    """A report of run folders. `output` is the page's path if it ends in .html, else the folder of `report.*`.

    The same folders give the same bytes. Raises RunFolderError for a folder that cannot be read or an output that
    cannot be written, RunMismatchError if two runs call different data by the same name.
    """
    if not runs:
        raise RunConfigError("a report needs at least one run folder")
    loaded = [load_run(folder) for folder in runs]
    _check_data(loaded)
    data = {"format": FORMAT, "runs": [_run_data(run) for run in loaded]}
    return _write(_files(output, "report"), report_html(loaded), report_markdown(loaded), data)


def write_diff(a: Path, b: Path, output: Path) -> ReportFiles:
    """What changed from run a to run b. `output` is the page's path if it ends in .html, else the folder of `diff.*`.

    Raises RunMismatchError saying which digest differs if the runs did not answer the same cases of the same data.
    """
    comparison = compare_runs(load_run(a), load_run(b))
    data = {
        "format": FORMAT,
        **_plain(asdict(comparison)),
        "a": _run_data(comparison.a),
        "b": _run_data(comparison.b),
    }
    return _write(_files(output, "diff"), diff_html(comparison), diff_markdown(comparison), data)


def _check_data(runs: Sequence[Run]) -> None:
    first: dict[str, Run] = {}
    for run in runs:
        other = first.setdefault(run.dataset, run)
        if other.digest != run.digest:
            raise RunMismatchError(
                f"{other.folder} and {run.folder} cannot be compared: both name their data {run.dataset!r}, but its "
                f"digest is {other.digest[:12]} in the first and {run.digest[:12]} in the second. Report them apart, "
                "or run one of them again on the other's data"
            )


def _run_data(run: Run) -> Mapping[str, Any]:
    """All of a run but where its folder lies, which is nobody else's business."""
    data = {name: value for name, value in asdict(run).items() if name != "folder"}
    return {**_plain(data), "verdict": _plain(asdict(verdict_of(run)))}


def _plain(value: Any) -> Any:
    """JSON has no NaN: an undefined number is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value


def _files(output: Path, name: str) -> ReportFiles:
    page = output if output.suffix.lower() in {".html", ".htm"} else output / f"{name}.html"
    return ReportFiles(html=page, markdown=page.with_suffix(".md"), json=page.with_suffix(".json"))


def _write(files: ReportFiles, html: str, markdown: str, data: Mapping[str, Any]) -> ReportFiles:
    try:
        files.html.parent.mkdir(parents=True, exist_ok=True)
        files.markdown.write_text(markdown, encoding="utf-8")
        files.json.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        files.html.write_text(html, encoding="utf-8")
    except OSError as error:
        raise RunFolderError(f"cannot write the report to {files.html.parent}: {error.strerror}") from error
    return files
