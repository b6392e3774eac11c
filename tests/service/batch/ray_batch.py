"""A batch over two processes of a local Ray cluster; one dies at its first part. A process of its own for Ray."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ranking.begun import Prepared
from ranking.recommender import Recommender
from ranking.settings import load_settings
from ranking.types import Recommendation
from retrieval.record import Record
from service.batch.batch import finish, planned
from service.batch.over_ray import Cluster, answer_over_ray
from service.batch.work import Work
from tests.service.api.shop import recommender_of
from tests.service.batch.shop_batch import opened, request_of


@contextmanager
def mortal(home: Path, log: Path) -> Iterator[Recommender]:
    """A worker's Recommender on a copy of the shop. The first worker of all dies when it is to rank."""
    with tempfile.TemporaryDirectory() as own:
        shutil.copytree(home, own, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.lock"))
        with opened(Path(own)) as store:
            recommender = recommender_of(store)
            rank = recommender.rank_prepared

            async def rank_or_die(prepared: Sequence[Prepared], n: int) -> list[Recommendation]:
                _die_if_first(log)
                return await rank(prepared, n)

            recommender.rank_prepared = rank_or_die  # type: ignore[method-assign]
            yield recommender


def _die_if_first(log: Path) -> None:
    with log.open("a") as file:
        file.write(f"{os.getpid()}\n")
    if len(set(log.read_text().split())) == 1:
        os._exit(1)


def main(home: Path, users: Path, output: Path, log: Path) -> None:
    request = request_of(users, output)
    record = Record.open(str(home / "record.db"))
    with Work(request.output) as work:
        plan = planned(work, request, load_settings(tuned=False), record)
        record.close()
        cluster = Cluster(address="local", workers=2)
        answer_over_ray(work, plan, request, cluster, partial(mortal, home, log))
        finish(work, plan, request)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
