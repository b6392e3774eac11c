"""Arms by the dozen: `grid: {shots: [0, 2], strategy: [likelihood, yes-no]}` stands for four arms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from evaluation.errors import RunConfigError
from evaluation.spelling import meant

MOST_ARMS = 200
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


def expand(arms: Mapping[str, Any]) -> dict[str, Any]:
    """Arms as written in a file, each grid replaced by its arms, `name[field=value,...]`, the last field fastest.

    A field is a dotted path. Raises RunConfigError naming the arm for a grid that cannot be used.
    """
    found: dict[str, Any] = {}
    for name, arm in arms.items():
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise RunConfigError(f"arms.{name}: a name is made of letters, digits, '_', '-', '+' and '.'")
        if not isinstance(arm, Mapping) or "grid" not in arm:
            found[name] = arm
            continue
        plain = {key: value for key, value in arm.items() if key != "grid"}
        paths, values = _checked(name, arm["grid"])
        labels = _labels(paths)
        for combination in product(*values):
            filled = deepcopy(plain)
            for path, value in zip(paths, combination, strict=True):
                _put(filled, path, value, f"arms.{name}.grid.{path}")
            said = ",".join(f"{label}={_text(value)}" for label, value in zip(labels, combination, strict=True))
            found[f"{name}[{said}]"] = filled
    if len(found) > MOST_ARMS:
        raise RunConfigError(f"arms: the grids make {len(found)} arms; at most {MOST_ARMS} run at once")
    return found


def select(patterns: Iterable[str], names: Sequence[str]) -> list[str]:
    """The arms that the patterns name, in the order of `names`.

    A pattern is an arm's name, the name of a grid (all of its arms), or holds `*` and `?`. Raises RunConfigError for a
    pattern that names none.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        matched = [name for name in names if name == pattern or name.startswith(f"{pattern}[") or _fits(name, pattern)]
        if not matched:
            known = dict.fromkeys((*names, *(name.partition("[")[0] for name in names)))
            raise RunConfigError(f"there is no arm {pattern!r}; {meant(pattern, list(known))}")
        chosen.update(matched)
    return [name for name in names if name in chosen]


def split_outside_brackets(text: str) -> list[str]:
    """The parts of a comma list; commas in brackets belong to an arm's name."""
    return [part for part in (found.strip() for found in re.split(r",(?![^\[]*\])", text)) if part]


def _fits(name: str, pattern: str) -> bool:
    # Brackets belong to names here, so they must not mean a set of characters.
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _checked(name: str, grid: Any) -> tuple[list[str], list[list[Any]]]:
    place = f"arms.{name}.grid"
    if not isinstance(grid, Mapping) or not grid:
        raise RunConfigError(f"{place} must hold fields with lists of values, such as `shots: [0, 2, 4]`")
    for path, values in grid.items():
        if not isinstance(path, str) or path == "kind":
            raise RunConfigError(f"{place}.{path}: a grid runs over the fields of one kind, given by name")
        if not isinstance(values, list) or not values:
            raise RunConfigError(f"{place}.{path} must be a list of values, not {values!r}")
        if len({_text(value) for value in values}) < len(values):
            raise RunConfigError(f"{place}.{path} names a value twice")
    return list(grid), list(grid.values())


def _labels(paths: Sequence[str]) -> list[str]:
    """Last parts of the paths where that tells them apart."""
    last = [path.rpartition(".")[2] for path in paths]
    return [short if last.count(short) == 1 else path for short, path in zip(last, paths, strict=True)]


def _put(arm: dict[str, Any], path: str, value: Any, place: str) -> None:
    *parents, leaf = path.split(".")
    for parent in parents:
        arm = arm.setdefault(parent, {})
        if not isinstance(arm, dict):
            raise RunConfigError(f"{place}: {parent!r} has no fields of its own")
    if leaf in arm:
        raise RunConfigError(f"{place}: the arm gives this field a value already; leave one of the two out")
    arm[leaf] = value


def _text(value: Any) -> str:
    """The value as YAML would write it; brackets would end the arm's name too early."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).replace("[", "(").replace("]", ")")
