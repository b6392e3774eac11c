"""What is to be told of all that a model wrote for one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ranking.types import Written


@dataclass(frozen=True, kw_only=True, slots=True)
class ParseTotals:
    """Sums of ParseReport over texts; see there."""

    outputs: int
    missing: int
    duplicate: int
    invented: int
    repaired: int
    fell_back: int
    """Texts that no candidate could be read from."""

    @property
    def said_nothing(self) -> bool:
        """Whether there are texts, and none of them names a candidate."""
        return 0 < self.outputs == self.fell_back


def parse_totals(outputs: Sequence[Written]) -> ParseTotals:
    """The sums over what was written; all zero where nothing was."""
    reports = [output.report for output in outputs]
    return ParseTotals(
        outputs=len(reports),
        missing=sum(report.missing for report in reports),
        duplicate=sum(report.duplicate for report in reports),
        invented=sum(report.invented for report in reports),
        repaired=sum(report.repaired for report in reports),
        fell_back=sum(report.fell_back for report in reports),
    )


def written_notes(outputs: Sequence[Written]) -> tuple[str, ...]:
    """What a reader of the answer must know: what was wrong with the texts."""
    totals = parse_totals(outputs)
    if totals.said_nothing:
        return ("What the model wrote names no candidate, so the LLM did not rank.",)
    flaws = [
        f"{count} {what}"
        for count, what in (
            (totals.missing, "left out"),
            (totals.duplicate, "named again"),
            (totals.invented, "made up"),
        )
        if count
    ]
    if not flaws:
        return ()
    texts = "what the model wrote" if totals.outputs == 1 else f"the {totals.outputs} orders that the model wrote"
    return (f"Candidates in {texts}: {', '.join(flaws)}. Those left out follow in the order they were shown in.",)
