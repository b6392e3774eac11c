"""Any LangChain chat model as the model that ranks: here a fake one that always gives the same answer.

Uses the sample that `make demo` leaves behind; run that once before.
"""

from __future__ import annotations

import asyncio

from langchain_core.language_models import FakeListChatModel

from ranking.engines.langchain import LangChainEngine
from ranking.factory import choose_template, compose, open_settings_store
from ranking.settings import load_settings
from retrieval.types import Query
from service.cli.demo_store import DEMO_USER, demo_settings
from service.environment import keep_to_ourselves

# FAKE: stands for ChatOllama, ChatOpenAI or any other. What a real one reads leaves this machine if that one does.
FAKE = FakeListChatModel(responses=["5, 3, 1, 2, 4"])


def main() -> None:
    """The model is shown five numbered candidates and writes their order, which is read and made whole."""
    keep_to_ourselves()
    settings = demo_settings(
        load_settings(strategy="listwise", retrieval={"n_candidates": 5}, fusion={"llm": 1.0, "cooccurrence": 0.1})
    )
    with open_settings_store(settings) as store:
        store.catch_up()
        recommender = compose(settings, store, LangChainEngine(FAKE), choose_template(settings))
        answer = asyncio.run(recommender.recommend(Query(user_id=DEMO_USER, domain="films"), 5))
    for ranked in answer.items:
        print(f"{ranked.rank}. {ranked.item.title}  (the model's score {ranked.llm_score})")
    named = "no model" if answer.engine is None else answer.engine.model
    print(f"ranked by {answer.ranked_by}: {answer.strategy} over {named}")


if __name__ == "__main__":
    main()
