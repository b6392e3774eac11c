"""Evaluation reports, read only: which runs there are, and how the arms of one compare."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as Parameter

from retrieval.errors import ConflictError, NotFoundError
from service.api.dependencies import ServingNow
from service.api.problems import problems
from service.evaluations import RunOut, SummaryOut, read_report, reports_in
from service.wire import Wire

router = APIRouter(prefix="/v1/evaluations", tags=["evaluations"])


class EvaluationOut(Wire):
    """One report: a run, or several that were reported together."""

    folder: str
    runs: list[SummaryOut]
    problem: str | None
    """Why the report cannot be shown; null where it can."""


class EvaluationsOut(Wire):
    """The reports of the folder that the operator named, newest first."""

    evaluations: list[EvaluationOut]


class ReportOut(Wire):
    """The runs of one report with their arms."""

    folder: str
    runs: list[RunOut]


@router.get("", responses=problems())
async def evaluations(serving: ServingNow) -> EvaluationsOut:
    """Evaluations that have a report. The folder is a setting (`runs`), and nothing that a client says."""
    return EvaluationsOut(evaluations=await asyncio.to_thread(_all, serving.runs))


@router.get("/{folder}", responses=problems(404, 409, 422))
async def evaluation(
    serving: ServingNow, folder: Annotated[str, Parameter(max_length=255, description="As the list names it.")]
) -> ReportOut:
    """One report: arms, metrics with 95% intervals, differences to the baseline, and the verdict."""
    return await asyncio.to_thread(_report, serving.runs, folder)


def _all(runs: Path | None) -> list[EvaluationOut]:
    return [_summary(name, path) for name, path in reports_in(runs).items()]


def _summary(name: str, path: Path) -> EvaluationOut:
    try:
        runs = read_report(path)
    except ValueError as error:
        return EvaluationOut(folder=name, runs=[], problem=str(error))
    short = [SummaryOut.model_validate(run, from_attributes=True) for run in runs]
    return EvaluationOut(folder=name, runs=short, problem=None)


def _report(runs: Path | None, name: str) -> ReportOut:
    # Looked up among what is there, so that no name leads out of the folder.
    path = reports_in(runs).get(name)
    if path is None:
        raise NotFoundError("no evaluation of that name has a report; fewrec report RUN writes one")
    try:
        return ReportOut(folder=name, runs=read_report(path))
    except ValueError as error:
        raise ConflictError(f"the report of {name!r} cannot be shown: {error}") from error
