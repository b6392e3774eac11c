"""Losses and gradients of lists through the packed forward pass, and how well a model orders them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ranking.engines.encoding import EncodedPrompt
from ranking.engines.packed_model import PackedModel
from ranking.engines.packing import Share, plan
from ranking.errors import TuningError
from ranking.tuning.config import TuningSettings
from ranking.tuning.examples import EncodedExample, derived_seed
from ranking.tuning.losses import choose_loss
from ranking.tuning.quality import ndcg_at

_CUTOFF = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """Means over examples; see ranking.tuning.types.Validation."""

    loss: float
    ndcg: float
    ndcg_alone: float


class Learner:
    """A model with something in it to train. check is called before every pass and may raise to stop the work."""

    def __init__(
        self, core: PackedModel, settings: TuningSettings, max_packed_tokens: int, check: Callable[[], None]
    ) -> None:
        self._core = core
        self._settings = settings
        self._max_packed_tokens = max_packed_tokens
        self._check = check
        self._loss = choose_loss(settings.loss)

    def learn(self, batch: Sequence[EncodedExample], step: int) -> float:
        """Adds the gradient of the batch's mean loss to the parameters'; returns that loss.

        Raises TuningError, naming the example, if a loss is no finite number.
        """
        self._core.model.train()
        losses: list[float] = []
        for group in self._groups(batch):
            # Dropout must not depend on what ran before, or a run could not go on where it stopped.
            with torch.random.fork_rng():
                losses += self._learn_group(group, len(batch), derived_seed(self._settings.seed, "dropout", step))
        return sum(losses) / len(batch)

    def judge(self, examples: Sequence[EncodedExample]) -> Judged:
        """Loss and order of whole lists, without gradients."""
        self._core.model.eval()
        losses, together, alone = [], [], []
        with torch.inference_mode():
            margins = self._all_margins([example.prompt for example in examples], self._max_packed_tokens)
            for example, scores in zip(examples, margins, strict=True):
                losses.append(self._loss_of(example, scores).item())
                summed = self._with_offsets(example, scores).tolist()
                together.append(ndcg_at(_CUTOFF, summed, example.relevance, example.item_ids))
                alone.append(ndcg_at(_CUTOFF, scores.tolist(), example.relevance, example.item_ids))
        n = len(examples)
        return Judged(loss=sum(losses) / n, ndcg=sum(together) / n, ndcg_alone=sum(alone) / n)

    def _groups(self, batch: Sequence[EncodedExample]) -> Iterator[list[EncodedExample]]:
        """Neighbours that fit one pass together; a list too long for a pass stands alone."""
        group: list[EncodedExample] = []
        room = self._settings.max_pass_tokens
        for example in batch:
            shape = example.prompt.shape
            tokens = shape.prefix + sum(shape.branches)
            if group and tokens > room:
                yield group
                group, room = [], self._settings.max_pass_tokens
            group.append(example)
            room -= tokens
        if group:
            yield group

    def _learn_group(self, group: Sequence[EncodedExample], n: int, seed: int) -> list[float]:
        prompts = [example.prompt for example in group]
        passes = plan([prompt.shape for prompt in prompts], self._settings.max_pass_tokens)
        if len(passes) > 1:
            [example] = group
            return [self._learn_in_parts(example, passes, n, seed)]
        self._check()
        torch.manual_seed(seed)
        losses = [
            self._loss_of(example, margins)
            for example, margins in zip(group, self._core.margins(prompts, passes[0]), strict=True)
        ]
        (torch.stack(losses).sum() / n).backward()  # type: ignore[no-untyped-call]
        return [loss.item() for loss in losses]

    def _learn_in_parts(self, example: EncodedExample, passes: Sequence[Sequence[Share]], n: int, seed: int) -> float:
        """The exact gradient of a list too long for one pass, in the memory of one pass.

        All margins are computed first, without gradients, for the loss's gradient by margin; then every part again,
        with gradients, from which that gradient is passed on.
        """
        with torch.no_grad():
            parts = [self._seeded_margins(example.prompt, shares, seed, at) for at, shares in enumerate(passes)]
        margins = torch.cat(parts).requires_grad_()
        loss = self._loss_of(example, margins)
        (loss / n).backward()  # type: ignore[no-untyped-call]
        if margins.grad is None:
            raise AssertionError("a loss depends on its margins")
        gradients = torch.split(margins.grad, [len(part) for part in parts])
        for at, (shares, gradient) in enumerate(zip(passes, gradients, strict=True)):
            self._seeded_margins(example.prompt, shares, seed, at).backward(gradient)  # type: ignore[no-untyped-call]
        return loss.item()

    def _seeded_margins(self, prompt: EncodedPrompt, shares: Sequence[Share], seed: int, part: int) -> Tensor:
        self._check()
        torch.manual_seed(seed + part)
        return torch.cat(self._core.margins([prompt], shares))

    def _all_margins(self, prompts: Sequence[EncodedPrompt], max_tokens: int) -> list[Tensor]:
        found: list[list[Tensor]] = [[] for _ in prompts]
        for shares in plan([prompt.shape for prompt in prompts], max_tokens):
            self._check()
            for share, margins in zip(shares, self._core.margins(prompts, shares), strict=True):
                found[share.prompt].append(margins)
        return [torch.cat(parts) for parts in found]

    def _with_offsets(self, example: EncodedExample, margins: Tensor) -> Tensor:
        if example.offsets is None:
            return margins
        return margins + torch.tensor(example.offsets, dtype=margins.dtype, device=margins.device)

    def _loss_of(self, example: EncodedExample, margins: Tensor) -> Tensor:
        relevance = torch.tensor(example.relevance, dtype=margins.dtype, device=margins.device)
        loss = self._loss(self._with_offsets(example, margins), relevance)
        if not torch.isfinite(loss):
            raise TuningError(
                f"the loss of example {example.example_id!r} is {loss.item()}: the model gives no finite scores; lower "
                f"learning_rate, or tune in float32"
            )
        return loss
