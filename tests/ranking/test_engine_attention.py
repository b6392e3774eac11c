from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.engines.attention import Packing
from ranking.engines.packed_model import PackedModel, load_model
from ranking.engines.packing import Piece, pack
from ranking.settings import ModelSettings
from tests.ranking.tiny_model import save_tiny_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, PackedModel]:
    folder = save_tiny_model(tmp_path_factory.mktemp("tiny"))
    chosen = ModelSettings(name=str(folder), device="cpu", dtype="float32")
    return {
        structured: load_model(chosen, Path(folder / "cache"), structured=structured) for structured in (True, False)
    }


_IDS = st.integers(2, 250)
_PIECES = st.lists(
    st.builds(
        Piece,
        prefix=st.lists(_IDS, min_size=1, max_size=12).map(tuple),
        cached=st.just(0),
        branches=st.lists(st.lists(_IDS, max_size=7).map(tuple), max_size=5).map(tuple),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=40, deadline=None)
@given(_PIECES)
def test_by_structure_is_what_the_dense_mask_gives(models: dict[bool, PackedModel], pieces: list[Piece]) -> None:
    with torch.inference_mode():
        by_structure, dense = (models[structured].forward(pieces).hidden for structured in (True, False))
    assert torch.allclose(by_structure, dense, atol=1e-4)


def test_the_gradients_are_those_of_the_dense_mask(models: dict[bool, PackedModel]) -> None:
    pieces = [
        Piece(prefix=(3, 4, 5, 6), cached=0, branches=((7, 8, 9), (10,), (11, 12))),
        Piece(prefix=(13, 14), cached=0, branches=((15, 16),)),
    ]
    found = []
    for model in models.values():
        weights = [weight for name, weight in model.model.named_parameters() if name.endswith("proj.weight")]
        for weight in weights:
            weight.requires_grad_(True)
        hidden = model.forward(pieces).hidden
        # A loss that every place and every column has a different part in.
        part = torch.linspace(-1, 1, hidden.numel()).view_as(hidden)
        found.append(torch.autograd.grad((hidden * part).sum(), weights))
        for weight in weights:
            weight.requires_grad_(False)
    assert len(found[0]) == 14
    for one, other in zip(*found, strict=True):
        assert other.abs().max() > 1e-3
        assert torch.allclose(one, other, atol=1e-4, rtol=1e-4)


def test_each_device_of_a_model_gets_the_layout_once() -> None:
    packing = Packing(pack([Piece(prefix=(3, 4), cached=0, branches=((5,),))]), [None])
    here, there = torch.device("cpu"), torch.device("meta")
    assert packing.parts(here) is packing.parts(here)
    assert [part.rows.device for part in packing.parts(there)] == [there]
