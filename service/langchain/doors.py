"""Opens a Recommender for LangChain code and hands out its doors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal
from langsmith.utils import tracing_is_enabled

from ranking.errors import ConfigError
from ranking.recommender import Recommender
from retrieval.types import Query
from service.environment import keep_to_ourselves
from service.langchain.chat import ChatFewRec, WritingEngine
from service.langchain.examples import FewRecExampleSelector
from service.langchain.reranker import FewRecReranker
from service.langchain.retriever import FewRecRetriever

if TYPE_CHECKING:
    from ranking.settings import Settings

_NOBODY = Query()


@dataclass(frozen=True, kw_only=True, slots=True)
class Doors:
    """What LangChain code can get of one Recommender.

    All doors run on the portal's event loop, however they are called: synchronously, from many threads, or from a loop
    of the caller's. So what the Recommender holds belongs to one loop, and calls that come at once can share a pass of
    the model. `asking` is what every call of a door asks for beside its text.
    """

    recommender: Recommender
    portal: BlockingPortal

    def retriever(self, asking: Query = _NOBODY, *, k: int = 10, explain: bool = False) -> FewRecRetriever:
        """Recommended items as documents."""
        return FewRecRetriever(recommender=self.recommender, portal=self.portal, asking=asking, k=k, explain=explain)

    def reranker(self, asking: Query = _NOBODY, *, top_n: int | None = None) -> FewRecReranker:
        """Ranks any documents."""
        return FewRecReranker(recommender=self.recommender, portal=self.portal, asking=asking, top_n=top_n)

    def examples(self, asking: Query = _NOBODY) -> FewRecExampleSelector:
        """Other users' choices as few-shot examples."""
        return FewRecExampleSelector(self.recommender, self.portal, asking)

    def chat_model(self, **options: Any) -> ChatFewRec:
        """The engine's LLM as a chat model, with ChatFewRec's options. Raises ConfigError if it does not write."""
        engine = self.recommender.engine
        if "generate" not in engine.info.capabilities:
            raise ConfigError(f"engine {engine.info.engine!r} weighs answers only and cannot chat; choose another one")
        return ChatFewRec(engine=cast("WritingEngine", engine), portal=self.portal, **options)


@contextmanager
def open_doors(settings: Settings) -> Iterator[Doors]:
    """The doors to what the settings serve; everything is closed afterwards.

    Turns telemetry and tracing off for the whole process. Raises ConfigError if LangSmith's tracing stays on all the
    same: it would send users' histories and the prompts made of them away.
    """
    keep_to_ourselves()
    if tracing_is_enabled():
        raise ConfigError(
            "LangSmith tracing is on in this process and would send users' histories away: unset LANGSMITH_TRACING and "
            "LANGCHAIN_TRACING_V2, or call service.environment.keep_to_ourselves() before LangChain is first used"
        )
    from ranking.factory import open_recommender  # last, since it imports libraries that read the environment

    with open_recommender(settings) as recommender, start_blocking_portal() as portal:
        yield Doors(recommender=recommender, portal=portal)
