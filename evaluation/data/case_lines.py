"""One line of a cases file, checked. Every problem is a RowError that says which part of the line it is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.spelling import meant
from retrieval.importing.cleaning import (
    RowError,
    clean_attribute,
    clean_id,
    clean_rating,
    clean_text,
    clean_time,
    clean_title,
    is_absent,
)
from retrieval.types import Attributes, AttributeValue

_KEYS = ("case_id", "user_id", "history", "candidates", "target", "item", "label")
_ITEM_KEYS = frozenset({"item_id", "title", "description", "domain", "added_at"})
_PAST_KEYS = frozenset({"liked", "timestamp", "rating"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemLine:
    """An item as one line tells it. None is what the line does not say."""

    item_id: str | None
    title: str
    domain: str | None
    description: str | None
    added_at: float | None
    attributes: Attributes


@dataclass(frozen=True, kw_only=True, slots=True)
class PastLine:
    """One entry of a history."""

    item: ItemLine
    timestamp: float
    """Its place in the history where the line gives no time."""
    liked: bool
    rating: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseLine:
    """A case: the asked item is `candidates[asked]`; a labelled case has just that one."""

    case_id: str
    user_id: str | None
    history: tuple[PastLine, ...]
    candidates: tuple[ItemLine, ...]
    asked: int
    label: float | None


def read_line(values: Mapping[str, object]) -> CaseLine:
    """A case from a line's JSON object."""
    for key in values:
        if key not in _KEYS:
            raise RowError(f"there is no field {key!r}; {meant(key, _KEYS)}")
    ranking, labelled = ("candidates" in values or "target" in values), ("item" in values or "label" in values)
    if ranking == labelled:
        raise RowError("a case has either candidates and target, or item and label")
    case_id = clean_id(values.get("case_id"), "case_id")
    user_id = None if is_absent(values.get("user_id")) else clean_id(values["user_id"], "user_id")
    history = _history(values.get("history"))
    if labelled:
        item, label = _asked_item(values.get("item")), _label(values.get("label"))
        return CaseLine(case_id=case_id, user_id=user_id, history=history, candidates=(item,), asked=0, label=label)
    candidates = _candidates(values.get("candidates"))
    target = clean_id(values.get("target"), "target")
    ids = [item.item_id for item in candidates]
    if target not in ids:
        raise RowError(f"target {target!r} is not among the candidates")
    return CaseLine(
        case_id=case_id,
        user_id=user_id,
        history=history,
        candidates=candidates,
        asked=ids.index(target),
        label=None,
    )


def _candidates(value: object) -> tuple[ItemLine, ...]:
    found = tuple(
        _item(one, f"candidate {place}", _ITEM_KEYS) for place, one in enumerate(_objects(value, "candidates"), start=1)
    )
    seen: set[str] = set()
    for place, item in enumerate(found, start=1):
        if item.item_id is None:
            raise RowError(f"candidate {place} ({item.title[:40]!r}): no item_id")
        if item.item_id in seen:
            raise RowError(f"candidate {item.item_id!r} is there twice")
        seen.add(item.item_id)
    if not found:
        raise RowError("no candidates")
    return found


def _history(value: object) -> tuple[PastLine, ...]:
    if value is None:
        return ()
    found = []
    for place, one in enumerate(_objects(value, "history")):
        where = f"history entry {place + 1}"
        item = _item(one, where, _ITEM_KEYS | _PAST_KEYS)
        liked = one.get("liked", True)
        if not isinstance(liked, bool):
            raise RowError(f"{where}: liked is {liked!r}, not true or false")
        try:
            time, rating = one.get("timestamp"), one.get("rating")
            timestamp = float(place) if time is None else clean_time(time)
            found.append(PastLine(item=item, timestamp=timestamp, liked=liked, rating=clean_rating(rating)))
        except RowError as problem:
            raise RowError(f"{where}: {problem}") from problem
    times = [entry.timestamp for entry in found]
    if times != sorted(times):
        raise RowError("the history is not in order of time, oldest first")
    return tuple(found)


def _asked_item(value: object) -> ItemLine:
    if not isinstance(value, dict):
        raise RowError("item is no JSON object")
    return _item(value, "item", _ITEM_KEYS)


def _label(value: object) -> float:
    if not isinstance(value, int | float) or value not in (0, 1):
        raise RowError(f"label is {value!r}, not 0 or 1")
    return float(value)


def _objects(value: object, name: str) -> Sequence[Mapping[str, object]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise RowError(f"{name} is no list of JSON objects")
    return value


def _item(values: Mapping[str, object], where: str, own_keys: frozenset[str]) -> ItemLine:
    item_id, description, domain = (values.get(key) for key in ("item_id", "description", "domain"))
    added_at = values.get("added_at")
    try:
        return ItemLine(
            item_id=None if is_absent(item_id) else clean_id(item_id, "item_id"),
            title=clean_title(values.get("title")),
            domain=None if is_absent(domain) else clean_text(str(domain).strip(), "domain"),
            description=None if is_absent(description) else clean_text(str(description).strip(), "description"),
            added_at=None if added_at is None or is_absent(added_at) else clean_time(added_at, "added_at"),
            attributes=_attributes({key: values[key] for key in values if key not in own_keys}),
        )
    except RowError as problem:
        named = "" if is_absent(item_id) else f" ({str(item_id)[:40]!r})"
        raise RowError(f"{where}{named}: {problem}") from problem


def _attributes(values: Mapping[str, object]) -> Attributes:
    found: dict[str, AttributeValue] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            raise RowError(
                f"{name} is a JSON object; an attribute is a text, a number, true or false, or a list of texts"
            )
        cleaned = clean_attribute(name, value)
        if cleaned is not None:
            found[name] = cleaned
    return found
