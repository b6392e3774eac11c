from __future__ import annotations

import pytest

from retrieval.config import ExampleSettings
from retrieval.examples import Examples, ExampleSelector
from retrieval.examples.langchain import DemonstrationSelector, HistorySelector
from retrieval.record import Record
from retrieval.types import PastItem, Query, Retrieved
from tests.retrieval.shop import Shop, ids, interact, open_shop


@pytest.fixture
def shop(record: Record) -> Shop:
    open_shop(record)
    taken = ["l0", "s0", "s1", "l1", "l2"]
    record.put_interactions([interact("new", item_id, 20.0 + k) for k, item_id in enumerate(taken)])
    record.put_interactions([interact("new", "s5", 30.0, liked=False)])
    return Shop(record)


def given(shop: Shop, item_ids: list[str], as_of: float | None = None, user_id: str = "new") -> Retrieved:
    return shop.retriever.describe(Query(user_id=user_id, as_of=as_of), item_ids)


def select(shop: Shop, retrieved: Retrieved, settings: ExampleSettings) -> Examples:
    return ExampleSelector(shop.record, shop.index, settings).select(retrieved)


def past_ids(past: tuple[PastItem, ...]) -> list[str]:
    return [entry.item.item_id for entry in past]


def test_recent_takes_the_latest_liked_items_oldest_first(shop: Shop) -> None:
    chosen = select(shop, given(shop, ["s3"]), ExampleSettings(history_length=2))
    assert past_ids(chosen.history) == ["l1", "l2"]
    assert chosen.demonstrations == ()


def test_similar_takes_what_is_like_the_candidates(shop: Shop) -> None:
    chosen = select(shop, given(shop, ["s3", "s4"]), ExampleSettings(history="similar", history_length=2))
    assert past_ids(chosen.history) == ["s0", "s1"]


def test_diverse_takes_both_kinds(shop: Shop) -> None:
    chosen = select(shop, given(shop, ["s3", "l4"]), ExampleSettings(history="diverse", history_length=2))
    assert {item_id[0] for item_id in past_ids(chosen.history)} == {"s", "l"}


def test_disliked_items_are_chosen_apart_on_request(shop: Shop) -> None:
    settings = ExampleSettings(history_length=2, liked_only=False)
    chosen = select(shop, given(shop, ["s3"]), settings)
    assert [(entry.item.item_id, entry.liked) for entry in chosen.history] == [
        ("l1", True),
        ("l2", True),
        ("s5", False),
    ]


@pytest.mark.parametrize("history", ["similar", "diverse"])
def test_without_candidates_the_latest_are_shown(shop: Shop, history: str) -> None:
    settings = ExampleSettings.model_validate({"history": history, "history_length": 1})
    assert past_ids(select(shop, given(shop, []), settings).history) == ["l2"]


def test_history_can_be_left_out(shop: Shop) -> None:
    assert select(shop, given(shop, ["s3"]), ExampleSettings(history_length=0)).history == ()


def test_demonstrations_are_the_nearest_other_users_choices_one_each(shop: Shop) -> None:
    chosen = select(shop, given(shop, ["s5"], user_id="a"), ExampleSettings(shots=4)).demonstrations
    users = [one.user_id for one in chosen]
    assert len(users) == len(set(users))
    assert "a" not in users
    assert set(users) == {"b", "c", "d", "new"}
    assert users[-1] == "d"
    first = next(one for one in chosen if one.user_id == "b")
    assert first.chosen.item_id == "s3"
    assert past_ids(first.history) == ["s0", "s1", "s2"]
    assert all(past.timestamp < first.chosen_at for past in first.history)


def test_a_user_is_never_their_own_demonstration(shop: Shop) -> None:
    chosen = select(shop, given(shop, ["s5"], user_id="b"), ExampleSettings(shots=9)).demonstrations
    assert "b" not in {one.user_id for one in chosen}


def test_a_demonstration_never_ends_in_a_candidate(shop: Shop) -> None:
    chosen = select(shop, given(shop, ["s3"], user_id="a"), ExampleSettings(shots=4)).demonstrations
    assert chosen
    assert "s3" not in {one.chosen.item_id for one in chosen}


def test_a_demonstration_lies_before_the_moment(shop: Shop) -> None:
    settings = ExampleSettings(shots=9)
    at_choice = given(shop, ["s5"], as_of=13.0, user_id="a")
    assert select(shop, at_choice, settings).demonstrations == ()
    just_after = given(shop, ["s5"], as_of=13.5, user_id="a")
    assert {one.chosen_at for one in select(shop, just_after, settings).demonstrations} == {13.0}


def test_a_choice_that_is_disliked_by_now_is_passed_over(shop: Shop) -> None:
    shop.record.put_interactions([interact("b", "s3", 13.0, liked=False)])
    chosen = select(shop, given(shop, ["s5"], user_id="a"), ExampleSettings(shots=9)).demonstrations
    assert "b" not in {one.user_id for one in chosen}


def test_who_liked_nothing_gets_no_demonstrations(record: Record) -> None:
    open_shop(record)
    shop = Shop(record)
    assert select(shop, shop.ask(Query(user_id="new")), ExampleSettings(shots=3)) == Examples(
        history=(), demonstrations=()
    )


def test_langchains_door_leads_to_the_same_examples(shop: Shop) -> None:
    settings = ExampleSettings(shots=2)
    retrieved = given(shop, ["s5"], user_id="a")
    chosen = select(shop, retrieved, settings)
    history = HistorySelector(shop.index, settings)
    demonstrations = DemonstrationSelector(shop.record, shop.index, settings)
    variables = {"retrieved": retrieved}
    assert [example["past"] for example in history.select_examples(variables)] == list(chosen.history)
    assert [example["demonstration"] for example in demonstrations.select_examples(variables)] == list(
        chosen.demonstrations
    )
    with pytest.raises(TypeError, match="examples are interactions"):
        history.add_example({})


def test_the_same_question_has_the_same_answer(shop: Shop) -> None:
    first, second = shop.ask(Query(user_id="a", as_of=50.0)), Shop(shop.record).ask(Query(user_id="a", as_of=50.0))
    assert ids(first) == ids(second)
    assert first == second
