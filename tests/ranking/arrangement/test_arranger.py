"""Lists over a real record and a real index, with the popularity of films as their score."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ranking.arrangement.change import Change
from ranking.engines.scripted import ScriptedEngine
from ranking.factory import choose_template, compose
from ranking.settings import load_settings
from ranking.types import Recommendation
from retrieval.behaviour import SECONDS_A_DAY
from retrieval.record.types import ShownList
from retrieval.store import Store, open_store
from retrieval.types import Interaction, Item, Query, User
from tests.fakes import HashingEmbedder

NOW = 2_000_000_000.0
ONLY_POPULARITY = {"llm": 0.0, "similarity": 0.0, "cooccurrence": 0.0, "bm25": 0.0, "popularity": 1.0, "query": 0.0}
N = 8


def film(number: int, **changes: Any) -> Item:
    genre = "Horror" if number % 2 else "Comedy"
    told: dict[str, Any] = {
        "title": f"Film {'abcdefgh'[number] * 3}",
        "domain": "films",
        "attributes": {"genres": (genre,), "director": "xyz"[number % 3]},
        "added_at": NOW - 400 * SECONDS_A_DAY,
    }
    return Item(item_id=f"f{number}", **{**told, **changes})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Films f0 to f7, the first one known to most; u0 has done nothing."""
    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as opened:
        opened.record.put_items([film(number) for number in range(N)])
        opened.record.put_users([User(user_id=f"u{number}") for number in range(N + 2)])
        opened.record.put_interactions(
            [
                Interaction(user_id=f"u{user}", item_id=f"f{number}", timestamp=NOW - 1000 + number)
                for number in range(N)
                for user in range(1, N + 1 - number)
            ]
        )
        opened.catch_up()
        yield opened


def ask(store: Store, query: Query | None = None, n: int = 4, **arrangement: Any) -> Recommendation:
    settings = load_settings(fusion=ONLY_POPULARITY, arrangement=arrangement, strategy="likelihood")
    engine = ScriptedEngine(lambda _prompt, _branch: 0.0)
    recommender = compose(settings, store, engine, choose_template(settings))
    return asyncio.run(recommender.recommend(query or Query(user_id="u0", as_of=NOW), n))


def ids(answer: Recommendation) -> list[str]:
    assert [entry.rank for entry in answer.items] == list(range(1, len(answer.items) + 1))
    return [entry.item.item_id for entry in answer.items]


def told(answer: Recommendation) -> list[tuple[str, str, int | None, int | None]]:
    return [(change.kind, change.item_id, change.before, change.after) for change in answer.changes]


def test_without_an_arrangement_the_list_is_what_ranking_says(store: Store) -> None:
    answer = ask(store)
    assert (ids(answer), answer.changes) == (["f0", "f1", "f2", "f3"], ())
    assert "evidence" not in [stage.name for stage in answer.stages]


def test_a_pin_stands_at_its_rank_wherever_ranking_had_it(store: Store) -> None:
    answer = ask(store, rules=[{"kind": "pin", "name": "ours", "id": "f7", "rank": 2}])
    assert ids(answer) == ["f0", "f7", "f1", "f2"]
    assert answer.changes == (
        Change(item_id="f7", title="Film hhh", kind="pin", rule="ours", before=8, after=2, told="pinned to rank 2"),
    )


def test_a_pin_that_cannot_be_shown_is_told_of(store: Store) -> None:
    gone = ask(store, rules=[{"kind": "pin", "name": "ours", "id": "f99"}])
    assert ids(gone) == ["f0", "f1", "f2", "f3"]
    assert any(note.startswith("Rule 'ours': item 'f99' is not shown") for note in gone.notes)
    seen = ask(store, Query(user_id="u1", as_of=NOW), rules=[{"kind": "pin", "name": "ours", "id": "f0"}])
    assert "f0" not in ids(seen), "the user has it"


def test_blocks_boosts_and_buries(store: Store) -> None:
    horror = {"items": ["genres=horror"]}
    assert ids(ask(store, rules=[{"kind": "block", "name": "r", **horror}])) == ["f0", "f2", "f4", "f6"]
    assert ids(ask(store, rules=[{"kind": "bury", "name": "r", "factor": 1e6, **horror}])) == ["f0", "f2", "f4", "f6"]
    assert ids(ask(store, rules=[{"kind": "boost", "name": "r", "factor": 1e6, **horror}])) == ["f1", "f3", "f5", "f7"]
    blocked = ask(store, n=2, rules=[{"kind": "block", "name": "r", **horror}])
    assert told(blocked) == [("block", "f1", 2, None)], "of the others none would have been in the list"
    boosted = ask(store, n=1, rules=[{"kind": "boost", "name": "r", "ids": ["f3"], "factor": 1e6}])
    assert told(boosted) == [("boost", "f3", 4, 1)]
    part = boosted.items[0].parts[-1]
    assert (part.name, round(part.contribution, 3)) == ("rule r", 13.816)


def test_a_rule_that_moves_nothing_is_not_told_of(store: Store) -> None:
    assert ask(store, rules=[{"kind": "boost", "name": "r", "ids": ["f0"]}]).changes == ()
    odd = ask(store, rules=[{"kind": "boost", "name": "r", "items": ["genre=Horror"]}])
    assert "Rule 'r' looks at attribute 'genre', which no item has." in odd.notes


def test_caps_hold_for_conditions_and_for_each_value(store: Store) -> None:
    one = ask(store, rules=[{"kind": "cap", "name": "r", "items": ["genres=Horror"], "most": 1}])
    assert ids(one) == ["f0", "f1", "f2", "f4"]
    assert told(one) == [("cap", "f3", 4, None)]
    each = ask(store, n=6, rules=[{"kind": "cap", "name": "r", "each": "director", "most": 1}])
    assert ids(each) == ["f0", "f1", "f2"]
    assert any(note.startswith("3 places stay empty") for note in each.notes)
    listed = ask(store, rules=[{"kind": "cap", "name": "r", "each": "genres", "most": 2}])
    assert ids(listed) == ["f0", "f1", "f2", "f3"]


def test_a_minimum_takes_the_last_places_that_it_needs(store: Store) -> None:
    answer = ask(store, n=3, rules=[{"kind": "minimum", "name": "r", "items": ["genres=Horror"], "least": 2}])
    assert ids(answer) == ["f0", "f1", "f3"]
    assert told(answer) == [("minimum", "f3", 4, 3)]
    short = ask(store, n=3, rules=[{"kind": "minimum", "name": "r", "ids": ["f5", "f99"], "least": 2}])
    assert ids(short) == ["f0", "f1", "f5"]
    assert "Rule 'r': at least 2 items are asked for, and 1 could be shown." in short.notes


def test_an_hour_is_told_as_one(store: Store) -> None:
    store.record.put_items([film(7, added_at=NOW - 3600)])
    [moved] = [one for one in ask(store, n=8, half_life_days={"films": 0.05}).changes if one.item_id == "f7"]
    assert moved.told == "1 hour old, half-life 1.2 hours: odds times 0.56"


def test_age_counts_by_domain_and_an_unknown_age_is_no_advantage(store: Store) -> None:
    days = {0: 10.0, 1: 0.0, 2: 1.0, 3: 300.0}
    for number, age in days.items():
        store.record.put_items([film(number, added_at=NOW - age * SECONDS_A_DAY - 1)])
    store.record.put_items([film(4, added_at=None), film(5, domain="books", added_at=NOW - 5 * SECONDS_A_DAY)])
    answer = ask(store, n=8, half_life_days={"films": 0.1})
    assert ids(answer)[:5] == ["f1", "f5", "f2", "f0", "f4"], "books do not age"
    ages = {entry.item.item_id: entry.parts[-1].value for entry in answer.items if entry.parts[-1].name == "age"}
    assert ages["f2"] == pytest.approx(1.0, abs=1e-3)
    assert ages["f4"] is None
    defaulted = ask(store, n=8, half_life_days={"default": 0.1, "films": 36_500})
    assert ids(defaulted)[-1] == "f5"


def test_what_was_shown_and_not_taken_sinks(store: Store) -> None:
    for number, age in ((1, 1.0), (2, 2.0), (3, 30.0)):
        store.record.shown().log(
            ShownList(
                request_id=f"r{number}",
                user_id="u0",
                door="recommend",
                asked_at=NOW - age * SECONDS_A_DAY,
                item_ids=("f0",) if number < 3 else ("f1",),
                ranked_by="signals",
            )
        )
    answer = ask(store, seen={"factor": 1e6, "within_days": 7}, n=8)
    assert ids(answer) == [*(f"f{number}" for number in range(1, N)), "f0"]
    assert told(answer) == [("seen", "f0", 1, 8)]
    assert "shown 2 times in 7 days" in answer.changes[0].told
    assert ids(ask(store, Query(user_id="u9", as_of=NOW), seen={}))[0] == "f0", "another user"


def test_the_same_story_stands_once_and_not_after_it_was_read(store: Store) -> None:
    words = "storm over the northern coast leaves thousands without power tonight"
    store.record.put_items([film(number, title=words + " again" * number) for number in (1, 2)])
    store.catch_up()
    answer = ask(store, duplicates={"cosine": 1.0, "shingles": 0.5})
    assert ids(answer) == ["f0", "f1", "f3", "f4"]
    assert told(answer) == [("duplicate", "f2", 3, None)]
    store.record.put_interactions([Interaction(user_id="u9", item_id="f2", timestamp=NOW - 10)])
    read = ask(store, Query(user_id="u9", as_of=NOW), duplicates={"cosine": 1.0, "shingles": 0.5})
    assert "f1" not in ids(read)
    assert "they had" in read.changes[0].told
    near = ask(store, duplicates={"cosine": 0.8, "shingles": 1.0})
    assert ids(near) == ["f0", "f1", "f3", "f4"]


def test_diversity_takes_what_is_unlike_the_list(store: Store) -> None:
    store.record.put_items([film(number, title="one and the same film", attributes={}) for number in range(3)])
    store.catch_up()
    answer = ask(store, n=2, diversity=0.9)
    assert ids(answer)[0] == "f0"
    assert ids(answer)[1] not in {"f1", "f2"}
    kinds = {change.item_id: change.kind for change in answer.changes}
    assert kinds[ids(answer)[1]] == kinds["f1"] == "diversity"
    assert ids(ask(store, n=3, diversity=0.01)) == ["f0", "f1", "f2"]


def test_fresh_items_are_sure_to_be_in_the_list(store: Store) -> None:
    store.record.put_items([film(7, added_at=NOW - 10)])
    answer = ask(store, n=3, fresh={"least": 1, "within_days": 1})
    assert ids(answer) == ["f0", "f1", "f7"]
    assert told(answer) == [("fresh", "f7", 8, 3)]
    short = ask(store, n=3, fresh={"least": 2, "within_days": 1})
    assert any("At least 2 items of the last 1 days are asked for, and 1 could be shown" in n for n in short.notes)


def test_places_for_new_items_go_to_those_that_were_shown_least(store: Store) -> None:
    store.record.put_items([film(number, added_at=NOW - 10) for number in (6, 7)])

    def show(item_id: str, request_id: str) -> None:
        shown = ShownList(
            request_id=request_id,
            user_id=None,
            door="recommend",
            asked_at=NOW - 5,
            item_ids=(item_id,),
            ranked_by="signals",
        )
        store.record.shown().log(shown)

    explore = {"slots": 1, "within_days": 30, "shown_at_most": 2}
    assert ids(ask(store, n=3, explore=explore)) == ["f0", "f1", "f6"]
    show("f6", "a")
    answer = ask(store, n=3, explore=explore)
    assert ids(answer) == ["f0", "f1", "f7"]
    assert answer.changes[0].told == "given a place for being new: shown 0 of 2 times"
    for request_id in ("b", "c"):
        show("f6", request_id)
        show("f7", request_id + "2")
    spent = ask(store, n=3, explore=explore)
    assert ids(spent) == ["f0", "f1", "f2"]
    assert any("1 places are kept for items of the last 30 days, and 0 could be shown" in n for n in spent.notes)


def test_a_new_item_that_nobody_took_is_among_the_candidates_and_not_punished(store: Store) -> None:
    new = Item(item_id="new", title="brand new", domain="films", added_at=NOW - 10)
    store.record.put_items([new])
    store.catch_up()
    settings = load_settings(
        fusion=ONLY_POPULARITY,
        retrieval={"n_candidates": 3, "sources": {"newest": 0}},
        arrangement={"explore": {}, "unseen": "neutral"},
        strategy="likelihood",
    )
    recommender = compose(settings, store, ScriptedEngine(lambda _prompt, _branch: 0.0), choose_template(settings))
    answer = asyncio.run(recommender.recommend(Query(user_id="u0", as_of=NOW), 3))
    assert "new" in ids(answer)
    entry = next(one for one in answer.items if one.item.item_id == "new")
    popularity = next(part for part in entry.parts if part.name == "popularity")
    assert (popularity.value, popularity.contribution) == (None, 0.0)
    assert [vote.source for vote in entry.votes] == ["explore"]
