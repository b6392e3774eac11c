"""What the service answers with: one Recommender at a time, exchanged when another adapter is promoted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from ranking.errors import RankingError
from ranking.recommender import Recommender
from ranking.registry import AdapterRegistry, Promotion, Stamp
from ranking.types import Recommendation
from retrieval.closing import Closing
from retrieval.erasure import finish_erasures
from retrieval.errors import one_line
from retrieval.store import Store
from service.indexing import Indexing
from service.metrics import Metrics
from service.overheard import listening, overheard
from service.retention import Retention
from service.tracing import mark

if TYPE_CHECKING:
    from ranking.settings import Settings

_log = structlog.get_logger(__name__)
_WARM_S = 120.0
"""How long a cold model is waited for before the service calls itself ready all the same."""


@dataclass(kw_only=True, slots=True)
class _Held:
    recommender: Recommender
    opened: AbstractContextManager[Recommender]
    promotion: Promotion | None
    users: int = 0
    retired: bool = False

    def close_if_done(self) -> None:
        """Lets it go once nothing new will come and nothing is under way, so that closing never waits."""
        if self.retired and self.users == 0:
            self.opened.__exit__(None, None, None)


class Serving(Closing):
    """Hands out the current Recommender, and loads another one when the history of promotions has changed.

    A request keeps the Recommender that it began with, which is closed after its last request. Loading goes on beside
    the requests; if it fails the old one stays, and `problem` says why until another change. After it is made, it
    belongs to one event loop.
    """

    def __init__(
        self,
        *,
        store: Store,
        load: Callable[[Promotion | None], AbstractContextManager[Recommender]],
        current: Callable[[], Promotion | None],
        stamp: Callable[[], Stamp | None],
        metrics: Metrics | None = None,
        shown_days: float | None = None,
        prompt_days: float | None = None,
        runs: Path | None = None,
    ) -> None:
        """Loads what is promoted now; raises whatever `load` does. `store` is what every Recommender ranks over.

        `shown_days` and `prompt_days` are how long the lists that were shown, and their prompts, are kept; None keeps
        all.
        """
        self.store = store
        self.runs = runs
        """Folder of the evaluations that may be shown; None shows none."""
        self.indexing = Indexing(store)
        self.metrics = metrics or Metrics()
        self._retention = Retention(store, shown_days, prompt_days)
        self._warming: asyncio.Task[None] | None = None
        self._load, self._current, self._stamp = load, current, stamp
        # Looked at before the history is read: a change in between is seen at the next look.
        self._seen = stamp()
        self._held = self._open(current())
        self._swapping: asyncio.Task[None] | None = None
        self.problem: str | None = None
        """Why the promotion that was seen last does not serve; None where it does."""
        self.metrics.follow(self)

    @property
    def recommender(self) -> Recommender:
        """The current one, to ask what it is; to rank with it, see `use`."""
        return self._held.recommender

    @property
    def warming(self) -> bool:
        """Whether the model is being asked for the first time."""
        return self._warming is not None and not self._warming.done()

    def begin(self) -> None:
        """Begins to warm the model and to forget old lists, beside the requests; to be called in the event loop."""
        self._retention.begin()
        self._warming = asyncio.get_running_loop().create_task(_warm(self._held.recommender))

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Recommender]:
        """The current Recommender, open until the block ends."""
        self.look()
        held = self._held
        held.users += 1
        try:
            yield held.recommender
        finally:
            held.users -= 1
            held.close_if_done()

    def look(self) -> None:
        """Begins to load what is promoted now, if the history has changed and nothing is being loaded."""
        if self._swapping is None and (stamp := self._stamp()) != self._seen:
            self._seen = stamp
            self._swapping = asyncio.get_running_loop().create_task(self._swap())

    async def settled(self) -> None:
        """Waits until nothing is being loaded or indexed; a model that is still cold stays so."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.wait([self._warming])
        if self._swapping is not None:
            await self._swapping
        await self._retention.stop()
        await self.indexing.settled()

    def close(self) -> None:
        """Closes the current Recommender; to be called when no request is under way, after `settled`."""
        self._held.retired = True
        self._held.close_if_done()

    async def _swap(self) -> None:
        try:
            promotion = self._current()
            if promotion != self._held.promotion:
                new = await asyncio.to_thread(self._open, promotion)
                await _warm(new.recommender)
                old, self._held = self._held, new
                old.retired = True
                old.close_if_done()
                _log.info("another adapter serves", adapter=promotion and promotion.label)
            self.problem = None
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the new one, the old one can answer
            self.problem = one_line(error)
            _log.error("the promoted adapter cannot be loaded; the old one serves", error=self.problem)
        finally:
            self._swapping = None

    def _open(self, promotion: Promotion | None) -> _Held:
        opened = self._load(promotion)
        return _Held(recommender=opened.__enter__(), opened=opened, promotion=promotion)


async def _warm(recommender: Recommender) -> None:
    """A model that fails here is left to the ladder; without one, nobody asked for an answer before the first."""
    if recommender.ladder is None:
        return
    try:
        async with asyncio.timeout(_WARM_S):
            await recommender.warm()
    except (RankingError, TimeoutError) as error:
        _log.warning("the model could not be warmed", error=type(error).__name__, message=one_line(error))


@contextmanager
def open_serving(settings: Settings) -> Iterator[Serving]:
    """What the settings serve, over one store whose index has caught up with its record; all is closed afterwards."""
    from ranking.experiments.arms import check_experiments, open_arms
    from ranking.factory import choose_template as check_template
    from ranking.factory import open_engine, open_settings_store, promotion_for, served_settings
    from ranking.scenarios.check import check_scenarios

    check_template(served_settings(settings))
    check_experiments(settings)
    check_scenarios(served_settings(settings))
    metrics = Metrics()

    def load(promotion: Promotion | None) -> AbstractContextManager[Recommender]:
        watch = partial(answered, metrics)
        if not settings.log.prompts:
            return open_arms(store, settings, promotion, watch=watch)
        return open_arms(
            store, settings, promotion, watch=watch, open_model=lambda chosen: listening(open_engine(chosen))
        )

    with open_settings_store(settings) as store:
        store.catch_up()
        finish_erasures(store)
        with Serving(
            store=store,
            load=load,
            current=partial(promotion_for, settings),
            stamp=AdapterRegistry(settings.home).stamp,
            metrics=metrics,
            shown_days=settings.retention.shown_days,
            prompt_days=settings.retention.prompt_days,
            runs=settings.runs,
        ) as serving:
            yield serving


def answered(metrics: Metrics, answer: Recommendation) -> None:
    """Tells the metrics, the trace and the log of a list; none of them gets who asked, or for what."""
    metrics.answered(answer)
    mark(answer)
    if (heard := overheard()) is not None:
        heard.answer = answer
