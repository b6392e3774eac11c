"""What a report takes from a run's spec.json: what was run, on what, where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.errors import RunFolderError
from evaluation.run.folder import SPEC
from evaluation.run.folder import read_spec as read_json

_LLM = "llm"


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecFacts:
    """The facts for a report's head. None where the spec does not tell."""

    name: str
    dataset: str
    digest: str
    protocol: str | None
    cases_digest: str
    started: str | None
    commit: str | None
    dirty: bool
    hardware: str | None
    versions: Mapping[str, str]
    known_interactions: int | None
    left_out: Mapping[str, int]
    """Cases that could not be asked, by reason."""
    config: Mapping[str, object]
    arms: tuple[str, ...]
    """In the order of the configuration."""
    llm_arms: frozenset[str]


def read_spec(folder: Path) -> SpecFacts:
    """The facts of a run; of its starts the last. RunFolderError if the spec is missing or not understood."""
    spec = read_json(folder)
    if spec is None:
        raise RunFolderError(
            f"{folder} has no {SPEC}, so it is not a run folder; give the folder that `fewrec evaluate --output` wrote"
        )
    try:
        return _facts(spec)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise RunFolderError(f"{folder / SPEC} cannot be used: {type(error).__name__} {error}") from error


def _facts(spec: Mapping[str, Any]) -> SpecFacts:
    data, config, start = spec["data"], spec["config"], spec["starts"][-1]
    source = start["source"] or {}
    arms = config.get("arms", {})
    return SpecFacts(
        name=spec["name"],
        dataset=data.get("name") or spec["name"],
        digest=spec["digests"]["data"],
        protocol=_protocol(config.get("protocol")),
        cases_digest=spec["digests"]["cases"],
        started=spec["starts"][0]["began_at"],
        commit=source.get("commit"),
        dirty=bool(source.get("dirty")),
        hardware=_hardware(start["hardware"]),
        versions=start["versions"],
        known_interactions=data.get("known_interactions"),
        left_out=data.get("left_out") or {},
        config=config,
        arms=tuple(arms),
        llm_arms=frozenset(name for name, arm in arms.items() if arm.get("kind") == _LLM),
    )


def _protocol(protocol: Any) -> str | None:
    """The kind of protocol that the configuration names."""
    if not isinstance(protocol, Mapping):
        return protocol if isinstance(protocol, str) else None
    kind = protocol.get("kind")
    return None if kind is None else str(kind).replace("_", " ")


def _hardware(hardware: Mapping[str, Any]) -> str | None:
    """One line; facts that are None are left out."""
    units = {"cores": "cores", "memory_gib": "GiB memory"}
    parts = [
        f"{value} {units[name]}" if name in units else str(value)
        for name, value in sorted(hardware.items(), key=lambda fact: fact[0] == "platform")
        if value is not None and value != ""
    ]
    return ", ".join(parts) or None
