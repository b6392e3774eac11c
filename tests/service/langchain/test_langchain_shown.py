"""What may be shown of a text that grows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.langchain.shown import Shown


def test_what_may_begin_a_stop_is_held_back_until_it_is_none() -> None:
    shown = Shown(["\n\n", "END"])
    assert [shown.more(piece) for piece in ("one\n", "two E", "N", "D?", "more")] == ["one", "\ntwo ", "", "", ""]
    assert (shown.stopped, shown.rest()) == (True, "")
    open_end = Shown(["END"])
    assert [open_end.more("an E"), open_end.more("N"), open_end.rest()] == ["an ", "", "EN"]
    assert not open_end.stopped
    assert Shown(None).more("all") == Shown([""]).more("all") == "all"


@given(st.lists(st.text("ab", max_size=4)), st.lists(st.text("ab", min_size=1, max_size=3)))
def test_pieces_show_what_the_whole_text_would(pieces: list[str], stops: list[str]) -> None:
    text = "".join(pieces)
    ends = [text.find(stop) for stop in stops if stop in text]
    shown = Shown(stops)
    assert "".join([*map(shown.more, pieces), shown.rest()]) == text[: min(ends, default=len(text))]
    assert shown.stopped == bool(ends)
