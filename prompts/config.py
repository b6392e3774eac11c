"""Settings of prompts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from retrieval.config import Section


class PromptSettings(Section):
    """How it is put into words."""

    template: str | None = None
    """Name of a prompt template; None is the strategy's own default."""
    language: Literal["en", "zh"] = "en"
    max_tokens: int = Field(default=1024, ge=32, le=131072)
    """Longest prompt with its longest candidate, chat markup included; older history is dropped to keep to it."""
