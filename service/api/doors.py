"""The paths that clients of other products already speak."""

from __future__ import annotations

from fastapi import APIRouter

from service.api import rerank
from service.api.gorse import catalogue, recommend
from service.api.gorse import feedback as gorse_feedback
from service.api.openai import chat

DOORS: tuple[APIRouter, ...] = (
    rerank.router,
    chat.router,
    catalogue.router,
    gorse_feedback.router,
    recommend.router,
)
"""Cohere's and Jina's rerank, OpenAI's chat completions, and Gorse's items, users, feedback and lists."""
