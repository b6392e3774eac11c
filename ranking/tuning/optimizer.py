"""AdamW with a learning rate that is a function of the step, and a state that can be put aside and taken up."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ranking.errors import TuningError
from ranking.tuning.config import TuningSettings


def learning_rate(settings: TuningSettings, step: int, steps: int) -> float:
    """Of step 0, 1, …, steps - 1: a straight line up over the warm-up's share of the steps, then one down towards 0."""
    warm = math.ceil(settings.warmup * steps)
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    return settings.learning_rate * (steps - step) / max(steps - warm, 1)


class Optimizer:
    """Steps over named parameters."""

    def __init__(self, parameters: Mapping[str, torch.nn.Parameter], settings: TuningSettings, steps: int) -> None:
        self._parameters = parameters
        self._settings = settings
        self._steps = steps
        self._adam = torch.optim.AdamW(parameters.values(), weight_decay=settings.weight_decay)

    def step(self, step: int) -> None:
        """Moves the parameters by their gradients, which it then forgets. Raises TuningError for a gradient of NaNs."""
        norm = torch.nn.utils.clip_grad_norm_(self._parameters.values(), self._settings.max_gradient_norm)
        if not torch.isfinite(norm):
            raise TuningError(f"the gradient of step {step + 1} is no finite number; lower learning_rate")
        for group in self._adam.param_groups:
            group["lr"] = learning_rate(self._settings, step, self._steps)
        self._adam.step()
        self.forget()

    def forget(self) -> None:
        """Drops the gradients gathered so far."""
        self._adam.zero_grad(set_to_none=True)

    def moments(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """First and second moments by parameter, on the CPU; empty before the first step."""
        state = {name: self._adam.state[parameter] for name, parameter in self._parameters.items()}
        kept = {name: values for name, values in state.items() if values}
        return (
            {name: values["exp_avg"].cpu() for name, values in kept.items()},
            {name: values["exp_avg_sq"].cpu() for name, values in kept.items()},
        )

    def take_up(self, step: int, first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> None:
        """Goes on with moments that were put aside after so many steps."""
        for name, parameter in self._parameters.items():
            if name in first:
                self._adam.state[parameter] = {
                    "step": torch.tensor(float(step)),
                    "exp_avg": first[name].to(parameter.device),
                    "exp_avg_sq": second[name].to(parameter.device),
                }
