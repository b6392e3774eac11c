"""A loaded model and its one forward pass over packed pieces: what serving and tuning share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ranking.engines.attention import LayerStates, Packing, PrefixStates, packed_attention
from ranking.engines.device import bound_shapes_kept, choose_device, choose_dtype
from ranking.engines.encoding import EncodedPrompt, PromptEncoder
from ranking.engines.packing import Packed, Piece, Share, attention_mask, pack
from ranking.engines.readout import Readout
from ranking.errors import ModelError
from ranking.models.manifest import weights_digest
from ranking.models.openvino import Precision, Run
from ranking.models.prepare import locate, prepare
from ranking.models.pretrained import Pretrained, load_pretrained
from ranking.settings import ModelSettings
from ranking.tuning.adapter import Adapter, load_adapter, read_adapter
from retrieval.protocol import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """What a forward pass leaves behind."""

    packed: Packed
    hidden: Tensor
    """Last hidden states, shape (tokens, width); gradients flow through them unless they are turned off outside."""
    kept: Sequence[Sequence[LayerStates]]
    """States of each piece's whole prefix by layer; empty if they were not asked for."""


class PackedModel:
    """A model on its device. revision is the digest of its weights, without those of an adapter."""

    def __init__(self, loaded: Pretrained, *, name: str, revision: str, adapter: Adapter | None = None) -> None:
        self.model = loaded.model
        self.structured = loaded.structured
        self.graph: Run | None = None
        self.precision: Precision | None = None
        self.max_context = loaded.max_context
        self.revision = revision
        self.adapter = adapter
        self.tokenizer = loaded.tokenizer
        self.encoder = PromptEncoder(loaded.tokenizer, name)
        self.readout = _readout(loaded.model)

    def forward(self, pieces: Sequence[Piece], known: Sequence[PrefixStates | None] | None = None) -> Passed:
        """One pass over all pieces. known holds the states of each piece's cached tokens; None: nothing is cached.

        Where states can be kept (structured), they are if known is given.
        """
        packed = pack(pieces)
        if self.graph is not None:
            found = self.graph(packed.ids, packed.positions, attention_mask(packed))
            return Passed(packed=packed, hidden=torch.from_numpy(found), kept=())
        device = self.model.device
        kept: list[list[LayerStates]] = []
        if self.structured:
            packing = Packing(packed, known or [None] * len(pieces), keep=known is not None)
            kept = packing.kept
            # The library hands a four-dimensional mask on as it is; the attention goes by the packing instead.
            arguments: dict[str, Any] = {"packing": packing}
            mask = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=device)
        else:
            arguments = {}
            allowed = torch.from_numpy(attention_mask(packed)).to(device)[None, None]
            mask = torch.zeros(allowed.shape, dtype=self.model.dtype, device=device)
            mask.masked_fill_(~allowed, torch.finfo(self.model.dtype).min)
        output = self.model.base_model(
            input_ids=torch.from_numpy(packed.ids).to(device)[None],
            position_ids=torch.from_numpy(packed.positions).to(device)[None],
            attention_mask=mask,
            use_cache=False,
            **arguments,
        )
        return Passed(packed=packed, hidden=output.last_hidden_state[0], kept=kept)

    def use_graph(self, graph: Run, precision: Precision) -> None:
        """From here on the forward pass is a graph's; the model itself only writes. No states are kept then."""
        self.graph, self.precision = graph, precision
        self.structured = False

    def margins(self, prompts: Sequence[EncodedPrompt], shares: Sequence[Share]) -> list[Tensor]:
        """Logit of the first label minus logit of the second for the branches of each share, shape (branches,) each.

        Prompts must have labels. Float32, and differentiable unless gradients are turned off outside.
        """
        passed = self.forward([piece_of(prompts[share.prompt], share) for share in shares])
        margins = []
        for share, span in zip(shares, passed.packed.spans, strict=True):
            labels = prompts[share.prompt].labels
            if labels is None:
                raise ValueError("a prompt without labels has no margins")
            logits = self.readout.label_logits(passed.hidden, span, labels)
            margins.append(logits[:, 0] - logits[:, 1])
        return margins


def load_model(
    settings: ModelSettings,
    cache: Path,
    progress: Progress | None = None,
    *,
    structured: bool = True,
    layers: int | None = None,
) -> PackedModel:
    """The model that the settings name, with its adapter merged into its weights, prepared first if need be.

    layers keeps the first layers only; an adapter brings its own number. structured=False uses the library's attention
    with a dense mask. Raises ModelError, also for an adapter that is damaged or belongs to another model.
    """
    # Read before anything that takes time: what is wrong with the folder is told at once.
    adapter = None if settings.adapter is None else read_adapter(settings.adapter)
    folder = _folder(settings.name, cache, progress)
    bound_shapes_kept()
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    device = choose_device(settings.device)
    loaded = load_pretrained(
        folder,
        device=device,
        dtype=choose_dtype(settings.dtype, device),
        attention=packed_attention if structured else None,
        layers=layers if adapter is None else adapter.manifest.base.layers,
    )
    revision = weights_digest(folder)
    if adapter is not None:
        adapter.check_base(settings.name, revision)
        load_adapter(loaded.model, adapter)
    return PackedModel(loaded, name=settings.name, revision=revision, adapter=adapter)


def piece_of(prompt: EncodedPrompt, share: Share, cached: int = 0) -> Piece:
    """The share's branches behind the prompt's prefix, of which so many leading tokens are cached."""
    return Piece(
        prefix=prompt.prefix,
        cached=cached,
        branches=tuple(branch.fed for branch in prompt.branches[share.start : share.stop]),
    )


def _folder(name: str, cache: Path, progress: Progress | None) -> Path:
    try:
        # Sizes are compared here, hashes only when it is made ready or verified: that would slow every start.
        return locate(name, cache)
    except ModelError:
        return prepare(name, cache, progress)


def _readout(model: Any) -> Readout:
    head = model.get_output_embeddings()
    config = model.config.get_text_config()
    scale = getattr(config, "logit_scale", None) or 1.0
    scale /= getattr(config, "logits_scaling", None) or 1.0
    return Readout(
        head.weight, getattr(head, "bias", None), scale=scale, cap=getattr(config, "final_logit_softcapping", None)
    )
