"""Reptile, first-order meta-learning (Nichol, Achiam and Schulman 2018), over adapters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ranking.tuning.adapter import read_adapter, write_adapter
from ranking.tuning.manifest import PEFT_FILE
from ranking.tuning.types import TuningExample
from ranking.tuning.weights import read_weights, weights_file


class InnerLoop(Protocol):
    """A few optimiser steps, the optimiser's state anew."""

    def __call__(self, examples: Sequence[TuningExample], folder: Path, start: Path | None, /) -> None:
        """Writes the adapter that these examples make of the start; None is the untuned model."""


def rounds(examples: Mapping[str, Sequence[TuningExample]], inner: int) -> Iterator[Sequence[TuningExample]]:
    """Parts of at most `inner` examples of one domain each, the domains in turn; every example comes once."""
    for at in range(0, max(map(len, examples.values())), inner):
        yield from (part for own in examples.values() if (part := own[at : at + inner]))


def reptile(examples: Mapping[str, Sequence[TuningExample]], inner: int, tune: InnerLoop, folder: Path) -> Path:
    """The folder of the adapter after all rounds.

    In each the adapter moves towards what one domain's examples make of it, by a share that falls in a straight line
    from 1: the first round, which starts from nothing, goes all the way.
    """
    parts = list(rounds(examples, inner))
    slow: Path | None = None
    for at, part in enumerate(parts):
        fast = folder / f"inner-{at}"
        tune(part, fast, slow)
        slow = fast if slow is None else move(slow, fast, 1 - at / len(parts), folder / f"outer-{at}")
    if slow is None:
        raise ValueError("there are no examples to learn from")
    return slow


def move(start: Path, towards: Path, share: float, folder: Path) -> Path:
    """Writes the adapter that lies by this share between two: start + share (towards - start), matrix by matrix."""
    slow, fast = read_weights(start), read_weights(towards)
    moved = {name: weight + share * (fast[name] - weight) for name, weight in slow.items()}
    manifest = read_adapter(towards).manifest
    folder.mkdir(parents=True, exist_ok=True)
    config = (towards / PEFT_FILE).read_bytes()
    write_adapter(folder, manifest, weights_file(moved, manifest.settings.stored_as), config, "Nothing was moved")
    return folder
