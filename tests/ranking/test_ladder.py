"""The ladder over a real record and a real index, with an engine and an index that fail, hang and recover."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from evaluation.arms.llm import LlmRanker
from evaluation.types import Case
from ranking.errors import (
    EngineBusyError,
    EngineError,
    PromptTooLongError,
    RankingError,
    ServerBusyError,
    ServerDownError,
    ServerRefusedError,
)
from ranking.factory import choose_template, compose
from ranking.ladder import Ladder
from ranking.recommender import Recommender
from ranking.settings import load_settings
from ranking.types import Recommendation
from retrieval.errors import NotFoundError, StoreError
from retrieval.protocol import Vectors
from retrieval.store import Store, open_store
from retrieval.types import Interaction, Item, PastItem, Query, User
from tests.fakes import HashingEmbedder
from tests.ranking.flaky_engine import FlakyEngine


class FlakyEmbedder(HashingEmbedder):
    """FAKE embedder: fails, or hangs until let go."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False
        self.go_on = threading.Event()
        self.go_on.set()

    def embed(self, texts: Sequence[str]) -> Vectors:
        if self.fails:
            raise StoreError("no index here")
        assert self.go_on.wait(20)
        return super().embed(texts)


@pytest.fixture
def embedder() -> FlakyEmbedder:
    return FlakyEmbedder()


@pytest.fixture
def store(tmp_path: Path, embedder: FlakyEmbedder) -> Iterator[Store]:
    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=embedder) as opened:
        opened.record.put_items(
            [
                Item(item_id=f"f{n:02d}", title=f"Film {'x' * (n % 7)}", attributes={"year": 1990.0 + n})
                for n in range(20)
            ]
        )
        opened.record.put_users([User(user_id="ann"), User(user_id="bob"), User(user_id="cid")])
        taken = {"ann": (0, 1), "bob": (0, 5, 6, 7), "cid": (1, 6, 7)}
        opened.record.put_interactions(
            [
                Interaction(user_id=user, item_id=f"f{n:02d}", timestamp=1000.0 + n)
                for user, numbers in taken.items()
                for n in numbers
            ]
        )
        opened.catch_up()
        yield opened


@contextmanager
def ranker(store: Store, engine: FlakyEngine, **ladder: Any) -> Iterator[Recommender]:
    settings = load_settings(ladder={"breaker_rest_s": 0.2, **ladder}, strategy="likelihood")
    with Ladder(settings.ladder) as steps:
        yield compose(settings, store, engine, choose_template(settings), ladder=steps)


def ask(recommender: Recommender, *, explain: bool = False, **query: Any) -> Recommendation:
    return asyncio.run(recommender.recommend(Query(user_id="ann", **query), 10, explain=explain))


def told(answer: Recommendation) -> tuple[str, str | None, str]:
    assert len(answer.items) == 10
    return answer.rung, answer.reason, answer.ranked_by


def test_all_well_is_the_full_rung_and_the_same_list_as_without_a_ladder(store: Store) -> None:
    engine = FlakyEngine()
    with ranker(store, engine) as recommender:
        answer = ask(recommender, explain=True)
        recommender.ladder = None
        plain = ask(recommender, explain=True)
    assert told(answer) == ("full", None, "llm")
    assert not answer.degraded
    assert answer.items == plain.items
    assert answer.notes == plain.notes


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (EngineError("broken"), "engine"),
        (ServerDownError("no connection"), "engine"),
        (ServerRefusedError("no such model", status=404), "engine"),
        (ServerBusyError("later"), "busy"),
        (EngineBusyError("64 wait", retry_after_s=3), "busy"),
    ],
)
def test_a_failing_engine_leaves_retrievals_order(store: Store, error: RankingError, reason: str) -> None:
    engine = FlakyEngine()
    engine.error = error
    with ranker(store, engine) as recommender:
        answer = ask(recommender, explain=True)
    assert told(answer) == ("retrieval", reason, "retrieval")
    assert [item.rank for item in answer.items] == [item.retrieval_rank for item in answer.items]
    assert answer.degraded
    assert (answer.engine, answer.items[0].llm_score, answer.items[0].reason) == (None, None, None)
    assert "retrieval's order" in answer.notes[0]


@pytest.mark.parametrize(
    "error",
    [
        PromptTooLongError("600 tokens"),
        ServerRefusedError("too long", status=400),
        EngineBusyError("", retry_after_s=1),
    ],
)
def test_what_the_request_causes_and_refusals_asked_for_stay_errors(store: Store, error: RankingError) -> None:
    engine = FlakyEngine()
    engine.error = error
    with ranker(store, engine, when_busy="refuse") as recommender:
        for _ in range(4):
            with pytest.raises(type(error)):
                ask(recommender)
        assert recommender.ladder is not None
        assert recommender.ladder.engine.state == "closed"
        with pytest.raises(NotFoundError):
            asyncio.run(recommender.recommend(Query(user_id="nobody")))


def test_an_engine_that_hangs_is_left_in_time_then_left_alone_then_found_well_again(store: Store) -> None:
    engine = FlakyEngine()
    engine.seconds = 60.0
    with ranker(store, engine, deadline_s=1.0, breaker_failures=2) as recommender:
        started = time.perf_counter()
        assert [told(ask(recommender))[:2] for _ in range(3)] == [
            ("retrieval", "deadline"),
            ("retrieval", "deadline"),
            ("retrieval", "breaker"),
        ]
        assert time.perf_counter() - started < 30.0
        assert (engine.cancelled, len(engine.asked)) == (2, 2)
        engine.seconds = 0.0
        time.sleep(0.25)
        answers = [ask(recommender) for _ in range(6)]
    assert told(answers[-1]) == ("full", None, "llm")
    assert {answer.rung for answer in answers} <= {"full", "fewer"}


def test_a_slow_engine_ranks_fewer_and_the_others_follow_in_retrievals_order(store: Store) -> None:
    engine = FlakyEngine()
    engine.per_branch = 0.15
    with ranker(store, engine, deadline_s=2.25) as recommender:
        first = ask(recommender)
        later = [ask(recommender) for _ in range(4)]
    assert first.rung == "retrieval"
    assert {answer.rung for answer in later} == {"fewer"}
    answer = later[-1]
    assert told(answer) == ("fewer", "deadline", "llm")
    assert engine.asked[-1] < 18
    assert f"The LLM ranked {engine.asked[-1]} of 18 candidates" in answer.notes[0]
    by_llm = [item for item in answer.items if item.llm_score is not None]
    assert list(answer.items[: len(by_llm)]) == by_llm
    rest = [item.retrieval_rank for item in answer.items[len(by_llm) :]]
    assert rest == sorted(rest)


def test_reasons_that_take_too_long_are_left_out_and_the_list_is_whole(store: Store) -> None:
    engine = FlakyEngine()
    engine.per_branch = 0.1
    with ranker(store, engine, deadline_s=3.0) as recommender:
        answer = ask(recommender, explain=True)
        assert recommender.ladder is not None
        assert recommender.ladder.engine.state == "closed"
    assert told(answer) == ("full", "deadline", "llm")
    assert answer.items[0].reason is None
    assert "no reasons were measured" in answer.notes[0]


def test_without_an_index_it_is_what_most_people_take_unseen_and_filtered(
    store: Store, embedder: FlakyEmbedder
) -> None:
    with ranker(store, FlakyEngine(), breaker_failures=2) as recommender:
        embedder.fails = True
        answer = ask(recommender, text="horror", exclude=frozenset({"f05"}))
        assert told(answer) == ("popular", "index", "popularity")
        assert [item.item.item_id for item in answer.items[:3]] == ["f06", "f07", "f02"]
        assert answer.items[0].signals.log_popularity > 0
        ask(recommender, text="horror")
        embedder.fails = False
        assert told(ask(recommender, text="horror"))[:2] == ("popular", "index")
        time.sleep(0.25)
        assert told(ask(recommender, text="horror")) == ("full", None, "llm")


def test_an_index_that_hangs_is_left_in_time(store: Store, embedder: FlakyEmbedder) -> None:
    with ranker(store, FlakyEngine(), deadline_s=0.3) as recommender:
        embedder.go_on.clear()
        answer = ask(recommender, text="horror")
        embedder.go_on.set()
    assert told(answer) == ("popular", "deadline", "popularity")


def test_who_leaves_is_no_failure_of_the_engine(store: Store) -> None:
    engine = FlakyEngine()
    engine.seconds = 60.0

    async def leave(recommender: Recommender) -> None:
        asking = asyncio.create_task(recommender.recommend(Query(user_id="ann")))
        await engine.reached.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    with ranker(store, engine, breaker_failures=1) as recommender:
        asyncio.run(leave(recommender))
        assert engine.cancelled == 1
        assert recommender.ladder is not None
        assert recommender.ladder.engine.state == "closed"


def test_every_answer_is_shown_to_who_watches_and_the_model_can_be_warmed(store: Store) -> None:
    engine, seen = FlakyEngine(), list[Recommendation]()
    settings = load_settings(strategy="likelihood")
    recommender = compose(settings, store, engine, choose_template(settings), watch=seen.append)
    asyncio.run(recommender.warm())
    assert (engine.asked, seen) == ([2], [])
    assert seen == [ask(recommender)]


def test_an_evaluation_takes_no_answer_of_a_lower_rung(store: Store) -> None:
    engine = FlakyEngine()
    settings = load_settings(strategy="likelihood")
    template = choose_template(settings)
    case = Case(
        case_id="c",
        user_id="ann",
        history=(PastItem(item=Item(item_id="f00", title="A"), timestamp=1.0),),
        candidates=(Item(item_id="f05", title="A"),),
        target="f05",
    )
    engine.error = ServerDownError("no connection")
    plain = compose(settings, store, engine, template)
    with pytest.raises(ServerDownError):
        asyncio.run(LlmRanker("llm", plain, template, settings).rank([case]))
    with ranker(store, engine) as laddered, pytest.raises(EngineError, match="lower rung"):
        asyncio.run(LlmRanker("llm", laddered, template, settings).rank([case]))
