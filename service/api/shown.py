"""Keeps every list that is handed out, so that feedback can name it."""

from __future__ import annotations

import asyncio
import json
import time

from ranking.types import Recommendation
from retrieval.record.types import LoggedPrompts, ShownList
from retrieval.store import Store
from service.api.prompt_shapes import PromptOut
from service.overheard import overheard


async def remember(store: Store, answer: Recommendation, door: str) -> None:
    """Logs an answer's list. Raises NotFoundError where its user was deleted meanwhile."""
    engine, template = answer.engine, answer.template
    shown = ShownList(
        request_id=answer.request_id,
        user_id=None if answer.user is None else answer.user.user_id,
        door=door,
        asked_at=time.time(),
        item_ids=tuple(item.item.item_id for item in answer.items),
        ranked_by=answer.ranked_by,
        rung=answer.rung,
        strategy=answer.strategy,
        template=None if template is None else template.label,
        prompt_digest=answer.prompt_digest,
        model=None if engine is None else f"{engine.model}@{engine.revision}",
        adapter=None if engine is None else engine.adapter,
        scenario=answer.scenario,
        experiment=answer.experiment,
        arm=answer.arm,
        teams=_teams(answer),
    )
    await asyncio.to_thread(store.record.shown().log, shown, _prompts(shown, answer))


def _prompts(shown: ShownList, answer: Recommendation) -> LoggedPrompts | None:
    """What the model was shown for the list; None where nobody listens, or it was not asked."""
    heard = overheard()
    if heard is None or not heard.prompts:
        return None
    told = [PromptOut.of(asked).model_dump() for asked in heard.prompts]
    heard.prompts.clear()
    return LoggedPrompts(
        request_id=shown.request_id,
        user_id=shown.user_id,
        asked_at=shown.asked_at,
        prompts=json.dumps(told, ensure_ascii=False),
        # Where the model failed, or two arms asked it, the answer does not tell what all of the prompts held.
        shows_others=answer.n_demonstrations > 0 or answer.engine is None or shown.teams is not None,
    )


def _teams(answer: Recommendation) -> tuple[str, ...] | None:
    teams = tuple(item.team for item in answer.items if item.team is not None)
    return teams or None
