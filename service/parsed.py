"""What was read from what the model wrote, on the wire."""

from __future__ import annotations

from ranking.parsing.written import parse_totals
from ranking.types import Written
from service.wire import Wire


class ParseOut(Wire):
    """How far what the model wrote was an order of exactly the candidates; all zero means that nothing was wrong."""

    outputs: int
    """Texts that were written."""
    missing: int
    duplicate: int
    invented: int
    repaired: int
    fell_back: int
    """Texts that no candidate could be read from."""
    raw: list[str]
    """The texts as they came."""

    @classmethod
    def of(cls, outputs: tuple[Written, ...]) -> ParseOut:
        """The wire shape."""
        totals = parse_totals(outputs)
        return cls(
            outputs=totals.outputs,
            missing=totals.missing,
            duplicate=totals.duplicate,
            invented=totals.invented,
            repaired=totals.repaired,
            fell_back=totals.fell_back,
            raw=[output.completion.text for output in outputs],
        )
