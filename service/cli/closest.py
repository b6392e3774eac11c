"""Users whose ids are near one that is not there. The operator may see them; no client of the service may."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from retrieval.errors import NotFoundError
from service.cli.context import open_record_of

if TYPE_CHECKING:
    from ranking.settings import Settings

_IDS_LOOKED_AT = 10_000


@contextmanager
def naming_closest_users(settings: Settings, user_id: str | None) -> Iterator[None]:
    """Where something is not found because the store has no such user, the error names the nearest ids too."""
    from retrieval.catalogue import closest

    try:
        yield
    except NotFoundError as error:
        if user_id is None:
            raise
        with open_record_of(settings) as record:
            if record.user(user_id) is not None:
                raise
            known = list(itertools.islice(record.iter_user_ids(), _IDS_LOOKED_AT))
        raise NotFoundError(f"{error}{closest(user_id, known)}") from error
