"""A request on its way to an answer."""

from __future__ import annotations

from dataclasses import dataclass

from prompts.types import PromptContext
from ranking.clock import Clock
from ranking.ladder import Course
from retrieval.types import Retrieved


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A query's candidates and what is put into words of them, before the model is asked."""

    retrieved: Retrieved
    context: PromptContext


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """A request whose candidates are there, and whose time runs."""

    retrieved: Retrieved
    clock: Clock
    course: Course
    context: PromptContext | None = None
    """What is put into words; None where that is still to be looked up."""


def without_examples(retrieved: Retrieved) -> PromptContext:
    """What is known without looking anything up; nothing that the model could rank by."""
    return PromptContext(history=(), candidates=tuple(candidate.item for candidate in retrieved.candidates))


def tells_taste(retrieved: Retrieved) -> bool:
    """Whether the candidates were compared with a text: the query's, or what the user says of themselves."""
    return any(candidate.signals.query_similarity is not None for candidate in retrieved.candidates)
