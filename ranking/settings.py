"""Every setting with its default. Read from a YAML file (--config), the environment (FEWREC_…, nested with __) and flags."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from prompts.config import PromptSettings
from retrieval.config import EmbedderSettings, ExampleSettings, IndexSettings, RetrievalSettings, Section


class ModelSettings(Section):
    """The LLM and where it runs."""

    name: str = "smollm2-135m-instruct"
    """The packaged default, a Hugging Face id, or a local folder."""
    adapter: Path | None = None
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """auto: bf16 on a GPU or on a CPU with avx512_bf16, else float32."""
    threads: int | None = Field(default=None, ge=1)
    max_packed_tokens: int = Field(default=4096, ge=64)
    """Tokens of one forward pass; more are split over several passes."""


class FusionWeights(Section):
    """Weights of the fused score; every value is standardised over the candidates first."""

    llm: float = 1.0
    similarity: float = 0.5
    cooccurrence: float = 0.5
    popularity: float = 0.5
    query: float = 1.0


class Settings(BaseSettings):
    """All of FewRec's settings."""

    model_config = SettingsConfigDict(
        env_prefix="FEWREC_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    home: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("fewrec")))
    """Folder of the record and the index."""
    cache: Path = Field(default_factory=lambda: Path(platformdirs.user_cache_dir("fewrec")))
    """Folder of prepared models."""
    record_url: str | None = None
    """SQLAlchemy URL of the record; None is a SQLite file in the home folder."""
    index: IndexSettings = IndexSettings()
    embedder: EmbedderSettings = EmbedderSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    examples: ExampleSettings = ExampleSettings()
    prompt: PromptSettings = PromptSettings()
    model: ModelSettings = ModelSettings()
    strategy: Literal["likelihood", "yes-no"] = "likelihood"
    fusion: FusionWeights = FusionWeights()
