"""The only module that speaks to transformers: loads models, converts GGUF files, registers our attention."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ranking.errors import ModelError
from retrieval.errors import one_line

if TYPE_CHECKING:
    import torch

_ATTENTION = "fewrec_packed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pretrained:
    """A loaded model and its tokenizer."""

    model: Any
    tokenizer: Any
    max_context: int
    """Longest sequence in tokens over which every layer sees everything before it."""
    structured: bool
    """Whether the model runs the attention function it was loaded with (else it wants a mask)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainedTokenizer:
    """The tokenizer of a model whose weights are not loaded."""

    tokenizer: Any
    max_context: int
    """Longest sequence in tokens over which every layer sees everything before it."""


def load_tokenizer(folder: Path) -> PretrainedTokenizer:
    """The tokenizer of a model folder, without network. Raises ModelError if the folder is no such model."""
    from transformers import AutoConfig, AutoTokenizer

    with _quiet():
        try:
            config: Any = AutoConfig.from_pretrained(str(folder), local_files_only=True).get_text_config()
            tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        except Exception as error:  # anything at all can be wrong with a folder that a user names
            raise ModelError(f"the model in {folder} cannot be loaded: {one_line(error)[:300]}") from error
        return PretrainedTokenizer(tokenizer=tokenizer, max_context=_limits(config).max_context)


def convert_gguf(source: Path, folder: Path) -> None:
    """Writes the model of a GGUF file into a folder, dequantized to bfloat16 safetensors, with its tokenizer.

    Raises ModelError if the file is no readable GGUF model, OSError if the folder cannot be written.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    where: dict[str, Any] = {"gguf_file": source.name, "local_files_only": True}
    with _quiet():
        try:
            tokenizer: Any = AutoTokenizer.from_pretrained(str(source.parent), **where)
            model: Any = AutoModelForCausalLM.from_pretrained(
                str(source.parent), quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16, **where
            )
        except Exception as error:  # the reader raises whatever a broken file leads it to
            raise ModelError(f"{source} cannot be read as a GGUF model: {one_line(error)[:300]}") from error
        model.save_pretrained(str(folder))
        tokenizer.save_pretrained(str(folder))


def load_pretrained(
    folder: Path,
    *,
    device: str,
    dtype: torch.dtype,
    attention: Callable[..., Any] | None,
    layers: int | None = None,
) -> Pretrained:
    """Loads a causal language model from a folder, without network, ready for inference.

    attention replaces the library's own if every layer of the model looks at all that came before. layers keeps only
    the first layers. Raises ModelError if the folder is no such model, has fewer layers, or does not fit the device.
    """
    from transformers import AttentionInterface, AutoConfig, AutoModelForCausalLM, AutoTokenizer
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    with _quiet():
        try:
            config: Any = AutoConfig.from_pretrained(str(folder), local_files_only=True).get_text_config()
            limits = _limits(config)
            structured = attention is not None and limits.plain
            options: dict[str, Any] = {"attn_implementation": _ATTENTION} if structured else {}
            if attention is not None and structured:
                AttentionInterface.register(_ATTENTION, attention)
                AttentionMaskInterface.register(_ATTENTION, sdpa_mask)  # for passes that are not packed
            if device != "cpu":
                options["device_map"] = "auto" if device == "cuda" else device
            tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
            model: Any = AutoModelForCausalLM.from_pretrained(
                str(folder), dtype=dtype, local_files_only=True, **options
            )
        except ModelError:
            raise
        except Exception as error:  # anything at all can be wrong with a folder that a user names
            raise ModelError(f"the model in {folder} cannot be loaded: {one_line(error)[:300]}") from error
    check_on_device(getattr(model, "hf_device_map", None) or {}, device, folder)
    if getattr(model, "_is_stateful", False):
        raise ModelError(f"the model in {folder} is recurrent; packed scoring needs attention in every layer")
    if layers is not None:
        _cut(model, layers, folder)
    return Pretrained(
        model=model.eval().requires_grad_(False),
        tokenizer=tokenizer,
        max_context=limits.max_context,
        structured=structured,
    )


def check_on_device(placed: Mapping[str, Any], device: str, folder: Path) -> None:
    """Raises ModelError if accelerate, spreading a model over all GPUs, left some of it in main memory or on disk."""
    left_out = sum(str(place) in {"cpu", "disk"} for place in placed.values())
    if device != "cpu" and left_out:
        raise ModelError(
            f"the model in {folder} does not fit the memory of {device}: {left_out} of its {len(placed)} parts are "
            "left out; choose a smaller model, --dtype bfloat16 or --device cpu"
        )


def _cut(model: Any, layers: int, folder: Path) -> None:
    """Leaves out all layers after the first so many; the final norm and the head then follow these."""
    found = getattr(model.base_model, "layers", None)
    if found is None or len(found) < layers:
        has = "no list of layers" if found is None else f"{len(found)} layers"
        raise ModelError(f"the model in {folder} has {has}, so the first {layers} cannot be kept; leave `layers` out")
    model.base_model.layers = found[:layers]
    config = model.config.get_text_config()
    config.num_hidden_layers = layers
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:layers]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Limits:
    max_context: int
    plain: bool


def _limits(config: Any) -> _Limits:
    """What the configuration says of the attention: how far it sees, and whether it is the plain kind."""
    max_context = int(getattr(config, "max_position_embeddings", None) or 2048)
    layer_types = set(getattr(config, "layer_types", None) or ["full_attention"])
    if not layer_types <= {"full_attention", "sliding_attention"}:
        raise ModelError(f"model type {config.model_type} has layers without attention; packed scoring needs it in all")
    window: Any = getattr(config, "sliding_window", None)
    slides = window is not None and ("sliding_attention" in layer_types or getattr(config, "use_sliding_window", True))
    capped = getattr(config, "attn_logit_softcapping", None) is not None
    return _Limits(
        max_context=min(max_context, window) if slides else max_context,
        plain=not slides and not capped and config.model_type in _PLAIN,
    )


# Models whose layers hand their keyword arguments on to the attention function and add nothing to its scores.
_PLAIN = frozenset({"llama", "mistral", "qwen2", "qwen3", "smollm3", "olmo2", "granite", "phi3"})


@contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars and hints on the terminal, which belongs to the caller; put back afterwards."""
    # Nothing here may reach for the hub: what is loaded lies in a folder.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from transformers.utils import logging as library_logging

    logging: Any = library_logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        # The GGUF reader draws its progress bar whatever it is told.
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
