"""How an arm kept to its task."""

from __future__ import annotations

from evaluation.metrics.columns import Totals
from evaluation.metrics.shape import ContractDict


def contract(totals: Totals) -> ContractDict:
    """Sums over all cases of all scenarios."""
    return ContractDict(
        n=totals.cases,
        missing=totals.missing,
        duplicate=totals.duplicate,
        invented=totals.invented,
        repaired=totals.repaired,
        fell_back=totals.fell_back,
        clean=totals.clean,
    )
