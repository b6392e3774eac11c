"""Tells what is wrong with a configuration file: the place, the slip, and what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_QUOTED = re.compile(r"'([^']*)'")
_SHOWN = 12


def meant(given: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known ones, or all if none is near."""
    names = sorted(set(known))
    near = get_close_matches(given, names, n=2, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(name) for name in near) + "?"
    if not names:
        return "there are none"
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return "known: " + ", ".join(names[:_SHOWN]) + rest


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """One line for the first slip that pydantic found in data for `model`, misspelt names before all others."""
    # A misspelt name often shows as a missing one as well; the misspelling is the one to mend.
    details = sorted(error.errors(include_url=False), key=lambda each: each["type"] != "extra_forbidden")
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return _line(details[0], model) + more


def _line(detail: ErrorDetails, model: type[BaseModel]) -> str:
    given, context = detail["input"], detail.get("ctx", {})
    place, found = _walk(model, detail["loc"])
    text = f": {detail['msg'][0].lower()}{detail['msg'][1:]}, not {given!r}"
    match detail["type"]:
        case "extra_forbidden":
            _, holder = _walk(model, detail["loc"][:-1])
            text = f": there is no such setting; {meant(place[-1], _names(holder))}"
        case "missing":
            text = " is missing"
        case "union_tag_not_found":
            text = f": 'kind' is missing; {meant('', (tag for one in _options(found) for tag in _kinds(one)))}"
        case "union_tag_invalid":
            tag, known = str(context["tag"]), _QUOTED.findall(str(context["expected_tags"]))
            text = f".kind: there is no {tag!r}; {meant(tag, known)}"
        case "literal_error" | "enum":
            text = f": {given!r} is not possible; {meant(str(given), _QUOTED.findall(str(context['expected'])))}"
        case "value_error":
            text = f": {context['error']}"
    return ".".join(place) + text if place else text.removeprefix(": ")


def _walk(annotation: Any, loc: Sequence[int | str]) -> tuple[list[str], Any]:
    """Follows a location: the parts that stand in the file, and the type at its end (None where it is not known).

    Pydantic's locations name the chosen member of a union beside the keys; these parts are left out.
    """
    place: list[str] = []
    for part in loc:
        options = _options(annotation)
        chosen = [option for option in options if _names_member(part, option)]
        if len(options) > 1 and chosen:
            annotation = chosen[0]
            continue
        place.append(str(part))
        annotation = _inside(options[0], part) if options else None
    return place, annotation


def _names_member(part: int | str, option: Any) -> bool:
    if get_origin(option) is Literal:
        return isinstance(part, str) and part.startswith("literal[")
    return part in _kinds(option) or part == getattr(option, "__name__", "")


def _options(annotation: Any) -> list[Any]:
    """The types that an annotation allows, without None, with nested unions and annotations taken apart."""
    if get_origin(annotation) is Annotated:
        return _options(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return [found for option in get_args(annotation) for found in _options(option)]
    return [] if annotation in {None, NoneType} else [annotation]


def _kinds(option: Any) -> tuple[str, ...]:
    fields = _fields(option)
    if "kind" not in fields or get_origin(fields["kind"].annotation) is not Literal:
        return ()
    return get_args(fields["kind"].annotation)


def _inside(option: Any, part: int | str) -> Any:
    fields = _fields(option)
    if fields:
        return next((field.annotation for name, field in fields.items() if part in {name, field.alias}), None)
    arguments = get_args(option)
    if not arguments:
        return None
    return arguments[0] if isinstance(part, int) else arguments[-1]


def _names(annotation: Any) -> list[str]:
    return [field.alias or name for option in _options(annotation) for name, field in _fields(option).items()]


def _fields(option: Any) -> dict[str, Any]:
    return option.model_fields if isinstance(option, type) and issubclass(option, BaseModel) else {}
