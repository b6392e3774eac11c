import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from evaluation.errors import EvaluationError
from evaluation.protocols.protocol import Ask
from evaluation.protocols.retrieving import CachedRetrieve, RetrieverCandidates
from retrieval.types import Candidate, Query, Retrieved
from tests.evaluation.protocols.small_corpus import item, past


class FixedRetriever:
    """Gives the same items to everyone and remembers what it was asked."""

    def __init__(self, item_ids: Sequence[str]) -> None:
        self.item_ids = item_ids
        self.queries: list[Query] = []

    def retrieve(self, query: Query, n: int) -> Retrieved:
        self.queries.append(query)
        candidates = tuple(Candidate(item=item(each), rank=1, score=1.0) for each in self.item_ids[:n])
        return Retrieved(query=query, as_of=query.as_of or 0, user=None, history=(), candidates=candidates)


def test_the_retriever_is_asked_with_the_cases_own_history() -> None:
    retriever = FixedRetriever(["c", "d", "e"])
    retrieve = RetrieverCandidates(retriever, ["a user"], as_of=99)
    ask = Ask(user_id="a user", history=past("a", "b"), exclude=frozenset({"z"}), domain="films", depth=2)
    assert retrieve(ask) == ("c", "d")
    assert retrieve(dataclasses.replace(ask, user_id="a stranger")) == ("c", "d")
    expected = Query(user_id="a user", history=past("a", "b"), exclude=frozenset({"z"}), domain="films", as_of=99)
    assert retriever.queries == [expected, dataclasses.replace(expected, user_id=None)]


def test_a_moment_that_would_hide_history_is_refused() -> None:
    retrieve = RetrieverCandidates(FixedRetriever([]), [], as_of=1)
    with pytest.raises(EvaluationError, match="give a later as_of"):
        retrieve(Ask(user_id=None, history=past("a", "b")))


def test_answers_are_remembered_across_runs_and_only_for_the_same_question(tmp_path: Path) -> None:
    retriever = FixedRetriever(["c", "d"])
    source = RetrieverCandidates(retriever, [], as_of=99)
    ask = Ask(user_id="u", history=past("a", "b"), depth=5)
    others = [
        dataclasses.replace(ask, user_id="v"),
        dataclasses.replace(ask, history=past("b", "a")),
        dataclasses.replace(ask, exclude=frozenset({"a"})),
        dataclasses.replace(ask, domain="films"),
        dataclasses.replace(ask, depth=4),
    ]
    path = tmp_path / "cache" / "retrieved.sqlite"
    with CachedRetrieve(source, path, "data 1") as cached:
        assert [cached(each) for each in (ask, ask, *others)] == [("c", "d")] * 7
    assert len(retriever.queries) == 6
    with CachedRetrieve(source, path, "data 1") as cached:
        assert cached(ask) == ("c", "d")
    assert len(retriever.queries) == 6
    with CachedRetrieve(source, path, "data 2") as cached:
        cached(ask)
    assert len(retriever.queries) == 7


def test_a_file_that_is_no_cache_is_told(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be taken for a damaged one" * 40, encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"cannot use .*notes\.txt, where retrieved candidates are kept"):
        CachedRetrieve(RetrieverCandidates(FixedRetriever([]), [], as_of=1), path, "data")


def test_a_closed_cache_is_told(tmp_path: Path) -> None:
    cached = CachedRetrieve(RetrieverCandidates(FixedRetriever([]), [], as_of=1), tmp_path / "cache", "data")
    cached.close()
    with pytest.raises(EvaluationError, match="cannot use"):
        cached(Ask(user_id=None, history=()))
