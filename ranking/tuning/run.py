"""The loop: steps, looks at the validation examples, checkpoints, and an end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ranking.engines.device import give_back_memory
from ranking.engines.packed_model import PackedModel
from ranking.tuning.checkpoint import Checkpoint, Standing, write_checkpoint
from ranking.tuning.config import TuningSettings
from ranking.tuning.examples import EncodedExample, Schedule
from ranking.tuning.interrupt import Interruption, StoppedError
from ranking.tuning.learner import Learner
from ranking.tuning.lora import Lora
from ranking.tuning.manifest import Ended, ValidationRecord
from ranking.tuning.optimizer import Optimizer
from ranking.tuning.types import OnProgress, Progressed, Validation


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a run ended, and the adapter to keep."""

    ended: Ended
    steps: int
    best_step: int
    weights: Mapping[str, Tensor]
    """By the names of an adapter's file."""
    validations: tuple[ValidationRecord, ...]


class Run:
    """One run, from its start or from a checkpoint. All that decides what comes next is in its checkpoint."""

    def __init__(
        self,
        *,
        settings: TuningSettings,
        core: PackedModel,
        lora: Lora,
        train: Sequence[EncodedExample],
        valid: Sequence[EncodedExample],
        output: Path,
        parts: dict[str, str],
        max_packed_tokens: int,
        progress: OnProgress,
        interruption: Interruption,
    ) -> None:
        self._settings = settings
        self._lora = lora
        self._valid = valid
        self._output = output
        self._progress = progress
        self._interruption = interruption
        self._schedule = Schedule(
            train, batch=settings.batch, epochs=settings.epochs, steps=settings.steps, seed=settings.seed
        )
        self._learner = Learner(core, settings, max_packed_tokens, interruption.check)
        self._optimizer = Optimizer(lora.parameters, settings, self._schedule.steps)
        self._standing = Standing(run=parts)
        self._best: Mapping[str, Tensor] = {}
        self._saved: int | None = None
        self._pace = _Pace()

    def take_up(self, checkpoint: Checkpoint) -> None:
        """Goes on where a checkpoint of the same run stands."""
        with torch.no_grad():
            for name, parameter in self._lora.parameters.items():
                parameter.copy_(checkpoint.weights[name])
        self._standing = checkpoint.standing
        self._optimizer.take_up(self._standing.step, checkpoint.first_moments, checkpoint.second_moments)
        self._best = checkpoint.best
        self._saved = self._standing.step

    def go(self) -> Outcome:
        """Runs to the end, or until it is asked to stop. Raises KeyboardInterrupt if that is before the first step."""
        ended: Ended | None = None
        try:
            while ended is None:
                self._interruption.check()
                ended = self._advance()
        except StoppedError:
            self._optimizer.forget()
            if self._standing.step == 0:
                raise KeyboardInterrupt from None
            self._save()
            ended = "interrupted"
        if self._saved is None:
            self._save()  # a crash or a full disk while the adapter is written goes by what is kept here
        best = _best(self._standing.validations)
        return Outcome(
            ended=ended,
            steps=self._standing.step,
            best_step=self._standing.step if best is None else best.step,
            weights=self._best or self._lora.weights(),
            validations=self._standing.validations,
        )

    def _advance(self) -> Ended | None:
        """One look or one step; says how the run ended if it did."""
        standing, settings = self._standing, self._settings
        step, looks = standing.step, standing.validations
        due = step % settings.evaluate_every == 0 or step == self._schedule.steps
        if self._valid and due and (not looks or looks[-1].step != step):
            self._look()
            return None
        if step == self._schedule.steps:
            return "finished"
        if settings.patience is not None and _looks_without_better(looks) >= settings.patience:
            return "patience"
        self._step()
        if self._standing.step % settings.checkpoint_every == 0:
            self._save()
            give_back_memory()
        return None

    def _step(self) -> None:
        began = time.perf_counter()
        standing = self._standing
        batch = self._schedule.batch(standing.step, self._settings.max_negatives)
        loss = self._learner.learn(batch, standing.step)
        self._optimizer.step(standing.step)
        self._standing = standing.model_copy(
            update={"step": standing.step + 1, "recent_losses": (*standing.recent_losses, loss)}
        )
        self._pace.steps.append(time.perf_counter() - began)
        self._tell(loss)

    def _look(self) -> None:
        began = time.perf_counter()
        standing = self._standing
        judged = self._learner.judge(self._valid)
        recent = standing.recent_losses
        look = ValidationRecord(
            step=standing.step,
            n=len(self._valid),
            loss=judged.loss,
            train_loss=sum(recent) / len(recent) if recent else None,
            ndcg=judged.ndcg,
            ndcg_alone=judged.ndcg_alone,
        )
        looks = (*standing.validations, look)
        if _best(looks) is look:
            self._best = self._lora.weights()
        self._standing = standing.model_copy(update={"validations": looks, "recent_losses": ()})
        self._pace.looks.append(time.perf_counter() - began)
        self._tell(recent[-1] if recent else None)

    def _save(self) -> None:
        first, second = self._optimizer.moments()
        checkpoint = Checkpoint(
            standing=self._standing,
            weights={name: parameter.detach().cpu() for name, parameter in self._lora.parameters.items()},
            first_moments=first,
            second_moments=second,
            best=self._best,
        )
        write_checkpoint(self._output, checkpoint, self._saved)
        self._saved = self._standing.step

    def _tell(self, loss: float | None) -> None:
        looks = self._standing.validations
        step, steps, every = self._standing.step, self._schedule.steps, self._settings.evaluate_every
        looks_left = 0 if not self._valid else -(-steps // every) - (looks[-1].step // every if looks else -1)
        told = Progressed(
            step=step,
            steps=steps,
            loss=loss,
            validation=Validation(**looks[-1].model_dump()) if looks else None,
            seconds_left=self._pace.left(steps - step, looks_left),
        )
        try:
            self._progress(told)
        except KeyboardInterrupt:
            self._interruption.request()


class _Pace:
    """Seconds of the steps and looks so far."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.looks: list[float] = []

    def left(self, steps: int, looks: int) -> float | None:
        """Seconds that so many more take at the mean pace; None before the first step."""
        if steps == 0 and looks <= 0:
            return 0.0
        if not self.steps:
            return None
        look = sum(self.looks) / len(self.looks) if self.looks else 0.0
        return steps * sum(self.steps) / len(self.steps) + looks * look


def _best(looks: Sequence[ValidationRecord]) -> ValidationRecord | None:
    """The look whose adapter is kept: of the highest NDCG, the earliest of equals, never the untuned model's."""
    return max((look for look in looks if look.step > 0), key=lambda look: look.ndcg, default=None)


def _looks_without_better(looks: Sequence[ValidationRecord]) -> int:
    best = _best(looks)
    return 0 if best is None else sum(look.step > best.step for look in looks)
