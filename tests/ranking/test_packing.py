from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.engines.packing import Piece, Shape, Share, attention_mask, pack, plan

_TOKENS = st.lists(st.integers(0, 50), max_size=5).map(tuple)
_PIECES = st.lists(
    st.builds(
        Piece,
        prefix=st.lists(st.integers(0, 50), min_size=1, max_size=6).map(tuple),
        cached=st.just(0),
        branches=st.lists(_TOKENS, max_size=4).map(tuple),
    ),
    min_size=1,
    max_size=4,
)
_SHAPES = st.lists(
    st.builds(
        Shape,
        prefix=st.integers(1, 30),
        branches=st.lists(st.integers(0, 20), max_size=8).map(tuple),
    ),
    max_size=6,
)


def test_two_branches_behind_one_prefix() -> None:
    packed = pack([Piece(prefix=(7, 8), cached=0, branches=((1, 2), (3,)))])
    assert packed.ids.tolist() == [7, 8, 1, 2, 3]
    assert packed.positions.tolist() == [0, 1, 2, 3, 2]
    assert attention_mask(packed).astype(int).tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0],
        [1, 1, 0, 0, 1],
    ]


def test_cached_tokens_are_left_out_and_still_counted_in_positions() -> None:
    packed = pack([Piece(prefix=(7, 8, 9), cached=2, branches=((1,), (2, 3)))])
    assert packed.ids.tolist() == [9, 1, 2, 3]
    assert packed.positions.tolist() == [2, 3, 3, 4]
    with pytest.raises(ValueError, match="cached"):
        attention_mask(packed)


def test_a_prefix_cannot_be_cached_whole() -> None:
    with pytest.raises(ValueError, match="one must remain"):
        pack([Piece(prefix=(7, 8), cached=2, branches=((1,),))])


@given(_PIECES)
def test_every_token_sees_what_it_would_see_alone(pieces: list[Piece]) -> None:
    packed = pack(pieces)
    mask = attention_mask(packed)
    for piece, span in zip(pieces, packed.spans, strict=True):
        for branch, start in zip(piece.branches, span.branch_starts, strict=True):
            alone = piece.prefix + branch
            for offset in range(len(branch)):
                seen = np.flatnonzero(mask[start + offset])
                by_position = seen[np.argsort(packed.positions[seen])]
                n_before = len(piece.prefix) + offset + 1
                assert packed.positions[by_position].tolist() == list(range(n_before))
                assert packed.ids[by_position].tolist() == list(alone[:n_before])
        for offset in range(span.n_prefix):
            assert np.flatnonzero(mask[span.start + offset]).tolist() == list(
                range(span.start, span.start + offset + 1)
            )


@given(_PIECES)
def test_the_spans_cover_the_sequence(pieces: list[Piece]) -> None:
    packed = pack(pieces)
    ends = [0, *(span.end for span in packed.spans)]
    assert [span.start for span in packed.spans] == ends[:-1]
    assert ends[-1] == len(packed.ids) == len(packed.positions)


@given(_SHAPES, st.integers(1, 80))
def test_a_plan_has_every_branch_once_in_order_and_no_pass_too_long(shapes: list[Shape], max_tokens: int) -> None:
    passes = plan(shapes, max_tokens)
    done = [
        (share.prompt, branch) for shares in passes for share in shares for branch in range(share.start, share.stop)
    ]
    assert done == [(prompt, branch) for prompt, shape in enumerate(shapes) for branch in range(len(shape.branches))]
    for shares in passes:
        used = sum(shapes[one.prompt].prefix + sum(shapes[one.prompt].branches[one.start : one.stop]) for one in shares)
        single = len(shares) == 1 and shares[0].stop - shares[0].start == 1
        assert used <= max_tokens or single


def test_a_long_prompt_is_split_and_short_ones_share_a_pass() -> None:
    shapes = [Shape(prefix=4, branches=(3, 3, 3)), Shape(prefix=2, branches=(1,))]
    assert plan(shapes, 10) == (
        (Share(prompt=0, start=0, stop=2),),
        (Share(prompt=0, start=2, stop=3), Share(prompt=1, start=0, stop=1)),
    )
