"""Memory and servers: the list maker is a fake, so that many users cost nothing."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from prompts.errors import BudgetError
from prompts.types import PromptContext
from ranking.begun import Prepared
from ranking.engines.scripted import ScriptedEngine
from ranking.protocol import Engine
from ranking.types import Recommendation
from retrieval.errors import NotFoundError
from retrieval.types import Candidate, Query, Retrieved, User
from service.batch.answering import Answering, Wanted
from service.batch.batch import Request, answer_here, finish
from service.batch.lists import rejected_in
from service.batch.users import Listed
from service.batch.work import Work
from tests.service.answers import full_answer

WANTED = Wanted(query=Query(), as_of=1.0, n=1)


class FakeLists:
    """FAKE list maker: everybody gets the same list; "gone" is deleted, "long" does not fit."""

    def __init__(self) -> None:
        self.engine: Engine = ScriptedEngine(lambda _, __: 0.0)
        self.ranking = self.most = 0

    def prepare(self, query: Query, n: int) -> Prepared:
        if query.user_id == "gone":
            raise NotFoundError("no user 'gone' in the store")
        item = full_answer().items[0].item
        user = User(user_id=query.user_id or "")
        candidates = () if query.user_id == "sated" else (Candidate(item=item, rank=1, score=1.0),)
        retrieved = Retrieved(query=query, as_of=1.0, user=user, history=(), candidates=candidates)
        return Prepared(retrieved=retrieved, context=PromptContext(history=(), candidates=(item,)))

    async def rank_prepared(self, prepared: Sequence[Prepared], n: int) -> list[Recommendation]:
        users = [one.retrieved.user for one in prepared]
        if any(user is not None and user.user_id == "long" for user in users):
            raise BudgetError("does not fit")
        self.ranking += 1
        self.most = max(self.most, self.ranking)
        await asyncio.sleep(0.001)
        self.ranking -= 1
        return [replace(full_answer(), user=user) for user in users]


def peak_of(folder: Path, n_users: int) -> int:
    """Most bytes that Python held while a batch of so many users ran."""
    request = Request(users=None, output=folder / f"{n_users}.parquet", n=1, query=Query())
    with Work(request.output) as work:
        everybody = (Listed(line=place, user_id=f"user-{place}") for place in range(1, n_users + 1))
        plan = work.begin(everybody, digests={}, as_of=1.0, users_a_part=64)
        tracemalloc.start()
        try:
            answer_here(work, plan, request, FakeLists(), in_flight=2)
            outcome = finish(work, plan, request)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (outcome.users, outcome.rows, outcome.rejected) == (n_users, n_users, 0)
    return peak


def test_ten_thousand_users_take_no_more_memory_than_a_thousand(tmp_path: Path) -> None:
    peak_of(tmp_path, 64)  # what is loaded at first is not a matter of users
    assert peak_of(tmp_path, 10_000) < peak_of(tmp_path, 1000) + 2**20


async def test_one_user_who_cannot_be_served_does_not_stop_the_others(tmp_path: Path) -> None:
    names = ("a", "gone", "long", "sated", "b")
    users = [Listed(line=line, user_id=name) for line, name in enumerate(names, start=1)]
    part = tmp_path / "part.parquet"
    part.write_bytes(await Answering(FakeLists(), WANTED, in_flight=1).answer(users))
    assert pq.read_table(part).column("user_id").to_pylist() == ["a", "b"]
    reasons = {one.user_id: (one.reason or "").split(":")[0] for one in rejected_in(part)}
    assert reasons == {"gone": "deleted meanwhile", "long": "does not fit", "sated": "nothing to recommend"}


@pytest.mark.parametrize("in_flight", [1, 3])
async def test_so_many_parts_are_before_the_model_at_a_time(in_flight: int) -> None:
    lists = FakeLists()
    parts = [(number, [Listed(line=number, user_id=f"u{number}")]) for number in range(12)]
    kept: dict[int, bytes] = {}
    await Answering(lists, WANTED, in_flight=in_flight).run(parts, kept.__setitem__)
    assert sorted(kept) == list(range(12))
    assert lists.most == in_flight


async def test_what_fails_stops_the_batch() -> None:
    def full_disk(number: int, content: bytes) -> None:
        raise OSError("no space left")

    answering = Answering(FakeLists(), WANTED, in_flight=1)
    with pytest.raises(OSError, match="no space"):
        await answering.run([(n, [Listed(line=n, user_id="u")]) for n in range(5)], full_disk)
