"""Which arm looks how, the same in every plot of a run: colour for LLM arms, grey for the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.report.plots_canvas import BASELINE, MARKERS, PLAIN, SERIES
from evaluation.report.types import Arm, Run
from evaluation.report.verdict import best_without_llm, value_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How an arm is drawn."""

    colour: str
    marker: str
    width: float
    named: bool
    """Whether the arm is named in plots that have no room for all."""


def looks_of(run: Run) -> Mapping[str, Look]:
    """A look for each arm. The best LLM arms get the colours; the baseline and the best rival are named as well."""
    llm = sorted((arm for arm in run.arms if arm.llm), key=lambda arm: _order(run, arm))
    coloured = {arm.name: place for place, arm in enumerate(llm[: len(SERIES)])}
    rival = best_without_llm(run)
    looks = {}
    for arm in run.arms:
        place = coloured.get(arm.name)
        is_rival = rival is not None and arm.name == rival.name
        if place is not None:
            looks[arm.name] = Look(colour=SERIES[place], marker=MARKERS[place], width=2.2, named=True)
        elif arm.name == run.baseline or is_rival:
            looks[arm.name] = Look(colour=BASELINE, marker="o", width=2.2 if is_rival else 1.6, named=True)
        else:
            looks[arm.name] = Look(colour=PLAIN, marker="o", width=1.2, named=False)
    return looks


def _order(run: Run, arm: Arm) -> tuple[float, str]:
    value = value_of(arm, run.metric)
    sign = -1.0 if run.higher_is_better.get(run.metric, True) else 1.0
    return (float("inf") if value is None else sign * value, arm.name)
