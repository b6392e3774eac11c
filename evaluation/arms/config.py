"""What a configuration says of an LLM arm."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ranking.engine_settings import EngineSettings
from ranking.settings import FusionWeights, ListwiseSettings, Settings, load_settings, merged
from ranking.shipped import AdapterFolder
from ranking.strategies.config import SetwiseSettings, StrategyName, WindowSettings, YesNoSettings
from retrieval.config import Section

ALONE = FusionWeights(llm=1.0, similarity=0.0, cooccurrence=0.0, latent=0.0, bm25=0.0, popularity=0.0, query=0.0)
"""The LLM decides by itself."""


class LlmArm(Section):
    """An LLM recommender. What is left out, but for the adapter, is as in the settings, that is, as served."""

    kind: Literal["llm"] = "llm"
    model: str | None = None
    """The packaged default, a Hugging Face id, or a local folder."""
    adapter: AdapterFolder | None = None
    """A folder that `fewrec tune` wrote, or "shipped"; None is the model as it is, whatever the settings name."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] | None = None
    engine: EngineSettings | None = None
    """What runs the model, and where, such as {kind: vllm}."""
    strategy: StrategyName | None = None
    yes_no: YesNoSettings | None = None
    setwise: SetwiseSettings | None = None
    listwise: ListwiseSettings | None = None
    windows: WindowSettings | None = None
    prior_removed: float | None = Field(default=None, ge=0, le=1)
    """Of the likelihood strategy: 1 is pointwise mutual information, 0 the plain likelihood."""
    per_token: bool | None = None
    """Of the likelihood strategy: divide by the title's tokens."""
    rounds: int | None = Field(default=None, ge=1, le=32)
    """Orders in which the candidates are shown, where several are shown at once; 1 is the given order alone."""
    aggregate: Literal["borda", "rrf"] | None = None
    """How the rounds become one order."""
    template: str | None = None
    """Name of a shipped template, or a template file."""
    language: Literal["en", "zh"] | None = None
    max_tokens: int | None = Field(default=None, ge=32, le=131072)
    shots: int | None = Field(default=None, ge=0, le=16)
    history: Literal["recent", "similar", "diverse"] | None = None
    history_length: int | None = Field(default=None, ge=0, le=200)
    liked_only: bool | None = None
    fusion: Literal["none", "served", "fitted"] | FusionWeights = "none"
    """none: the LLM alone; served: the weights of the settings; fitted: on the run's validation cases, of which the LLM
    reads 100; or weights of one's own."""

    def over(self, settings: Settings) -> Settings:
        """The settings with the arm's own on top."""
        found = load_settings(None, **merged(settings.model_dump(), self.flags()))
        return found.model_copy(update={"model": found.model.model_copy(update={"adapter": self.adapter})})

    def flags(self) -> dict[str, Any]:
        """The arm as overrides for ranking.settings.load_settings; None is not set."""
        fusion: dict[str, Any] | None = None
        if self.fusion == "none":
            fusion = ALONE.model_dump()
        elif isinstance(self.fusion, FusionWeights):
            fusion = self.fusion.model_dump()
        return {
            "model": {"name": self.model, "adapter": self.adapter, "dtype": self.dtype},
            "engine": _given(self.engine),
            "strategy": self.strategy,
            "yes_no": _given(self.yes_no),
            "setwise": _given(self.setwise),
            "listwise": _given(self.listwise),
            "windows": _given(self.windows),
            "likelihood": {"prior_removed": self.prior_removed, "per_token": self.per_token},
            "consistency": {"rounds": self.rounds, "aggregate": self.aggregate},
            "prompt": {"template": self.template, "language": self.language, "max_tokens": self.max_tokens},
            "examples": {
                "shots": self.shots,
                "history": self.history,
                "history_length": self.history_length,
                "liked_only": self.liked_only,
            },
            "fusion": fusion,
        }


def _given(section: Section | None) -> dict[str, Any] | None:
    """What an arm says of a section; an engine's kind is always said."""
    if section is None:
        return None
    said = section.model_dump(exclude_unset=True)
    return said if (kind := getattr(section, "kind", None)) is None else {"kind": kind, **said}
