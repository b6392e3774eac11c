"""A chat whose model is down still answers, and says that it is down."""

from __future__ import annotations

from pathlib import Path

from ranking.errors import EngineError
from ranking.factory import choose_template, compose
from ranking.ladder import Ladder
from ranking.settings import load_settings
from retrieval.catalogue import Catalogue
from service.chat.recommender import ChatRecommender
from service.chat.types import Conversation
from service.chat.vocabularies import Vocabularies
from service.chat.wire import ChatOut
from tests.ranking.flaky_engine import FlakyEngine
from tests.service.chat.talk import open_talk


async def test_a_reply_says_which_rung_ranked_and_why(tmp_path: Path) -> None:
    settings, engine = load_settings(), FlakyEngine()
    with open_talk(tmp_path) as talk, Ladder(settings.ladder) as ladder:
        recommender = compose(settings, talk.store, engine, choose_template(settings), ladder=ladder)
        chat = ChatRecommender(
            recommender=recommender,
            record=talk.store.record,
            vocabularies=Vocabularies(Catalogue(talk.store.record).items),
        )
        well = ChatOut.of(await chat.turn(Conversation(), "something like Alien", "ann"))
        assert (well.rung, well.degraded, well.reason) == ("full", False, None)
        engine.error = EngineError("no model here")
        less = ChatOut.of(await chat.turn(Conversation(), "something like Alien", "ann"))
        assert (less.rung, less.degraded, less.reason) == ("retrieval", True, "engine")
        assert less.items
        assert "less well sorted than usual" in less.text
        chinese = ChatOut.of(await chat.turn(Conversation(), "喜剧，不要爱情片", "ann"))
        assert "排序不如平时" in chinese.text
        hello = ChatOut.of(await chat.turn(Conversation(), "start over", "ann"))
        assert (hello.rung, hello.degraded, hello.reason) == (None, False, None)
