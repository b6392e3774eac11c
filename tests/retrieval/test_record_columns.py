"""Columns that follow the record against columns read whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace

import numpy as np
import pytest

from retrieval.behaviour import Behaviour
from retrieval.ids import Pair
from retrieval.record import InteractionColumns, Record
from retrieval.record.copying import copy_record
from retrieval.record.types import Feedback
from retrieval.types import Interaction, User
from tests.retrieval.records import interaction, item

LATER = 1e9


@pytest.fixture
def elsewhere(record_url: str, record: Record) -> Iterator[Record]:
    """The same record, as another server has it open."""
    other = Record.open(record_url)
    yield other
    other.close()


def assert_same(one: object, other: object) -> None:
    for field in fields(one):  # type: ignore[arg-type]
        # Factors are kept while little comes, so they may be those of a little before; read_at tells how it was read.
        if field.name in {"factors", "read_at"}:
            continue
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            assert mine.dtype == theirs.dtype, field.name
            np.testing.assert_array_equal(mine, theirs, err_msg=field.name)
        elif hasattr(mine, "toarray"):
            np.testing.assert_array_equal(mine.toarray(), theirs.toarray())
        else:
            assert mine == theirs, field.name


def fill(record: Record, users: int = 6, items: int = 7) -> None:
    record.put_items([item(f"i{k}") for k in range(items)])
    record.put_users([User(user_id=f"u{k}") for k in range(users)])


def random_write(record: Record, draw: np.random.Generator) -> None:
    user, other = f"u{draw.integers(6)}", f"u{draw.integers(6)}"
    taken, many = f"i{draw.integers(7)}", [f"i{k}" for k in np.flatnonzero(draw.random(7) < 0.5)]
    at, liked = float(draw.integers(5)), bool(draw.random() < 0.5)

    def erase() -> None:
        record.delete_users([user])
        if draw.random() < 0.5:
            record.personal().forget([user])

    writes: list[Callable[[], object]] = [
        lambda: record.put_interactions([interaction(user, one, at, liked=liked) for one in many]),
        lambda: record.put_interactions([interaction(one, taken, at) for one in dict.fromkeys((user, other))]),
        lambda: record.change_interaction(
            Pair(user, taken),
            lambda old: Interaction(user_id=user, item_id=taken, timestamp=old.timestamp + 1, liked=liked, rating=3.0),
        ),
        lambda: record.delete_interactions([Pair(user, one) for one in many]),
        lambda: record.delete_items([taken]),
        erase,
        record.refresh_demonstrations,
    ]
    writes[draw.choice(len(writes), p=[0.3, 0.25, 0.15, 0.1, 0.05, 0.1, 0.05])]()
    fill(record)  # what was deleted may come back


@pytest.mark.parametrize("seed", range(3))
def test_behaviour_that_follows_equals_behaviour_read_whole(record: Record, elsewhere: Record, seed: int) -> None:
    draw = np.random.default_rng(seed)
    fill(record)
    following, columns = Behaviour(record), record.interaction_columns()
    for _ in range(60):
        for _ in range(int(draw.integers(1, 4))):
            random_write(record if draw.random() < 0.5 else elsewhere, draw)
        columns = record.interaction_columns(columns)
        assert_same(columns, record.interaction_columns())
        as_of = float(draw.integers(7))
        assert_same(following.before(as_of), Behaviour(elsewhere).before(as_of))


def test_only_what_changed_is_read(record: Record) -> None:
    fill(record)
    record.put_interactions([interaction("u0", "i0"), interaction("u1", "i0")])
    columns = record.interaction_columns()
    assert record.interaction_columns(columns) is columns
    record.put_users([User(user_id="late")])
    after = record.interaction_columns(columns)
    assert after.timestamps is columns.timestamps  # an interaction is nothing that changed
    pretended = _without_times(after)
    record.put_interactions([interaction("u1", "i1", 9.0)])
    np.testing.assert_array_equal(record.interaction_columns(pretended).timestamps, [0.0, 0.0, 9.0])


def test_erased_users_whose_tombstones_are_gone_do_not_stay(record: Record, elsewhere: Record) -> None:
    fill(record)
    record.put_interactions([interaction("u0", "i0"), interaction("u1", "i0")])
    columns = record.interaction_columns()
    elsewhere.delete_users(["u0"])
    caught_up = record.interaction_columns(columns)
    elsewhere.personal().forget(["u0"])
    elsewhere.put_interactions([interaction("u1", "i1")])
    assert record.interaction_columns(columns).user_ids == ("u1",)
    # Whoever followed the deletion in time need not read everything.
    assert record.interaction_columns(_without_times(caught_up)).timestamps.tolist() == [0.0, 1.0]


def test_tombstones_forgotten_out_of_turn_still_count(record: Record) -> None:
    fill(record)
    record.put_interactions([interaction(f"u{k}", "i0") for k in range(3)])
    record.delete_users(["u0"])
    columns = record.interaction_columns()
    record.delete_users(["u1"])
    record.personal().forget(["u1"])
    record.personal().forget(["u0"])
    record.put_interactions([interaction("u2", "i1")])
    assert record.interaction_columns(columns).user_ids == ("u2",)


def test_a_record_that_takes_anothers_place_is_read_whole(
    record: Record, record_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    fill(record)
    record.put_interactions([interaction("u0", "i0")])
    columns = record.interaction_columns()
    path = str(tmp_path_factory.mktemp("other") / "other.db")
    other = Record.open(path)
    fill(other)
    other.put_interactions([interaction("u1", "i1")])
    other.put_interactions([interaction("u2", "i2")])
    other.close()
    copy_record(path, record_url)
    assert record.interaction_columns(columns).user_ids == ("u1", "u2")


def test_feedback_is_in_the_next_moment(record: Record, elsewhere: Record) -> None:
    fill(record)
    record.put_interactions([interaction("u0", "i0")])
    behaviour = Behaviour(record)
    behaviour.before(LATER)
    like = Feedback(feedback_id="f", user_id="u5", item_id="i6", kind="like", timestamp=5.0)
    elsewhere.feedback().give(like)
    moment = behaviour.before(LATER)
    assert (moment.user_ids, moment.item_ids) == (("u0", "u5"), ("i0", "i6"))
    assert moment.likes.toarray().tolist() == [[1.0, 0.0], [0.0, 1.0]]


def _without_times(columns: InteractionColumns) -> InteractionColumns:
    """Columns whose times are all 0, which shows what a later read takes from them."""
    return replace(columns, timestamps=np.zeros_like(columns.timestamps))
