"""The run folder: what was run (spec.json), what came of each case (cases.jsonl), and the aggregates.

A folder belongs to one process at a time, to one data set and to one set of cases; its arms may be added to, but an arm
keeps its meaning. What aggregates hold follows from the journal alone, so it does not show how often a run was stopped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from evaluation.errors import RunFolderError, RunMismatchError
from evaluation.run.journal import Journal
from retrieval.closing import Closing
from retrieval.errors import StoreBusyError
from retrieval.files import write_whole
from retrieval.lock import acquire

SPEC = "spec.json"
METRICS = "metrics.json"
COSTS = "costs.json"
FORMAT = 1
DIGITS = 6
_LOCK = ".lock"


@dataclass(frozen=True, kw_only=True, slots=True)
class Digests:
    """SHA-256 digests of all that outcomes depend on."""

    data: str
    """Of the data set: items, users and interactions."""
    cases: str
    """Of the protocol, the scenarios and the seed."""
    arms: Mapping[str, str]
    """By arm, of its configuration and of what it loads (weights, template)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """What is run, on what, and where. In spec.json the last three stand by start, one entry for each set of them."""

    name: str
    config: Mapping[str, Any]
    """The configuration with its grids expanded, as plain JSON; its arms in their order."""
    digests: Digests
    seeds: Mapping[str, int]
    data: Mapping[str, Any] = field(default_factory=dict)
    """name, items, users, interactions, known_interactions, cases by scenario, left_out by reason."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of our package, of Python and of the libraries that move numbers."""
    source: Mapping[str, Any] | None = None
    """Commit and dirty flag, where the code is a checkout; None elsewhere."""
    hardware: Mapping[str, Any] = field(default_factory=dict)


class RunFolder(Closing):
    """An open run folder, locked for this process. A context manager."""

    def __init__(self, path: Path, spec: Spec) -> None:
        """Begins the folder, or opens one that was begun with the same data and cases.

        Raises RunMismatchError saying which digest differs, RunFolderError if the folder cannot be written or another
        process works in it.
        """
        self.path = path
        try:
            self._lock = acquire(
                path / _LOCK,
                busy=f"another process is working in {path}; wait for it, or give another folder with --output",
            )
        except StoreBusyError as error:
            raise RunFolderError(str(error)) from error
        try:
            self._begin(spec)
            self.journal = Journal(path)
        except BaseException:
            self._lock.release()
            raise

    def write(self, name: str, value: Mapping[str, Any]) -> None:
        """Replaces one of the folder's aggregates: keys sorted, 6 digits, NaN as null; never half a file."""
        write_json(self.path / name, _rounded(value), sort=True)

    def close(self) -> None:
        """Closes the journal and lets the folder go."""
        self.journal.close()
        self._lock.release()

    def _begin(self, spec: Spec) -> None:
        start = {
            "began_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": dict(spec.versions),
            "source": spec.source,
            "hardware": dict(spec.hardware),
        }
        old = read_spec(self.path)
        if old is None:
            if (self.path / "cases.jsonl").exists():
                raise RunMismatchError(
                    f"{self.path} holds cases.jsonl but no {SPEC}; give another folder with --output"
                )
            starts = [start]
            arms = dict(spec.digests.arms)
        else:
            _compare(self.path, old, spec.digests)
            changed = {name: old["starts"][-1][name] for name in ("versions", "source", "hardware")}
            same = all(start[name] == value for name, value in changed.items())
            starts = old["starts"] if same else [*old["starts"], start]
            arms = {**old["digests"]["arms"], **spec.digests.arms}
        write_json(
            self.path / SPEC,
            {
                "format": FORMAT,
                "name": spec.name,
                "digests": {"data": spec.digests.data, "cases": spec.digests.cases, "arms": arms},
                "seeds": spec.seeds,
                "data": spec.data,
                "config": spec.config,
                "starts": starts,
            },
        )


def read_spec(folder: Path) -> dict[str, Any] | None:
    """What spec.json holds; None where the folder has none. Raises RunFolderError if it cannot be read."""
    path = folder / SPEC
    try:
        spec = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError) as error:
        raise RunFolderError(f"cannot read {path}: {error}") from error
    if not isinstance(spec, dict) or spec.get("format") != FORMAT:
        raise RunFolderError(f"{path} is not of format {FORMAT}: it was written by another version of fewrec")
    return spec


def digest_of(value: object) -> str:
    """SHA-256 of a value's JSON with sorted keys."""
    return sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def write_json(path: Path, value: Mapping[str, Any] | Sequence[Any], *, sort: bool = False) -> None:
    """Replaces a JSON file in one step. Raises RunFolderError if the disk does not take it."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | (orjson.OPT_SORT_KEYS if sort else 0)
    try:
        write_whole(path, orjson.dumps(value, option=option))
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error.strerror}; outcomes are kept, run again to go on") from error


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        # Adding 0.0 turns -0.0 into 0.0: the two are equal, but their texts are not.
        return round(value, DIGITS) + 0.0 if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return value


def _compare(folder: Path, old: Mapping[str, Any], new: Digests) -> None:
    known = old["digests"]
    pairs = [("data", "the data set", known["data"], new.data), ("cases", "the cases", known["cases"], new.cases)]
    pairs += [
        (f"arms.{name}", f"arm {name!r}", known["arms"][name], digest)
        for name, digest in sorted(new.arms.items())
        if name in known["arms"]
    ]
    for place, what, before, now in pairs:
        if before != now:
            raise RunMismatchError(
                f"{folder} was begun with other values: the digest of {what} ({place}) was {before[:12]} and is now "
                f"{now[:12]}. Give another folder with --output, or undo the change"
            )
