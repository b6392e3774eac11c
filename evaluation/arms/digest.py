"""What the answers of an LLM arm depend on, in one digest: an old run must not go on with another arm."""

from __future__ import annotations

from typing import Any

from evaluation.run.folder import digest_of
from ranking.engine_settings import EngineSettings, TransformersSettings
from ranking.factory import choose_fusion, choose_template
from ranking.settings import Settings

_FIRST = ("model", "strategy", "likelihood", "prompt", "examples", "fusion", "embedder", "retrieval")
_LATER: dict[str, Any] = {
    **dict.fromkeys(("yes_no", "setwise", "listwise", "windows", "consistency"), True),
    "arrangement": {"unseen": True},
}
"""What came later: left out where nothing is set in it, so that runs from before can go on."""
MATTERS: dict[str, Any] = dict.fromkeys(_FIRST, True) | _LATER
"""Settings that an LLM arm's answers depend on, as pydantic's `include` takes them."""


def arm_digest(settings: Settings, adapter: str | None) -> str:
    """`settings` are those of the process with the arm's own on top, `adapter` is the label of the adapter they name.

    What is in an adapter's folder counts, not where it lies: tuned anew, it is another arm.
    """
    later = settings.model_dump(include=_LATER, exclude_defaults=True)
    unset = {name for name in _LATER if not later.get(name)}
    described = settings.model_dump(mode="json", include=MATTERS, exclude=unset)
    if adapter is not None:
        described["model"]["adapter"] = adapter
        described["fusion"] = choose_fusion(settings).model_dump()
    whole = {"llm": described, "template": choose_template(settings).ref.digest}
    return digest_of(whole | engine_identity(settings.engine, getattr(settings.engine, "route", None)))


def engine_identity(engine: EngineSettings, route: str | None) -> dict[str, Any]:
    """What of an engine an answer depends on, beside the model. `route` is the one it takes, or is told to take.

    Nothing for the embedded engine: digests and scores from before there was a choice stay good.
    """
    if isinstance(engine, TransformersSettings):
        return {}
    said = engine.model_dump(mode="json", include={"kind", "url", "served_model", "max_context", "extra", "precision"})
    return {"engine": said | {"route": route}}
