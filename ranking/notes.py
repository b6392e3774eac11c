"""What a reader of an answer must know, in sentences."""

from __future__ import annotations

from prompts.types import Dropped
from ranking.types import EngineInfo, StrategyScores, TunedPrompts


def adapter_notes(verdict: StrategyScores | None, engine: EngineInfo, strategy: str) -> tuple[str, ...]:
    """That the adapter was tuned on other prompts than these, where it was."""
    if verdict is None or engine.tuned is None:
        return ()
    tuned, asked = engine.tuned, TunedPrompts(strategy=strategy, template=verdict.template)
    if (tuned.strategy, tuned.template.digest) == (asked.strategy, asked.template.digest):
        return ()
    return (f"Adapter {engine.adapter} was tuned on prompts of {_named(tuned)}, not of {_named(asked)}.",)


def no_weight(explain: bool) -> tuple[str, ...]:
    """That the LLM was not asked because it has no weight."""
    reasons = " Reasons are measured with the LLM, so there are none." if explain else ""
    return (f"The LLM has no weight (fusion.llm is 0): the signals alone ranked.{reasons}",)


def no_verdict(verdict: StrategyScores | None, available: int, *, by_profile: bool) -> tuple[str, ...]:
    """That there was nothing to ask the LLM about; nothing where there was, or where there are no candidates.

    With `by_profile` the user's profile told what they like, but holds nothing that the prompt shows.
    """
    if verdict is not None or not available:
        return ()
    if by_profile:
        return (
            "Only the profile of this user tells what they like: retrieval's signals ranked, the LLM was not asked.",
        )
    return ("Nothing is known of this user and nothing was asked: retrieval's order, the LLM did not rank.",)


def notes_of(verdict: StrategyScores | None, n: int, available: int) -> tuple[str, ...]:
    """What is missing of the n items asked for, and what the prompt left out or changed."""
    notes = []
    if available < n:
        notes.append(f"{available} of the {n} items asked for: no more items are unseen and pass the filters.")
    dropped = verdict.dropped if verdict else Dropped()
    if dropped.history:
        notes.append(f"{dropped.history} oldest past items did not fit the prompt.")
    if dropped.demonstrations:
        notes.append(f"{dropped.demonstrations} demonstrations did not fit the prompt.")
    if dropped.clipped:
        notes.append(f"{dropped.clipped} long texts were cut.")
    if dropped.summarised:
        notes.append(f"Of {dropped.summarised} items the model read the first sentences of the description, not all.")
    if dropped.neutralised:
        notes.append(f"{dropped.neutralised} texts held control tokens or characters, which were made harmless.")
    return tuple(notes)


def _named(prompts: TunedPrompts) -> str:
    ref = prompts.template
    return f"{prompts.strategy} with template {ref.name} version {ref.version} ({ref.language}, {ref.digest})"
