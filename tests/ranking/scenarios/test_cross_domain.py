"""The bundled films and books: a viewer of films who never took a book is recommended books, in words for both."""

from __future__ import annotations

import asyncio
from pathlib import Path

from prompts.render import as_text
from prompts.types import Prompt
from ranking.engines.scripted import ScriptedEngine
from ranking.factory import choose_template, compose
from ranking.settings import load_settings
from retrieval.sample.catalogue import sample_interactions, sample_items, sample_users
from retrieval.store import open_store
from retrieval.types import Query
from tests.fakes import HashingEmbedder

_LATEST = 4e9


def test_what_a_viewer_of_films_gets_is_books(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, scenario="cross-domain", strategy="likelihood")
    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as store:
        store.record.put_items(sample_items())
        store.record.put_users(sample_users())
        store.record.put_interactions(sample_interactions())
        store.catch_up()
        recommender = compose(
            settings, store, ScriptedEngine(lambda _p, branch: len(branch)), choose_template(settings)
        )
        query = Query(user_id="viewer-003", domain="books", as_of=_LATEST)
        prompt = asyncio.run(recommender.question(query))
        answer = asyncio.run(recommender.recommend(query, 10))
    assert answer.scenario == "cross-domain"
    assert {one.item.domain for one in answer.items} == {"books"}
    assert answer.retrieved is not None
    assert {past.item.domain for past in answer.retrieved.history} == {"films"}
    # Users of both domains carry what films and books have in common.
    assert any(vote.source == "cooccurrence" for one in answer.retrieved.candidates for vote in one.votes)
    assert isinstance(prompt, Prompt)
    assert "watched these films" in as_text(prompt, 0)
    assert "Which book will they read next?" in as_text(prompt, 0)
