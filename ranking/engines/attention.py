"""Attention over a packed sequence by its structure: no branch's scores against another branch are ever computed.

With 20 branches of 17 tokens behind a prefix of 140 a dense 480 x 480 matrix has four times the entries that matter.
Here each prefix looks at itself, and each branch at its prefix and at itself; the two parts share one softmax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ranking.engines.packing import Packed, Span


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerStates:
    """Keys and values of a prefix in one layer, each of shape (key-value heads, tokens, head size)."""

    keys: Tensor
    values: Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class PrefixStates:
    """What the model remembers of a prefix, by layer. Never changed once made."""

    layers: tuple[LayerStates, ...]


class Packing:
    """The layout of one forward pass, and the prefix states it starts from and leaves behind.

    `kept[i]` lists, by layer, the states of piece i's whole prefix after the pass; without keep it stays empty.
    """

    def __init__(self, packed: Packed, known: Sequence[PrefixStates | None], *, keep: bool = True) -> None:
        self._parts: dict[torch.device, tuple[_Part, ...]] = {}
        self._packed = packed
        self.known = tuple(known)
        self.keep = keep
        self.kept: list[list[LayerStates]] = [[] for _ in packed.spans]

    def parts(self, device: torch.device) -> tuple[_Part, ...]:
        """The layout on a device, made once for each: the layers of a large model may lie on several."""
        if device not in self._parts:
            self._parts[device] = tuple(_Part.of(span, device) for span in self._packed.spans)
        return self._parts[device]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    span: Span
    rows: Tensor
    """Offsets of the branches' tokens, padded to the longest branch with its first token; shape (branches, longest)."""
    hidden: Tensor
    """Where a padded branch must not look, shape (1, branches, 1, longest, longest)."""
    real: Tensor
    """Indices into the flattened rows of the tokens that are no padding, in sequence order."""
    past: Tensor | None
    """With cached tokens: where a prefix token may look, shape (n_prefix, cached + n_prefix)."""

    @classmethod
    def of(cls, span: Span, device: torch.device) -> _Part:
        lengths = torch.tensor(span.branch_lengths, dtype=torch.long)
        longest = int(lengths.max()) if len(lengths) else 0
        column = torch.arange(longest)
        real = column[None, :] < lengths[:, None]
        starts = torch.tensor(span.branch_starts, dtype=torch.long)
        # An empty branch has no token of its own to repeat; its padding repeats the last prefix token.
        padding = torch.where(lengths > 0, starts, torch.full_like(starts, span.prefix_end - 1))
        rows = torch.where(real, starts[:, None] + column[None, :], padding[:, None])
        hidden = (column[None, :] > column[:, None])[None, None, None].expand(1, len(lengths), 1, -1, -1)
        past = None
        if span.cached:
            past = torch.ones(span.n_prefix, span.cached + span.n_prefix, dtype=torch.bool).tril(span.cached)
        return cls(
            span=span,
            rows=rows.to(device),
            hidden=hidden.to(device),
            real=real.flatten().nonzero().flatten().to(device),
            past=None if past is None else past.to(device),
        )


def packed_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    packing: Packing | None = None,
    **_unused: Any,
) -> tuple[Tensor, None]:
    """Attention of one layer; query is (1, heads, n, size), key and value (1, key-value heads, n, size).

    Returns (1, n, heads, size), as the library expects of an attention function. Without a packing (the model writes)
    it is the library's plain attention over a batch, by the mask.
    """
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if packing is None:
        return _plain(query, key, value, attention_mask, scale).transpose(1, 2), None
    out = torch.empty_like(query[0])
    for index, part in enumerate(packing.parts(query.device)):
        own = slice(part.span.start, part.span.prefix_end)
        states = LayerStates(keys=key[0, :, own], values=value[0, :, own])
        known = packing.known[index]
        if known is not None:
            past = known.layers[module.layer_idx]
            states = LayerStates(
                keys=torch.cat([past.keys.to(key.device), states.keys], dim=1),
                values=torch.cat([past.values.to(key.device), states.values], dim=1),
            )
        if packing.keep:
            packing.kept[index].append(states)
        out[:, own] = _over_prefix(query[:, :, own], states, part, scale)
        if part.real.numel():
            branches = slice(part.span.prefix_end, part.span.end)
            out[:, branches] = _over_branches(query[0], LayerStates(keys=key[0], values=value[0]), states, part, scale)
    return out.transpose(0, 1).unsqueeze(0), None


def _plain(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    # Without a mask nothing is padded: a whole prompt looks back, and a single new token at all there is.
    causal = mask is None and query.shape[2] > 1
    return functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=causal, scale=scale, enable_gqa=True
    )


def _over_prefix(query: Tensor, states: LayerStates, part: _Part, scale: float) -> Tensor:
    """A prefix looks at itself, each token at those before it."""
    return functional.scaled_dot_product_attention(
        query,
        states.keys[None],
        states.values[None],
        attn_mask=part.past,
        is_causal=part.past is None,
        scale=scale,
        enable_gqa=True,
    )[0]


def _over_branches(query: Tensor, packed: LayerStates, states: LayerStates, part: _Part, scale: float) -> Tensor:
    """Branches look at their prefix and themselves. Shapes: g groups of heads, b branches, l longest, d head size."""
    heads, kv_heads = query.shape[0], packed.keys.shape[0]
    groups, (n, longest), size = heads // kv_heads, part.rows.shape, query.shape[-1]
    rows = part.rows.flatten()
    # (kv, b, g, l, d): within a key-value head, all queries of all branches lie together for one product.
    asked = query[:, rows].view(kv_heads, groups, n, longest, size).transpose(1, 2).contiguous() * scale
    own_keys = packed.keys[:, rows].view(kv_heads * n, longest, size)
    own_values = packed.values[:, rows].view(kv_heads * n, longest, size)
    to_prefix = asked.view(kv_heads, -1, size) @ states.keys.transpose(1, 2)
    to_own = asked.view(kv_heads * n, -1, size) @ own_keys.transpose(1, 2)
    to_own = to_own.view(kv_heads, n, groups, longest, longest).masked_fill(part.hidden, float("-inf"))
    logits = torch.cat([to_prefix, to_own.view(kv_heads, -1, longest)], dim=-1)
    weights = torch.softmax(logits, dim=-1, dtype=torch.float32).to(query.dtype)
    n_prefix = states.keys.shape[1]
    mixed = weights[..., :n_prefix] @ states.values
    mixed += (weights[..., n_prefix:].reshape(kv_heads * n, -1, longest) @ own_values).view_as(mixed)
    back = mixed.view(kv_heads, n, groups, longest, size).transpose(1, 2).reshape(heads, n * longest, size)
    return back[:, part.real]
