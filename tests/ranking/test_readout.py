"""Reading scores off hidden states."""

from __future__ import annotations

import torch

from ranking.engines.packing import Piece, pack
from ranking.engines.readout import Readout


def test_candidates_that_differ_by_less_than_a_step_of_bfloat16_do_not_tie() -> None:
    [span] = pack([Piece(prefix=(1,), cached=0, branches=((2,), (3,)))]).spans
    head = torch.tensor([[20.0, 0.0], [16.0, 1.0]], dtype=torch.bfloat16)
    hidden = torch.tensor([[0.0, 0.0], [1.0, 0.01], [1.0, 0.02]], dtype=torch.bfloat16)
    logits = Readout(head, None).label_logits(hidden, span, (0, 1))
    assert logits.dtype == torch.float32
    assert (logits[0, 1] < logits[1, 1]).item()
