"""Adapters that benchmarks tune, judge by lists, and remember point by point."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import TypeAdapter
from rich.console import Console

from benchmarks.alone import alone
from evaluation.errors import RunConfigError
from evaluation.protocols.config import RandomSplit
from evaluation.run.command import bars
from evaluation.run.questions import Questions
from evaluation.statistics.compare import compare_many
from evaluation.statistics.error_bars import Values
from evaluation.tuning.config import FusionConfig, TuneConfig, TuneFile
from evaluation.tuning.examples import validation_cases
from evaluation.tuning.material import Material, gather
from evaluation.tuning.parts import Parts, real_parts
from evaluation.types import Case
from prompts.template import load_template
from prompts.types import PromptContext
from ranking.settings import ModelSettings, Settings
from ranking.tuning.config import TuningSettings
from ranking.tuning.quality import ndcg_at
from ranking.tuning.types import Provenance, TuningExample
from retrieval.protocol import Embedder

R = TypeVar("R")
K = TypeVar("K")
_CUTOFF = 10


def parts_alone() -> Parts:
    """What tunes and what scores, each call in a process of its own."""
    real = real_parts()
    return Parts(tune=alone(real.tune), score=alone(real.score))


def remembered(
    path: Path,
    kind: type[R],
    plan: Sequence[K],
    key_of: Callable[[R], K],
    make: Callable[[K], R],
    told: Callable[[R], None],
) -> list[R]:
    """The points of a plan, in its order. Those in the file are read, the others made, told and added to it at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    adapter = TypeAdapter(kind)
    lines = path.read_bytes().splitlines() if path.exists() else []
    made = {key_of(point): point for point in map(adapter.validate_json, lines)}
    for key in plan:
        if key not in made:
            made[key] = make(key)
            with path.open("ab") as file:
                file.write(adapter.dump_json(made[key]) + b"\n")
            told(made[key])
    return [made[key] for key in plan]


class Workbench:
    """Makes examples, tunes and judges as `fewrec tune` does. An adapter is kept as it is after its last step."""

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        console: Console,
        data_dir: Path | None,
        embedder: Embedder | None = None,
    ) -> None:
        self.settings, self.data_dir, self.embedder = settings, data_dir, embedder
        self._parts, self.console = parts, console

    def model(self, config: TuneConfig, adapter: Path | None) -> ModelSettings:
        """The configuration's model with another adapter, or none."""
        name = config.model or self.settings.model.name
        return self.settings.model.model_copy(update={"name": name, "adapter": adapter})

    def material(self, file: TuneFile, start: Path | None) -> Material:
        """The examples and validation lists of a configuration, for tuning from there; no fusion is fitted."""
        config = file.config.model_copy(update={"fusion": FusionConfig(fit=False)})
        with bars(self.console) as progress:
            return gather(
                TuneFile(config=config, base=file.base), self.settings, self.data_dir, progress, self.embedder,
                ask=lambda contexts: self.scores(config, start, contexts),
            )  # fmt: skip

    def tune(
        self,
        config: TuneConfig,
        tuning: TuningSettings,
        examples: Sequence[TuningExample],
        data: Mapping[str, str],
        folder: Path,
        start: Path | None,
    ) -> None:
        """Writes an adapter's folder; one that an earlier call finished stays."""
        self._parts.tune(
            tuning, self.model(config, start), self.settings.cache, load_template(config.template, config.language),
            self.settings.prompt.max_tokens, examples, [], folder, provenance=Provenance(name=folder.name, data=data),
        )  # fmt: skip

    def ndcgs(self, config: TuneConfig, adapter: Path | None, judged: Sequence[TuningExample]) -> list[float]:
        """NDCG@10 of the model alone on each list."""
        found = self.scores(config, adapter, [example.context for example in judged])
        return [ndcg(example, scores) for example, scores in zip(judged, found, strict=True)]

    def scores(
        self, config: TuneConfig, adapter: Path | None, contexts: Sequence[PromptContext]
    ) -> list[tuple[float, ...]]:
        """One score per candidate of each context."""
        return self._parts.score(
            self.model(config, adapter), self.settings.cache, load_template(config.template, config.language),
            self.settings.prompt.max_tokens, contexts,
        )  # fmt: skip


def redrawn(file: TuneFile, *, seed: int, validation: int, **examples: object) -> TuneFile:
    """The configuration with other settings of its examples, drawn by another seed, and so many validation lists.

    Raises RunConfigError where that seed would split the data anew: what one seed asks, another would tune on.
    """
    config = file.config
    if seed != config.seed and any(isinstance(lesson.protocol.split, RandomSplit) for lesson in config.lessons):
        raise RunConfigError(
            f"{config.name}: its seed splits the data too (split: random), so only {config.seed} will do"
        )
    update = {"examples": config.examples.model_copy(update=examples), "seed": seed, "validation": validation}
    return TuneFile(config=config.model_copy(update=update), base=file.base)


def free_cases(questions: Questions, n: int, seed: int) -> list[Case]:
    """At most n validation cases of users whom the test does not ask."""
    tested = {case.user_id or case.case_id for case in questions.case_set}
    free = [case for case in questions.fitting().cases if (case.user_id or case.case_id) not in tested]
    return validation_cases(free, n, seed)


def ndcg(example: TuningExample, scores: Sequence[float]) -> float:
    """NDCG@10 of one list in the order of these scores."""
    return ndcg_at(_CUTOFF, scores, example.relevance, [item.item_id for item in example.context.candidates])


def difference(values: Values | None, baseline: Values | None) -> str:
    """Mean paired difference x 100 and its 95% interval; a dash where one is missing or they are the same."""
    if values is None or baseline is None or np.array_equal(values, baseline):
        return "–"
    [found] = compare_many([values], [baseline], seed=0)
    if found.difference is None or found.low is None or found.high is None:
        return "–"
    return f"{100 * found.difference:+.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def spread(values: Sequence[float]) -> str:
    """Mean x 100 and, of more than one value, the standard deviation."""
    mean = f"{100 * statistics.fmean(values):.1f}"
    return mean if len(values) < 2 else f"{mean} ± {100 * statistics.stdev(values):.1f}"


def markdown(rows: Iterable[Sequence[str]]) -> str:
    """A GitHub table of cells as they are; its second row says how columns are set."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
