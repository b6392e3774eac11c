from __future__ import annotations

import math
from dataclasses import replace

import pytest

from retrieval.config import RetrievalSettings, SourceWeights
from retrieval.errors import EmptyStoreError, InputError, NotFoundError
from retrieval.filters import Equals, Not, Range
from retrieval.record import Record
from retrieval.types import Query, User, Vote
from tests.retrieval.shop import NOW, Shop, film, ids, interact, open_shop

OFF = SourceWeights(similarity_mean=0, similarity_max=0, text=0, bm25=0, cooccurrence=0, popularity=0, newest=0)


def only(record: Record, source: str) -> Shop:
    return Shop(record, RetrievalSettings(sources=OFF.model_copy(update={source: 1.0})))


@pytest.fixture
def shop(record: Record) -> Shop:
    open_shop(record)
    return Shop(record)


def test_all_unseen_items_come_back_best_first(shop: Shop) -> None:
    retrieved = shop.ask(Query(user_id="a"))
    found = ids(retrieved)
    assert set(found[:2]) == {"s2", "s3"}
    assert len(found) == 10
    assert not {"s0", "s1"} & set(found)
    assert [candidate.rank for candidate in retrieved.candidates] == list(range(1, 11))
    assert [past.item.item_id for past in retrieved.history] == ["s0", "s1"]


def test_every_candidate_has_votes_and_signals(shop: Shop) -> None:
    best = shop.ask(Query(user_id="a", text="space film"), 1).candidates[0]
    assert {vote.source for vote in best.votes} >= {"similarity_mean", "similarity_max", "text", "cooccurrence"}
    weights = SourceWeights().where(best.signals.interactions_per_item)
    assert weights == SourceWeights(bm25=2 * 20 / (best.signals.interactions_per_item + 20)).model_dump()
    assert best.score == pytest.approx(sum(weights[vote.source] / (60 + vote.rank) for vote in best.votes))
    assert best.signals.log_popularity == pytest.approx(math.log(3))
    assert best.signals.similarity_max is not None
    assert best.signals.query_similarity is not None
    assert best.signals.cooccurrence is not None


def test_seen_and_excluded_items_stay_away_however_narrow_the_sources_are(record: Record) -> None:
    open_shop(record)
    narrow = Shop(record, RetrievalSettings(per_source=1))
    assert ids(narrow.ask(Query(user_id="b", exclude=frozenset({"s4"})), 1)) == ["s5"]
    assert len(ids(narrow.ask(Query(user_id="b")))) == 8


def test_filters_and_domain_hold_and_do_not_shorten_the_list(record: Record) -> None:
    open_shop(record)
    record.put_items([film("game", "space", 2003, domain="games")])
    shop = Shop(record, RetrievalSettings(per_source=1))
    late_love = (Not(inner=Equals(attribute="genres", value="space")), Range(attribute="year", low=2004))
    assert sorted(ids(shop.ask(Query(user_id="a", filters=late_love), 2))) == ["l4", "l5"]
    assert ids(shop.ask(Query(user_id="a", domain="games"), 5)) == ["game"]
    assert ids(shop.ask(Query(user_id="a", filters=(Range(attribute="year", low=3000),)))) == []


def test_sources_are_asked_for_more_until_enough_pass(record: Record) -> None:
    open_shop(record)
    weights = OFF.model_copy(update={"text": 1.0})
    shop = Shop(record, RetrievalSettings(sources=weights, per_source=1))
    far_away = Query(text="space", filters=(Equals(attribute="genres", value="love"),))
    assert len(ids(shop.ask(far_away, 2))) == 2


def test_words_in_common_count_less_where_more_is_known(record: Record) -> None:
    open_shop(record)
    shop = only(record, "bm25")
    before = shop.ask(Query(user_id="a"), 1).candidates[0]
    for n in range(20):
        record.put_users([User(user_id=f"more{n}")])
        record.put_interactions([interact(f"more{n}", f"l{at}", 1.0) for at in range(6)])
    after = shop.ask(Query(user_id="a"), 1).candidates[0]
    for one in (before, after):
        assert one.score == pytest.approx(20 / (one.signals.interactions_per_item + 20) / (60 + one.votes[0].rank))
    assert after.score < before.score


def test_a_user_without_history_gets_text_then_popular_and_new_items(shop: Shop) -> None:
    asked = shop.ask(Query(user_id="new", text="love"), 3)
    assert ids(asked)[0].startswith("l")
    assert "text" in {vote.source for vote in asked.candidates[0].votes}
    blank = shop.ask(Query(user_id="new"), 10)
    assert {vote.source for candidate in blank.candidates for vote in candidate.votes} == {"popularity", "newest"}
    assert ids(blank)[0] == "s1"
    signals = blank.candidates[0].signals
    assert (signals.similarity_max, signals.similarity_mean, signals.cooccurrence) == (None, None, None)


def test_nobody_asking_for_nothing_gets_popular_items(shop: Shop) -> None:
    retrieved = shop.ask(Query(text="  "), 1)
    assert (ids(retrieved), retrieved.user, retrieved.history) == (["s1"], None, ())


def test_items_that_no_source_speaks_for_come_last_by_id_and_say_so(shop: Shop) -> None:
    *others, last, very_last = shop.ask(Query()).candidates
    assert [candidate.item.item_id for candidate in (last, very_last)] == ["l4", "l5"]
    assert last.votes == (Vote(source="catalogue", rank=1, score=1.0),)
    assert (last.score, very_last.votes[0].rank, very_last.rank) == (0.0, 2, 12)
    assert all(candidate.score > 0 for candidate in others)


def test_a_store_of_items_alone_still_answers(record: Record) -> None:
    record.put_items([film(item_id, "love", 2000) for item_id in ("c", "a", "b")])
    shop = Shop(record)
    assert ids(shop.ask(Query(), 2)) == ["a", "b"]
    assert ids(shop.ask(Query(exclude=frozenset({"a"})))) == ["b", "c"]


def test_an_unknown_user_is_told_nobody_elses_id(record: Record, shop: Shop) -> None:
    with pytest.raises(NotFoundError, match=r"^no user 'nwe' in the store$"):
        shop.ask(Query(user_id="nwe"))


def test_an_empty_store_says_how_to_fill_it(record: Record) -> None:
    with pytest.raises(EmptyStoreError, match=r"`fewrec import`.*`fewrec demo`"):
        Shop(record).ask(Query())


def test_an_unknown_attribute_is_refused(shop: Shop) -> None:
    with pytest.raises(InputError, match="did you mean 'genres'"):
        shop.ask(Query(filters=(Equals(attribute="genre", value="space"),)))


def test_items_that_come_later_are_not_there_yet(record: Record) -> None:
    open_shop(record)
    record.put_items([film("later", "space", 2020, added_at=NOW)])
    shop = Shop(record)
    assert "later" not in ids(shop.ask(Query(user_id="a", as_of=NOW)))
    assert "later" in ids(shop.ask(Query(user_id="a", as_of=NOW + 1)))


def test_given_items_keep_their_order_and_get_signals(shop: Shop) -> None:
    retrieved = shop.retriever.describe(Query(user_id="a"), ["l5", "s2", "s0"])
    assert ids(retrieved) == ["l5", "s2", "s0"]
    far, near, seen = (candidate.signals for candidate in retrieved.candidates)
    assert near.similarity_max is not None
    assert far.similarity_max is not None
    assert near.similarity_max > far.similarity_max
    assert seen.similarity_max is not None
    assert seen.similarity_max < 0.999  # not compared with itself
    assert all(candidate.votes == () for candidate in retrieved.candidates)
    with pytest.raises(NotFoundError, match="no item 's9'"):
        shop.retriever.describe(Query(user_id="a"), ["s9"])


def test_items_from_outside_get_the_signals_that_their_words_allow(shop: Shop) -> None:
    stranger = film("x1", "space", 2020)
    asked = Query(user_id="a", text="space film")
    retrieved = shop.retriever.describe_items(asked, [stranger, film("s2", "love", 1900), film("x2", "love", 2020)])
    assert ids(retrieved) == ["x1", "s2", "x2"]
    near, known, far = retrieved.candidates
    assert near.item is stranger
    assert known == replace(shop.retriever.describe(asked, ["s2"]).candidates[0], rank=2, score=known.score)
    assert (near.signals.cooccurrence, near.signals.log_popularity) == (None, 0.0)
    assert (near.signals.similarity_max or 0) > (far.signals.similarity_max or 0) > 0
    assert (near.signals.query_similarity or 0) > (far.signals.query_similarity or 0) > 0
    assert ids(shop.retriever.describe_items(asked, [])) == []


def test_an_item_that_is_not_indexed_yet_is_still_found_by_behaviour(record: Record) -> None:
    open_shop(record)
    shop = Shop(record)
    record.put_items([film("fresh", "space", 2020)])
    record.put_interactions([interact("b", "fresh", 20.0)])
    fresh = next(found for found in shop.ask(Query(user_id="a")).candidates if found.item.item_id == "fresh")
    assert fresh.signals.similarity_max is None
    assert fresh.signals.cooccurrence is not None


@pytest.mark.parametrize(
    ("source", "expected"),
    [("newest", ["s5", "s4", "s3"]), ("popularity", ["s2", "s3", "l0"]), ("cooccurrence", ["s2", "s3", "s4"])],
)
def test_a_source_alone(record: Record, source: str, expected: list[str]) -> None:
    open_shop(record)
    assert ids(only(record, source).ask(Query(user_id="a"), 3)) == expected


def test_decayed_popularity_prefers_what_is_taken_now(record: Record) -> None:
    open_shop(record)
    record.put_interactions([interact("d", "l5", 10.0 + 30 * 86_400)])
    weights = OFF.model_copy(update={"popularity": 1.0})
    shop = Shop(record, RetrievalSettings(sources=weights, popularity_half_life_days=1.0))
    assert ids(shop.ask(Query(), 1)) == ["l5"]


@pytest.mark.parametrize("source", ["similarity_mean", "similarity_max"])
def test_similarity_looks_at_liked_items_only(record: Record, source: str) -> None:
    open_shop(record)
    record.put_interactions([interact("new", "l0", 1.0, liked=False)])
    shop = only(record, source)
    [first] = shop.ask(Query(user_id="new"), 1).candidates
    assert source not in {vote.source for vote in first.votes}
    record.put_interactions([interact("new", "l1", 2.0)])
    assert ids(shop.ask(Query(user_id="new"), 1))[0].startswith("l")


def test_a_text_is_embedded_once(shop: Shop) -> None:
    before = shop.embedder.texts_seen
    shop.ask(Query(user_id="a", text="space film"))
    assert shop.embedder.texts_seen == before + 1


def test_somebody_with_a_profile_alone_gets_popular_items_compared_with_it(shop: Shop) -> None:
    shop.record.put_users([User(user_id="p", attributes={"likes": ("love",), "age": 30.0, "occupation": "sailor"})])
    stranger, told = shop.ask(Query()), shop.ask(Query(user_id="p"))
    assert sorted(ids(told)) == sorted(ids(stranger)), (
        "no source looks for it: what few people know would drown the rest"
    )
    nearness = {one.item.item_id: one.signals.query_similarity for one in told.candidates}
    assert nearness["l0"] is not None
    assert nearness["s0"] is not None
    assert nearness["l0"] > nearness["s0"]
    assert {one.signals.query_similarity for one in stranger.candidates} == {None}


def test_a_profile_is_silent_beside_a_text_or_a_like(shop: Shop) -> None:
    shop.record.put_users([User(user_id="a", attributes={"likes": ("love",)})])
    assert {one.signals.query_similarity for one in shop.ask(Query(user_id="a")).candidates} == {None}
    plain, asked = shop.ask(Query(text="space")), shop.ask(Query(user_id="a", text="space", history=()))
    assert plain.candidates[0].signals.query_similarity == asked.candidates[0].signals.query_similarity


def test_what_a_stranger_is_shown_varies_and_what_a_known_one_is_does_not_change_for_it(shop: Shop) -> None:
    kinds = [item_id[0] for item_id in ids(shop.ask(Query(), n=6))]
    assert "sss" not in "".join(kinds[:4]), "the three best known are of one kind"
    assert ids(shop.ask(Query(user_id="new"), n=6)) == ids(shop.ask(Query(), n=6))
    scores = [one.score for one in shop.ask(Query(user_id="a")).candidates]
    assert scores == sorted(scores, reverse=True)
