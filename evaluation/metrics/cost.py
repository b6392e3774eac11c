"""What an arm took: tokens and operations, which every run repeats, and wall time, which none does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evaluation.metrics.columns import Totals
from evaluation.metrics.shape import CostDict, TimingDict


def cost(totals: Totals) -> CostDict | None:
    """Tokens and operations; None for an arm in which no LLM read anything."""
    if totals.llm_cases == 0:
        return None
    return CostDict(
        n=totals.llm_cases,
        prompt_tokens=totals.prompt_tokens,
        prompt_tokens_per_case=totals.prompt_tokens / totals.llm_cases,
        completion_tokens=totals.completion_tokens,
        completion_tokens_per_case=totals.completion_tokens / totals.llm_cases,
        model_calls_per_case=totals.model_calls / totals.llm_cases,
        flops=totals.flops,
    )


def timing(seconds: npt.NDArray[np.float32]) -> TimingDict:
    """Wall time per case: total, median and 95th percentile."""
    some = len(seconds) > 0
    middle, late = np.quantile(seconds.astype(np.float64), [0.5, 0.95]) if some else (np.nan, np.nan)
    return TimingDict(
        n=len(seconds),
        seconds_total=float(seconds.sum(dtype=np.float64)),
        seconds_p50=float(middle) if some else None,
        seconds_p95=float(late) if some else None,
    )
