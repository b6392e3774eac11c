"""Scenarios: named files of settings, shipped ones and the operator's own. A client names one, and nothing more."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from ranking.errors import ConfigError
from ranking.experiments.config import Name
from retrieval.config import Section
from retrieval.errors import InputError, one_line

FOLDER = "scenarios"
"""Under the home folder, of the operator's own scenarios."""
CHANGEABLE = frozenset({
    "ads", "arrangement", "consistency", "examples", "fusion", "likelihood", "listwise", "prompt", "retrieval",
    "setwise", "strategy", "windows", "yes_no",
})  # fmt: skip
"""Sections that a scenario may change: all share one store and one model, so that these are in memory once."""
_SUFFIX = ".yaml"
_NAME: TypeAdapter[str] = TypeAdapter(Name)


class _File(Section):
    about: str = Field(min_length=1, max_length=300)
    settings: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """What is put on top of the settings for one kind of list."""

    name: str
    about: str
    """One line for people."""
    settings: dict[str, Any]
    """Nested, as in a settings file; what they hold is checked where they become settings."""
    place: str
    """The file, for errors."""


def list_scenarios(home: Path) -> list[str]:
    """The names there are, sorted. One of the operator's own replaces a shipped one of the same name."""
    return sorted(_sources(home))


def read_scenario(home: Path, name: str) -> Scenario:
    """The scenario of a name. Raises InputError naming the nearest where there is none, ConfigError for a bad file."""
    sources = _sources(home)
    source = sources.get(name)
    if source is None:
        near = difflib.get_close_matches(name, sources, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(f"no scenario named {name[:100]!r}; {hint}There are: {', '.join(sorted(sources))}")
    return _read(name, source)


def _sources(home: Path) -> dict[str, Traversable]:
    folders: tuple[Traversable, ...] = (resources.files("ranking") / FOLDER, home / FOLDER)
    return {
        entry.name.removesuffix(_SUFFIX): entry
        for folder in folders
        if folder.is_dir()
        for entry in folder.iterdir()
        if entry.name.endswith(_SUFFIX)
    }


def _read(name: str, source: Traversable) -> Scenario:
    place = str(source)
    try:
        _NAME.validate_python(name)
        found = _File.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")) or {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read the scenario {place}: {one_line(error)}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its name or shape"
        raise ConfigError(f"scenario {place}: {where}: {first['msg']}") from error
    if barred := sorted(set(found.settings) - CHANGEABLE):
        raise ConfigError(
            f"scenario {place}: a scenario cannot change {barred[0]}, only {', '.join(sorted(CHANGEABLE))}"
        )
    return Scenario(name=name, about=found.about, settings=found.settings, place=place)
