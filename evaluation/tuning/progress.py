"""How far tuning is: a bar on a terminal, a line per look at the validation elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ranking.tuning.types import OnProgress, Progressed


@contextmanager
def shown_progress(console: Console) -> Iterator[OnProgress]:
    """Shows loss, validation NDCG and time left."""
    columns = (
        TextColumn("tuning"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as drawn:
        task = drawn.add_task("tuning", total=None, told="")
        looked_at: set[int] = set()

        def show(told: Progressed) -> None:
            drawn.update(task, total=told.steps, completed=told.step, told=words(told))
            look = told.validation
            if look is not None and look.step not in looked_at and not console.is_terminal:
                console.print(
                    f"step {told.step} of {told.steps}: {words(told)}", highlight=False, markup=False, soft_wrap=True
                )
            if look is not None:
                looked_at.add(look.step)

        yield show


def words(told: Progressed) -> str:
    """Where a run stands, for people."""
    parts = [] if told.loss is None else [f"loss {told.loss:.3f}"]
    if told.validation is not None:
        parts.append(f"validation NDCG@10 {100 * told.validation.ndcg:.1f}")
    if told.seconds_left is not None:
        parts.append(f"{_duration(told.seconds_left)} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
