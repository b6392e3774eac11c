"""Adapters that were promoted, and the history that says which of them serves.

They lie in adapters/ of the home folder: a copy of each, and history.jsonl with one line an event, which only grows.
A copy's folder is named by the label and by a digest of all that answers depend on: the same weights with other fusion
weights are another copy, and none that ever served is written over. A copy is complete and checked before the history
names it, and the history is replaced at once, so whatever stops a process leaves what served before, or what serves
after. One process changes them at a time.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ranking.errors import AdapterFolderError, ModelError, PromotionError
from ranking.tuning.adapter import Adapter, read_adapter
from ranking.tuning.manifest import ADAPTER_FILE, CARD_FILE, PEFT_FILE, WEIGHTS_FILE, AdapterManifest
from retrieval.files import to_disk, write_whole
from retrieval.lock import acquire

ADAPTERS = "adapters"
HISTORY = "history.jsonl"
_DRAFT = ".draft-"
_WAIT_S = 30.0


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Difference(_Record):
    """How much better the promoted arm was than another, by the mean over the cases."""

    against: str
    """The other arm's name in the run."""
    label: str | None
    """Of the adapter behind it; None for an arm without one."""
    value: float
    low: float | None
    high: float | None
    """Ends of the 95% interval."""
    p: float
    """After correction for the comparisons of one promotion."""


class Evidence(_Record):
    """Why an adapter was promoted."""

    run: str
    """Name of the run's folder."""
    data: str
    """Digest of the data that the run asked about."""
    metric: str
    n: int
    """Cases on which the arms were compared."""
    differences: tuple[Difference, ...]


class Event(_Record):
    """One line of the history."""

    at: str
    """UTC, ISO 8601."""
    kind: Literal["promoted", "rolled-back"]
    label: str | None
    """Of the adapter that serves from then on; None where none does."""
    model: str | None = None
    """The setting model.name for which an adapter was promoted; None for a roll-back."""
    evidence: Evidence | None = None
    folder: str | None = None
    """Name of the copy that serves from then on; None in older lines, where it is the label."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Promotion:
    """An adapter that serves, or that served and may serve again."""

    label: str
    folder: Path
    model: str
    at: str
    evidence: Evidence | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """Changes whenever the history does; costs one look at the file system."""

    size: int
    modified_ns: int
    inode: int


class AdapterRegistry:
    """The promoted adapters of one home folder."""

    def __init__(self, home: Path) -> None:
        self.folder = home / ADAPTERS
        self._history = self.folder / HISTORY

    def stamp(self) -> Stamp | None:
        """What to compare to see whether the history has changed; None while there is none."""
        try:
            found = self._history.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Stamp(size=found.st_size, modified_ns=found.st_mtime_ns, inode=found.st_ino)

    def history(self) -> tuple[Event, ...]:
        """All events, oldest first. Raises PromotionError naming the line that cannot be read."""
        try:
            lines = self._history.read_bytes().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise PromotionError(f"{self._history} cannot be read: {error.strerror or error}") from error
        return tuple(self._event(number, line) for number, line in enumerate(lines, start=1))

    def current(self) -> Promotion | None:
        """The promoted adapter that serves; None where none does. Its files are not looked at."""
        served = self._served(self.history())
        return served[-1] if served else None

    def kept(self) -> tuple[Promotion, ...]:
        """Every copy that was ever promoted, once, in the order of the last promotion of each."""
        found: dict[Path, Promotion] = {}
        for event in self.history():
            if event.kind == "promoted":
                promotion = self._promotion(event)
                found.pop(promotion.folder, None)
                found[promotion.folder] = promotion
        return tuple(found.values())

    def find(self, name: str) -> Promotion:
        """The adapter of that label, name or copy, the last promoted one of them. Raises PromotionError if none is."""
        kept = self.kept()
        for promotion in reversed(kept):
            if name in {promotion.label, promotion.label.partition("@")[0], promotion.folder.name}:
                return promotion
        labels = [promotion.label for promotion in kept]
        names = [*labels, *(label.partition("@")[0] for label in labels)]
        near = get_close_matches(name, names, n=1)
        if not labels:
            hint = "none has been promoted yet"
        else:
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(labels)}"
        raise PromotionError(f"{name!r} is neither an adapter's folder nor a promoted adapter; {hint}")

    def promote(self, adapter: Adapter, *, model: str, evidence: Evidence, over: Promotion | None) -> Promotion:
        """Copies the adapter, checks the copy, and lets it serve from now on.

        `over` is what it was measured against. Raises PromotionError if another one serves by now or this
        very adapter serves already, ModelError if the folder is damaged, AdapterFolderError if the copy cannot be
        written, StoreBusyError if the lock is not free within 30 seconds; what served goes on serving.
        """
        label = adapter.manifest.label
        with self._changing() as history:
            served = self._served(history)
            now = served[-1] if served else None
            if (now and now.folder) != (over and over.folder):
                raise PromotionError(
                    f"{now.folder.name if now else 'no promoted adapter'} serves by now, not "
                    f"{over.folder.name if over else 'what serves without one'} that {label} was measured against; "
                    "look at: fewrec models list"
                )
            if now is not None and _answers_as(now.folder, adapter.manifest):
                raise PromotionError(f"{label} serves already")
            folder = self._copy(adapter)
            event = Event(at=_now(), kind="promoted", label=label, model=model, evidence=evidence, folder=folder.name)
            self._write([*history, event])
        return self._promotion(event)

    def rollback(self) -> Promotion | None:
        """Lets what served before the last promotion serve again, and returns it; None where no promoted adapter does.

        Raises PromotionError if nothing is promoted, ModelError if the files of what served before are damaged,
        AdapterFolderError if the history cannot be written.
        """
        with self._changing() as history:
            served = self._served(history)
            if not served:
                raise PromotionError("there is nothing to roll back: no adapter is promoted")
            before = served[-2] if len(served) > 1 else None
            if before is not None:
                read_adapter(before.folder)
            label, folder = (None, None) if before is None else (before.label, before.folder.name)
            self._write([*history, Event(at=_now(), kind="rolled-back", label=label, folder=folder)])
        return before

    def _event(self, number: int, line: bytes) -> Event:
        try:
            return Event.model_validate_json(line)
        except ValidationError as error:
            raise PromotionError(
                f"{self._history}, line {number} cannot be read ({error.error_count()} slips); put it right, or remove "
                f"the file to serve no promoted adapter"
            ) from error

    def _served(self, history: Sequence[Event]) -> list[Promotion]:
        """What serves, last, above what a roll-back would return to."""
        stack: list[Promotion] = []
        for event in history:
            if event.kind == "promoted":
                stack.append(self._promotion(event))
            elif stack:
                stack.pop()
        return stack

    def _promotion(self, event: Event) -> Promotion:
        label = event.label or ""
        return Promotion(
            label=label,
            folder=self.folder / (event.folder or label),
            model=event.model or "",
            at=event.at,
            evidence=event.evidence,
        )

    def _copy(self, adapter: Adapter) -> Path:
        """Where the copy lies, which is made unless an undamaged one is there."""
        target = self.folder / f"{adapter.manifest.label}-{adapter.manifest.answers_sha256[:12]}"
        if _answers_as(target, adapter.manifest):
            return target
        # What a killed process left behind; the lock says that nobody is using it.
        for leftover in self.folder.glob(f"{_DRAFT}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self.folder))
        try:
            made = draft / "new"
            made.mkdir()
            for name in (WEIGHTS_FILE, PEFT_FILE, CARD_FILE, ADAPTER_FILE):
                if (adapter.folder / name).is_file():
                    shutil.copyfile(adapter.folder / name, made / name)
                    to_disk(made / name)
            # The folder may have changed while it was read: what counts is what was copied.
            if read_adapter(made).manifest != adapter.manifest:
                raise PromotionError(f"{adapter.folder} was changed while it was copied; promote it again")
            if target.exists():  # damaged
                target.rename(draft / "old")
            made.rename(target)
            to_disk(self.folder)
            return target
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _write(self, history: Sequence[Event]) -> None:
        # Older lines stay as they are, to the letter: backups are compared by them.
        content = "".join(event.model_dump_json(exclude_unset=True) + "\n" for event in history)
        try:
            write_whole(self._history, content.encode())
            to_disk(self.folder)
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    @contextmanager
    def _changing(self) -> Iterator[tuple[Event, ...]]:
        busy = f"another process is changing which adapter serves ({self.folder}); try again"
        lock = acquire(self.folder / ".lock", busy=busy, timeout=_WAIT_S)
        try:
            yield self.history()
        finally:
            lock.release()


def _answers_as(folder: Path, manifest: AdapterManifest) -> bool:
    """Whether the folder holds an undamaged adapter whose answers are those of the manifest's."""
    try:
        there = read_adapter(folder).manifest
    except ModelError:
        return False
    return there.answers_sha256 == manifest.answers_sha256


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _unwritable(folder: Path, error: OSError) -> AdapterFolderError:
    return AdapterFolderError(
        f"the adapter cannot be kept in {folder}: {error.strerror or error}; what served goes on serving"
    )
