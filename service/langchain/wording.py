"""What goes in and out of the doors that rank: LangChain's text and settings as a query, our answer as metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ranking.types import Recommendation
from retrieval.types import Query


def query_of(asking: Query, text: str, user_id: str | None) -> Query:
    """The standing query with a call's text, blank being none, and with the call's user if it names one."""
    return replace(asking, text=text if text.strip() else None, user_id=asking.user_id if user_id is None else user_id)


def about(answer: Recommendation) -> Mapping[str, Any]:
    """What every document of an answer tells of the whole of it."""
    return {"request_id": answer.request_id, "ranked_by": answer.ranked_by, "notes": list(answer.notes)}
