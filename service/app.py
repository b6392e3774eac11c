"""The HTTP service: the same Recommender behind REST. Every refusal is application/problem+json (RFC 9457)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Annotated

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from prompts.errors import PromptError
from ranking.errors import RankingError
from ranking.recommender import Recommender
from retrieval.errors import EmptyStoreError, InputError, NotFoundError, RetrievalError
from retrieval.types import Query
from service.filters import parse_filter
from service.schemas import RecommendationOut
from service.serving import Serving

_log = structlog.get_logger(__name__)
_MAX_BODY_BYTES = 1 << 20
_Text = Annotated[str, Field(min_length=1, max_length=1000)]


class RecommendIn(BaseModel):
    """What to recommend, and to whom. Never a model, a path or a URL: these are the operator's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user_id: _Text | None = None
    n: int = Field(default=10, ge=1, le=100)
    query: _Text | None = None
    filters: list[_Text] = Field(default=[], max_length=20)
    """Conditions such as "year>=2000" or "genres!=Horror"; all must hold."""
    exclude: list[_Text] = Field(default=[], max_length=10_000)
    domain: _Text | None = None
    explain: bool = False


class ProblemOut(BaseModel):
    """Why a request was refused."""

    title: str
    status: int
    detail: str


class HealthOut(BaseModel):
    """Whether the process is alive, or ready to rank."""

    status: str
    adapter: str | None = None
    """Label of the adapter that serves; left out for the model as it is."""
    problem: str | None = None
    """Why the adapter that was promoted last does not serve; left out where it does."""


_PROBLEMS: dict[int | str, dict[str, object]] = {
    status: {"model": ProblemOut, "content": {"application/problem+json": {}}}
    for status in (400, 404, 409, 413, 422, 500)
}
# The first class that fits decides, so a class stands before its base.
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (NotFoundError, 404),
    (EmptyStoreError, 409),
    (InputError, 400),
    (RetrievalError, 500),
    (PromptError, 400),
    (RankingError, 500),
)


def create_app(open_serving: Callable[[], AbstractContextManager[Serving]]) -> FastAPI:
    """The application. What serves is opened when the server starts and closed when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = open_serving()
        app.state.serving = await asyncio.to_thread(opened.__enter__)
        try:
            yield
        finally:
            await app.state.serving.settled()
            await asyncio.to_thread(opened.__exit__, None, None, None)

    app = FastAPI(title="FewRec", lifespan=lifespan, max_body_size=_MAX_BODY_BYTES)
    _add_routes(app)
    _add_problems(app)
    return app


def _serving(request: Request) -> Serving:
    serving = request.app.state.serving
    assert isinstance(serving, Serving)  # noqa: S101 - the lifespan put it there
    return serving


async def _recommender(serving: Annotated[Serving, Depends(_serving)]) -> AsyncIterator[Recommender]:
    # One for the whole request, whatever is promoted meanwhile.
    async with serving.use() as recommender:
        yield recommender


Ranker = Annotated[Recommender, Depends(_recommender)]


def _add_routes(app: FastAPI) -> None:
    @app.get("/health/live", response_model_exclude_none=True)
    async def live() -> HealthOut:
        """The process answers."""
        return HealthOut(status="alive")

    @app.get("/health/ready", response_model_exclude_none=True)
    async def ready(serving: Annotated[Serving, Depends(_serving)]) -> HealthOut:
        """Store open, index caught up, model loaded: the server answers only after that."""
        serving.look()
        info = serving.recommender.engine.info
        return HealthOut(status=f"ready: {info.model}", adapter=info.adapter, problem=serving.problem)

    @app.post("/v1/recommend", responses=_PROBLEMS)
    async def recommend(body: RecommendIn, recommender: Ranker) -> RecommendationOut:
        """Items the user has not seen, ranked by the LLM, best first."""
        query = Query(
            user_id=body.user_id,
            text=body.query,
            filters=tuple(parse_filter(text) for text in body.filters),
            exclude=frozenset(body.exclude),
            domain=body.domain,
        )
        return RecommendationOut.of(await recommender.recommend(query, body.n, explain=body.explain))


def _add_problems(app: FastAPI) -> None:
    async def of_stage(request: Request, error: Exception) -> JSONResponse:
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        if status >= 500:
            _log.error("request failed", path=request.url.path, error=type(error).__name__)
        return _problem(type(error).__name__, status, str(error))

    async def of_body(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
        # The rejected value itself stays out: it may be somebody's text.
        places = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return _problem("Invalid request", 422, places)

    async def of_http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
        return _problem("Refused", error.status_code, str(error.detail))

    for kind in (RetrievalError, PromptError, RankingError):
        app.add_exception_handler(kind, of_stage)
    app.add_exception_handler(RequestValidationError, of_body)
    app.add_exception_handler(HTTPException, of_http)


def _problem(title: str, status: int, detail: str) -> JSONResponse:
    body = ProblemOut(title=title, status=status, detail=detail)
    return JSONResponse(body.model_dump(), status, media_type="application/problem+json")
