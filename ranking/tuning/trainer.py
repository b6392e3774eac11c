"""Tunes an adapter on lists of candidates, with the packed forward pass that serves them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prompts.template import Template
from ranking.settings import ModelSettings
from ranking.tuning.config import TuningSettings
from ranking.tuning.types import OnProgress, Provenance, Tuned, TuningExample


def tune(
    settings: TuningSettings,
    model: ModelSettings,
    cache: Path,
    template: Template,
    max_tokens: int,
    examples: Sequence[TuningExample],
    validation: Sequence[TuningExample],
    output: Path,
    progress: OnProgress | None = None,
    *,
    provenance: Provenance | None = None,
) -> Tuned:
    """Tunes an adapter of the model on the examples and writes its folder.

    model.adapter, if set, is what tuning starts from. The examples are put into words by a yes-no template within
    max_tokens, as the strategy yes-no does when it serves. Of the adapters seen at the looks at the validation
    examples the one of the highest NDCG@10 is kept (the earliest of equals); without validation examples the last one.

    The output folder is locked. A run that was killed goes on from its last checkpoint when it is called again with the
    same arguments and ends in the same result; a finished one returns at once. Ctrl-C keeps the best so far. Raises
    TuningError for examples that cannot be used, a folder of another run, a full disk (the earlier checkpoint stays)
    and a loss that is no number; ModelError for the model or the adapter to start from; ConfigError for a template of
    another kind.
    """
    raise NotImplementedError
