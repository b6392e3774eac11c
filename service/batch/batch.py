"""A batch: everybody's list into one Parquet file, whatever is killed in between."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ranking.tuning.run_digest import digests
from retrieval.errors import InputError
from retrieval.protocol import Progress
from retrieval.record import Record
from retrieval.types import Query
from service.batch.answering import Answering, ListMaker, Wanted
from service.batch.users import checked, everyone, users_in
from service.batch.work import Outcome, Plan, Work

if TYPE_CHECKING:
    from ranking.settings import Settings

USERS_A_PART = 64
"""As many as are ranked in one call of the model, and lost at most when it is killed."""
_ALL = "everybody"
_NOT_OF_THE_LISTS = {"home", "cache", "record_url", "index", "ladder", "tracing", "access", "engine", "model"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a batch is asked for."""

    users: Path | None
    """The list of users; None is everybody in the record."""
    output: Path
    n: int
    query: Query
    """What all users ask for, without a user."""
    as_of: float | None = None
    """The moment of every list; None is when the batch began."""
    overwrite: bool = False
    """Whether an output that exists, and what was begun with other values, may go."""

    @property
    def source(self) -> str:
        """What the list of users is called."""
        return _ALL if self.users is None else self.users.name


def refuse_to_overwrite(request: Request, work: Work) -> None:
    """Raises InputError for an output that exists already, unless it may go or is that of this unfinished batch."""
    if request.output.exists() and not request.overwrite and work.plan() is None:
        raise InputError(f"{request.output} exists; give another --output, or --overwrite to replace it")


def planned(work: Work, request: Request, settings: Settings, record: Record) -> Plan:
    """The plan that was begun with these values, or a new one. Raises InputError where it was begun with others."""
    refuse_to_overwrite(request, work)
    mine = digests(_parts_of(request, settings, record))
    old = work.plan()
    if old is not None:
        other = [name for name, digest in mine.items() if old.digests.get(name) != digest]
        if not other:
            return old
        if not request.overwrite:
            raise InputError(
                f"{work.folder} holds a batch that was begun with other {' and '.join(other)}; repeat that command to "
                "finish it, or give --overwrite to begin anew"
            )
    listed = everyone(record) if request.users is None else checked(record, users_in(request.users))
    as_of = time.time() if request.as_of is None else request.as_of
    return work.begin(listed, digests=mine, as_of=as_of, users_a_part=USERS_A_PART)


def answer_here(
    work: Work,
    plan: Plan,
    request: Request,
    recommender: ListMaker,
    *,
    in_flight: int,
    progress: Progress | None = None,
) -> None:
    """Answers the parts that are missing with this Recommender; each is kept as soon as it is done."""
    pending = work.pending(plan)
    answering = Answering(recommender, wanted(plan, request), in_flight=in_flight)
    with closing(work.users_of(plan, pending)) as parts:
        asyncio.run(answering.run(parts, keeping(work, plan, len(pending), progress)))


def finish(work: Work, plan: Plan, request: Request) -> Outcome:
    """Puts the parts together where the output belongs."""
    return work.finish(plan, request.source)


def wanted(plan: Plan, request: Request) -> Wanted:
    """What every user gets."""
    return Wanted(query=request.query, as_of=plan.as_of, n=request.n)


def keeping(work: Work, plan: Plan, n_pending: int, progress: Progress | None) -> Callable[[int, bytes], None]:
    """Keeps parts, and tells how many users are done."""
    done = plan.n_parts - n_pending

    def show() -> None:
        if progress is not None:
            progress("users", min(done * plan.users_a_part, plan.n_users), plan.n_users)

    def keep(number: int, content: bytes) -> None:
        nonlocal done
        work.keep(number, content)
        done += 1
        show()

    show()
    return keep


def _parts_of(request: Request, settings: Settings, record: Record) -> dict[str, object]:
    from ranking.factory import choose_template
    from ranking.tuning.adapter import read_adapter

    adapter = settings.model.adapter
    return {
        "users": _ALL if request.users is None else _digest_of_file(request.users),
        "wishes": [request.n, request.as_of, _words(request.query)],
        "settings": settings.model_dump(mode="json", exclude=_NOT_OF_THE_LISTS),
        "model": [
            settings.engine.kind,
            settings.model.name,
            settings.model.dtype,
            settings.model.max_packed_tokens,
            None if adapter is None else read_adapter(adapter).manifest.answers_sha256,
            choose_template(settings).ref.label,
        ],
        "store": record.record_id(),
    }


def _words(query: Query) -> list[object]:
    return [query.text, [repr(one) for one in query.filters], sorted(query.exclude), query.domain]


def _digest_of_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
