"""The only module that speaks to peft: puts low-rank matrices into a model, and merges them into its weights."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ranking.tuning.config import TuningSettings


class Lora:
    """Low-rank matrices put into a model in place, in float32; they alone are trained.

    The new matrices depend on the seed alone. Raises ValueError if the model has no layer that the settings name.
    """

    def __init__(self, model: Any, settings: TuningSettings, seed: int) -> None:
        from peft import LoraConfig, get_peft_model

        targets = settings.targets if isinstance(settings.targets, str) else list(settings.targets)
        config = LoraConfig(
            task_type="CAUSAL_LM",
            r=settings.rank,
            lora_alpha=settings.alpha,  # type: ignore[arg-type]  # a float does
            lora_dropout=settings.dropout,
            target_modules=targets,
            bias="none",
        )
        with torch.random.fork_rng(), _quiet():
            torch.manual_seed(seed)
            self._wrapped: Any = get_peft_model(model, config)
        self._config: Any = self._wrapped.peft_config["default"]
        self.parameters: dict[str, torch.nn.Parameter] = {
            name: parameter for name, parameter in self._wrapped.named_parameters() if parameter.requires_grad
        }

    def weights(self) -> dict[str, Tensor]:
        """Copies of the matrices on the CPU, by the names they have in an adapter's file."""
        from peft import get_peft_model_state_dict

        found: dict[str, Tensor] = get_peft_model_state_dict(self._wrapped)
        return {name: tensor.detach().cpu().clone() for name, tensor in found.items()}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Puts matrices in place of those that are there. Raises ValueError if names or shapes differ."""
        from peft import set_peft_model_state_dict

        own = self.weights()
        wrong = own.keys() ^ weights.keys() or {name for name in own if own[name].shape != weights[name].shape}
        if wrong:
            raise ValueError(f"{len(wrong)} of {len(own)} matrices differ in name or shape, the first is {min(wrong)}")
        set_peft_model_state_dict(self._wrapped, {name: tensor.float() for name, tensor in weights.items()})

    def config(self, base: str) -> bytes:
        """The adapter's configuration in peft's format, the same bytes for the same adapter."""
        values = self._config.to_dict() | {"base_model_name_or_path": base, "inference_mode": True}
        # Peft keeps the names of layers as a set.
        values["target_modules"] = sorted(self._config.target_modules)
        return (json.dumps(values, indent=2, sort_keys=True, default=_plain) + "\n").encode()


def merge(model: Any, folder: Path) -> None:
    """Adds the adapter in a folder to the model's own weights, in place: it then runs as fast as without."""
    from peft import PeftModel

    with _quiet():
        wrapped: Any = PeftModel.from_pretrained(model, str(folder))
        wrapped.merge_and_unload()
    model.requires_grad_(False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings that peft earns by speaking to an older transformers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
