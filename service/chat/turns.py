"""The next state of a conversation: what stood before, changed by what an utterance says. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import replace

from service.chat.types import (
    Comparison,
    Condition,
    Conversation,
    Facet,
    InDomain,
    Language,
    Question,
    Reading,
    Relaxable,
    Span,
    Stance,
    Told,
    Turn,
)
from service.chat.vocabulary import Vocabulary

MOST_KEPT = 50
"""Of each kind of thing in a state: the latest ones stay."""


def next_turn(state: Conversation, reading: Reading, vocabulary: Vocabulary, language: Language) -> Turn:
    """The state after an utterance. If a title stays unclear, its question stands open in it.

    An open question that the utterance does not answer is closed: an unclear title is then taken for its likeliest
    meaning, and nothing is relaxed or kept that was not agreed to.
    """
    if reading.restart:
        kept = Conversation(language=language, consent=state.consent)
        return replace_turn(_read(kept, reading, vocabulary), reading)
    state, assumed = _answered(replace(state, language=language), reading)
    turn = replace_turn(_read(state, reading, vocabulary), reading)
    return replace(turn, assumed=assumed)


def replace_turn(turn: Turn, reading: Reading) -> Turn:
    """The turn with what the reading could not use."""
    return replace(turn, unknown=reading.unknown, unsupported=reading.unsupported, unchecked=reading.unchecked)


def relaxed(state: Conversation, conditions: Iterable[Relaxable]) -> Conversation:
    """The state without these conditions."""
    fallen = tuple(conditions)
    domain = None if state.domain is not None and InDomain(domain=state.domain) in fallen else state.domain
    return replace(state, conditions=tuple(c for c in state.conditions if c not in fallen), domain=domain)


def _answered(state: Conversation, reading: Reading) -> tuple[Conversation, tuple[str, ...]]:
    """The state with its open question closed, and what was assumed for that."""
    question = state.question
    state = replace(state, question=None)
    if question is None:
        return state, ()
    if question.kind == "relax":
        return (relaxed(state, question.conditions) if reading.answer else state), ()
    if question.kind == "remember":
        if reading.answer is None:
            return state, ()
        return replace(state, consent=reading.answer, told=state.told if reading.answer else ()), ()
    taken = tuple(question.item_ids[place - 1] for place in reading.chosen if place <= len(question.item_ids))
    clear = taken or ((question.item_ids[0],) if reading.answer else ())
    for item_id in clear or question.item_ids[:1]:
        state = _said(state, item_id, question.stance)
    return state, () if clear or reading.answer is False else question.item_ids[:1]


def _read(state: Conversation, reading: Reading, vocabulary: Vocabulary) -> Turn:
    before = state
    state = _conditions(state, reading, vocabulary)
    state, unclear = _titles(state, reading)
    for pick in reading.picks:
        item_id = _picked(before, pick.place)
        if item_id is not None and pick.stance is not None:
            state = _said(state, item_id, pick.stance)
    state, baseless = _compared(state, before, reading, vocabulary)
    seen = (*state.seen, *before.shown) if reading.more else state.seen
    state = replace(
        state,
        seen=_last(item_id for item_id in seen if item_id not in state.like),
        text=_joined(state.text, reading.text),
        count=reading.count or state.count,
        question=unclear,
    )
    return Turn(state=state, without_basis=baseless)


def _conditions(state: Conversation, reading: Reading, vocabulary: Vocabulary) -> Conversation:
    released = {(facet.attribute, value) for facet in reading.released_values for value in facet.values}
    kept: list[Condition] = []
    for condition in state.conditions:
        if condition.attribute in reading.released:
            continue
        if isinstance(condition, Facet):
            values = tuple(v for v in condition.values if (condition.attribute, v) not in released)
            if values:
                kept.append(replace(condition, values=values))
        else:
            kept.append(condition)
    replaced = {new.attribute for new in reading.conditions if _takes_over(new, reading, vocabulary)}
    kept = [old for old in kept if not (isinstance(old, Facet) and not old.refused and old.attribute in replaced)]
    for new in reading.conditions:
        kept = _with(kept, new)
    domain = None if reading.any_domain else reading.domain or state.domain
    return replace(state, conditions=tuple(kept[-MOST_KEPT:]), domain=domain)


def _takes_over(new: Condition, reading: Reading, vocabulary: Vocabulary) -> bool:
    if not isinstance(new, Facet) or new.refused:
        return False
    return reading.replaces or new.attribute not in vocabulary.listed


def _with(kept: list[Condition], new: Condition) -> list[Condition]:
    if isinstance(new, Span):
        old = next((c for c in kept if isinstance(c, Span) and c.attribute == new.attribute and not c.refused), None)
        if old is not None and not new.refused:
            return [*(c for c in kept if c != old), _narrowed(old, new)]
        return [*(c for c in kept if c != new), new]
    result: list[Condition] = []
    for one in kept:
        if isinstance(one, Facet) and one.attribute == new.attribute and one.refused != new.refused:
            # The later word counts: what is refused now is no longer wanted, and the other way round.
            values = tuple(value for value in one.values if value not in new.values)
            result += [replace(one, values=values)] if values else []
        elif one != new:
            result.append(one)
    return [*result, new]


def _narrowed(old: Span, new: Span) -> Span:
    """One open side is set and the other stays, unless nothing would lie between them or both are given."""
    if new.low is not None and new.high is not None:
        return new
    joined = replace(new, low=old.low if new.low is None else new.low, high=old.high if new.high is None else new.high)
    return new if joined.low is not None and joined.high is not None and joined.low > joined.high else joined


def _titles(state: Conversation, reading: Reading) -> tuple[Conversation, Question | None]:
    named = [mention for mention in reading.mentions if mention.item_ids]
    fresh = any(mention.stance in {"like", "love"} for mention in named) and not reading.adds
    fresh = fresh or any(pick.stance in {"like", "love"} for pick in reading.picks)
    if fresh:
        state = replace(state, like=())
    unclear: Question | None = None
    for mention in named:
        if len(mention.item_ids) == 1:
            state = _said(state, mention.item_ids[0], mention.stance)
        elif unclear is None:
            unclear = Question(kind="which", item_ids=mention.item_ids, stance=mention.stance)
        else:
            # One question at a time: a second unclear title is taken for its likeliest meaning.
            state = _said(state, mention.item_ids[0], mention.stance)
    return state, unclear


def _said(state: Conversation, item_id: str, stance: Stance) -> Conversation:
    def without(ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(each for each in ids if each != item_id)

    told = tuple(each for each in state.told if each.item_id != item_id)
    if stance == "seen":
        if item_id in state.like:
            return state
        return replace(state, seen=_last((*without(state.seen), item_id)))
    if stance == "hate":
        told = (*told, Told(item_id=item_id, liked=False))[-MOST_KEPT:]
        return replace(state, like=without(state.like), unlike=_last((*without(state.unlike), item_id)), told=told)
    if stance == "love":
        told = (*told, Told(item_id=item_id, liked=True))[-MOST_KEPT:]
    return replace(
        state,
        like=_last((*without(state.like), item_id)),
        unlike=without(state.unlike),
        seen=without(state.seen),
        told=told,
    )


def _picked(state: Conversation, place: int) -> str | None:
    index = place - 1 if place > 0 else len(state.shown) + place
    return state.shown[index] if 0 <= index < len(state.shown) else None


def _compared(
    state: Conversation, before: Conversation, reading: Reading, vocabulary: Vocabulary
) -> tuple[Conversation, tuple[str, ...]]:
    """Comparisons as ranges: against what was picked or named, else against the middle of what was shown."""
    picked = [item_id for pick in reading.picks if (item_id := _picked(before, pick.place)) is not None]
    named = [m.item_ids[0] for m in reading.mentions if m.item_ids and m.stance in {"like", "love"}]
    basis = picked or named or list(before.shown) or list(state.like)
    baseless = []
    for comparison in reading.comparisons:
        bound = _bound(comparison, basis, vocabulary)
        if bound is None:
            baseless.append(comparison.attribute)
        else:
            state = replace(state, conditions=tuple(_with(list(state.conditions), bound)))
    return state, tuple(baseless)


def _bound(comparison: Comparison, basis: list[str], vocabulary: Vocabulary) -> Span | None:
    held = [
        vocabulary.items[item_id].attributes.get(comparison.attribute)
        for item_id in basis
        if item_id in vocabulary.items
    ]
    numbers = [float(value) for value in held if isinstance(value, int | float) and not isinstance(value, bool)]
    if not numbers:
        return None
    middle = statistics.median_low(numbers)
    whole = all(number.is_integer() for number in numbers)
    if comparison.sign > 0:
        return Span(attribute=comparison.attribute, low=middle + 1 if whole else math.nextafter(middle, math.inf))
    return Span(attribute=comparison.attribute, high=middle - 1 if whole else math.nextafter(middle, -math.inf))


def _joined(old: str | None, new: str | None) -> str | None:
    words = dict.fromkeys(" ".join(part for part in (old, new) if part).split())
    return " ".join(words)[-200:].strip() or None


def _last(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))[-MOST_KEPT:]
