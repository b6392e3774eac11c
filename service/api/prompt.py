"""What the model is shown for a list: the prompt itself."""

from __future__ import annotations

from fastapi import APIRouter

from service.api.dependencies import Ranker
from service.api.problems import problems
from service.api.prompt_shapes import PromptOut
from service.api.recommend import RecommendIn
from service.wire import Wire

router = APIRouter(prefix="/v1", tags=["recommend"])


class PromptsOut(Wire):
    """The prompt, if there is one."""

    prompt: PromptOut | None
    """Null where the model is not asked: nothing is known of the user and nothing was asked, or it has no weight."""


@router.post("/prompt", responses=problems(400, 404, 409, 413, 422))
async def prompt(body: RecommendIn, recommender: Ranker) -> PromptsOut:
    """What POST /v1/recommend with the same body would ask the model first. The model is not asked."""
    asked = await recommender.of(body.scenario).question(body.asked(user_id=body.user_id), body.n)
    return PromptsOut(prompt=None if asked is None else PromptOut.of(asked))
